import { describe, expect, test } from "vitest";
import { DEFAULT_DOORS } from "../../src/base/door-settings.ts";
import { ConfigError, readSettings } from "../../src/base/settings.ts";
import type { Variables } from "../../src/base/variables.ts";

const KEY = { kty: "EC", crv: "P-256", x: "x", y: "y" };
const SET = JSON.stringify({ keys: [KEY] });
const JWT = { JWT_ISSUER: "https://issuer.example", JWT_AUDIENCE: "keeper" };

const doorsOf = (variables: Variables): unknown => readSettings({ VOTERS: "1", ...variables }).doors;

describe("the settings of doors", () => {
  test("are shut, and without bounds, where nothing is set", () => {
    expect(doorsOf({})).toEqual(DEFAULT_DOORS);
    const empty = { JWT_ISSUER: "", JWT_KEYS: "", CORS_ORIGINS: "", RATE_LIMIT_PER_TOKEN: "" };
    expect(doorsOf(empty)).toEqual(DEFAULT_DOORS);
  });

  test("are all read", () => {
    const keys = { JWT_JWKS_URL: "https://issuer.example/keys?x=1", JWT_SCOPES_CLAIM: "scope" };
    const rates = { RATE_LIMIT_PER_ADDRESS: "50", RATE_LIMIT_PER_TOKEN: "20" };
    const origins = "https://app.example, http://localhost:5173";
    expect(doorsOf({ ...JWT, ...keys, ...rates, CORS_ORIGINS: origins })).toEqual({
      requestsPerAddress: 50,
      callsPerToken: 20,
      corsOrigins: ["https://app.example", "http://localhost:5173"],
      jwt: {
        issuer: "https://issuer.example",
        audience: "keeper",
        keys: { url: "https://issuer.example/keys?x=1" },
        scopesClaim: "scope",
      },
    });
    expect(doorsOf({ ...JWT, JWT_KEYS: SET })).toMatchObject({
      jwt: { keys: { set: SET }, scopesClaim: "edgekeeper" },
    });
    expect(doorsOf({ CORS_ORIGINS: "*" })).toMatchObject({ corsOrigins: ["*"] });
  });

  test.each<[Variables, string]>([
    [{ CORS_ORIGINS: "app.example" }, "CORS_ORIGINS"],
    [{ CORS_ORIGINS: "https://app.example/" }, "CORS_ORIGINS"],
    [{ CORS_ORIGINS: "*,https://app.example" }, "CORS_ORIGINS"],
    [{ CORS_ORIGINS: "null" }, "CORS_ORIGINS"],
    [{ JWT_ISSUER: "x" }, "set together"],
    [{ ...JWT }, "set together"],
    [{ ...JWT, JWT_KEYS: SET, JWT_JWKS_URL: "https://x/" }, "set together"],
    [{ ...JWT, JWT_JWKS_URL: "http://issuer.example/keys" }, "https"],
    [{ ...JWT, JWT_JWKS_URL: "http://127.0.0.1.evil.example/keys" }, "https"],
    [{ ...JWT, JWT_JWKS_URL: "https://user@issuer.example/keys" }, "https"],
    [{ ...JWT, JWT_KEYS: "words" }, "JWK Set"],
    [{ ...JWT, JWT_KEYS: "[]" }, "JWK Set"],
    [{ ...JWT, JWT_KEYS: JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] }) }, "public"],
    [{ ...JWT, JWT_KEYS: JSON.stringify({ keys: [{ ...KEY, d: "private" }] }) }, "public"],
    [{ RATE_LIMIT_PER_TOKEN: "-1" }, "RATE_LIMIT_PER_TOKEN"],
    [{ RATE_LIMIT_PER_ADDRESS: "many" }, "RATE_LIMIT_PER_ADDRESS"],
  ])("%j is refused, in words that name it and hold no key", (variables, told) => {
    expect(() => doorsOf(variables)).toThrow(ConfigError);
    expect(() => doorsOf(variables)).toThrow(told);
    expect(() => doorsOf(variables)).not.toThrow(/private|c2VjcmV0/);
  });
});
