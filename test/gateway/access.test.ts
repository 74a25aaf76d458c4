import { describe, expect, test } from "vitest";
import { refusal, servesTcp } from "../../src/gateway/access.ts";

const LOCAL = { host: "127.0.0.1:8787", origin: undefined, authorization: undefined };

describe("a deployment without a secret", () => {
  test("refuses everybody, and says what to do", () => {
    expect(refusal({}, LOCAL)).toMatchObject({ status: 403 });
    expect(refusal({}, { ...LOCAL, authorization: "Bearer " })?.detail).toContain("wrangler secret put");
    expect(servesTcp({})).toBe(false);
  });
});

describe("a deployment whose secret can be guessed", () => {
  test("is shut to everybody, also to who knows it, and says what to do", () => {
    const env = { EDGEKEEPER_SECRET: "fifteen letters", EDGEKEEPER_DEV: "1" };
    const shown = { ...LOCAL, authorization: "Bearer fifteen letters" };
    expect(refusal(env, shown)).toMatchObject({ status: 403 });
    expect(refusal(env, shown)?.detail).toContain("openssl rand");
    expect(servesTcp(env)).toBe(false);
  });
});

describe("a deployment with a secret", () => {
  const env = { EDGEKEEPER_SECRET: "correct horse battery" };

  test("lets in who shows it, wherever they come from", () => {
    const caller = {
      host: "keeper.example",
      origin: "https://app.example",
      authorization: "Bearer correct horse battery",
    };

    expect(refusal(env, caller)).toBeUndefined();
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer correct",
    "Bearer correct horse battery!",
    "correct horse battery",
  ])("refuses who shows %s", (authorization) => {
    expect(refusal(env, { ...LOCAL, authorization })).toMatchObject({ status: 401 });
  });

  test("asks for it in development too, and serves no TCP without the flag", () => {
    expect(refusal({ ...env, EDGEKEEPER_DEV: "1" }, LOCAL)).toMatchObject({ status: 401 });
    expect(servesTcp(env)).toBe(false);
  });
});

describe("development", () => {
  const dev = { EDGEKEEPER_DEV: "1" };

  test.each([undefined, "", "Bearer", "Bearer ", "digest root:secret"])(
    "lets in who shows no credential of ours: %s",
    (authorization) => {
      expect(refusal(dev, { ...LOCAL, authorization })).toBeUndefined();
    },
  );

  test.each(["Bearer x", "bearer x", "Bearer correct horse battery"])(
    "refuses who shows a wrong one: %s",
    (authorization) => {
      expect(refusal(dev, { ...LOCAL, authorization })).toMatchObject({ status: 401 });
    },
  );

  const env = { EDGEKEEPER_DEV: "1" };

  test.each(["127.0.0.1:8787", "localhost:8787", "localhost", "[::1]:8787"])(
    "lets in by the name %s",
    (host) => {
      expect(refusal(env, { ...LOCAL, host })).toBeUndefined();
    },
  );

  test.each(["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8787", "10.0.0.1:8787"])(
    "refuses the name %s",
    (host) => {
      expect(refusal(env, { ...LOCAL, host })).toMatchObject({ status: 403 });
    },
  );

  test.each(["https://evil.example", "null", "http://localhost.evil.example"])(
    "refuses the origin %s",
    (origin) => {
      expect(refusal(env, { ...LOCAL, origin })).toMatchObject({ status: 403 });
    },
  );

  test("is a flag of exactly 1", () => {
    expect(refusal({ EDGEKEEPER_DEV: "true" }, LOCAL)).toMatchObject({ status: 403 });
  });
});
