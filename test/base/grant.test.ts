import { describe, expect, it } from "vitest";
import { grantText, isCoveredBy, isGranted, readGrant } from "../../src/base/grant.ts";
import { readScope, scopeIdentity, withoutSignedScope } from "../../src/base/scope-identity.ts";
import { isTokenText, looksLikeToken, tokenText } from "../../src/base/token-text.ts";

describe("a grant", () => {
  it("is read from its text, and written to it", () => {
    const grant = { prefix: "/app/x:y", permissions: ["read", "write"] } as const;
    expect(readGrant("read,write,read:/app/x:y")).toEqual(grant);
    expect(grantText(grant)).toBe("read,write:/app/x:y");
  });

  it.each([
    ["read", "has no colon"],
    [":/", "is no permission"],
    ["all:/", "is no permission"],
    ["Read:/", "is no permission"],
    ["read:", "is no prefix"],
    ["read:app", "is no prefix"],
    ["read:/app/", "is no prefix"],
    ["read:/app/../x", "is no prefix"],
    ["read:/a//b", "is no prefix"],
    ["read:/a\0", "is no prefix"],
  ])("is not %j, and it is said why", (text, why) => {
    expect(readGrant(text)).toContain(why);
  });

  it("covers whole segments: neither a longer name, nor what is above, nor another case", () => {
    expect(["/app", "/app/", "/app/x", "/app/x/y"].map((path) => isCoveredBy("/app", path))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    for (const path of ["/application", "/ap", "/", "", "/App", "/x/app", "app"]) {
      expect([path, isCoveredBy("/app", path)]).toEqual([path, false]);
    }
    expect(isCoveredBy("/", "/anything")).toBe(true);
  });

  it("gives no permission that it does not list", () => {
    const grants = [
      { prefix: "/a", permissions: ["read"] },
      { prefix: "/b", permissions: ["write", "admin"] },
    ] as const;
    expect(isGranted(grants, "read", "/a/x")).toBe(true);
    expect(isGranted(grants, "write", "/a/x")).toBe(false);
    expect(isGranted(grants, "read", "/b")).toBe(false);
    expect(isGranted([], "read", "/")).toBe(false);
  });
});

describe("a token's text", () => {
  it("is recognised by form and checksum: no slip of the pen, cut or other case passes", () => {
    const text = tokenText(Uint8Array.from({ length: 32 }, (_, at) => 7 * at));
    expect(text).toMatch(/^ek_[0-9a-f]{72}$/);
    expect(isTokenText(text)).toBe(true);
    expect(looksLikeToken(text)).toBe(true);
    for (let at = 3; at < text.length; at++) {
      const other = text[at] === "0" ? "1" : "0";
      expect(isTokenText(text.slice(0, at) + other + text.slice(at + 1))).toBe(false);
    }
    for (const other of [
      text.slice(0, -1),
      `${text}0`,
      ` ${text}`,
      `${text}\n`,
      text.toUpperCase(),
      "ek_",
      "",
    ]) {
      expect(isTokenText(other)).toBe(false);
    }
  });

  it("is made of 32 bytes", () => {
    expect(() => tokenText(new Uint8Array(31))).toThrow("32 random bytes");
  });
});

describe("a scope among identities", () => {
  it("is read as it was written", () => {
    const token = { kind: "token", hash: "0f".repeat(32) } as const;
    const grants = [{ prefix: '/a "b" ,c', permissions: ["read"] }] as const;
    const signed = { kind: "signed", grants, expiresMs: 5 } as const;
    expect(readScope(scopeIdentity(token).id)).toEqual(token);
    expect(readScope(scopeIdentity(signed).id)).toEqual(signed);
  });

  it("that is signed does not tell who somebody is; that of a token does", () => {
    const token = scopeIdentity({ kind: "token", hash: "0f".repeat(32) });
    const signed = scopeIdentity({ kind: "signed", grants: [], expiresMs: 5 });
    const who = { scheme: "jwt", id: "ann" };
    expect(withoutSignedScope([who, signed])).toEqual([who]);
    expect(withoutSignedScope([token])).toEqual([token]);
  });
});
