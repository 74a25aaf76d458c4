/** JSON Web Tokens: which are let in, as whom and for what. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { JwtSettings } from "../../src/base/door-settings.ts";
import { readScope } from "../../src/base/scope-identity.ts";
import { looksSigned, SignedTokens } from "../../src/gateway/signed-tokens.ts";

const ISSUER = "https://issuer.example";
const AUDIENCE = "keeper";

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

let ours: Keys;
let theirs: Keys;
let settings: JwtSettings;
let publicText: string;

beforeAll(async () => {
  ours = await generateKeyPair("ES256");
  theirs = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(ours.publicKey)), kid: "1", alg: "ES256" };
  publicText = JSON.stringify({ keys: [jwk] });
  settings = { issuer: ISSUER, audience: AUDIENCE, keys: { set: publicText }, scopesClaim: "edgekeeper" };
});

interface How {
  readonly key?: Parameters<SignJWT["sign"]>[0];
  readonly alg?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
  readonly notBefore?: string;
}

async function sign(claims: object, how: How = {}): Promise<string> {
  const jwt = new SignJWT({ sub: "ann", ...claims })
    .setProtectedHeader({ alg: how.alg ?? "ES256", kid: "1" })
    .setIssuer(how.issuer ?? ISSUER)
    .setAudience(how.audience ?? AUDIENCE);
  if (how.expires !== "never") jwt.setExpirationTime(how.expires ?? "1h");
  if (how.notBefore !== undefined) jwt.setNotBefore(how.notBefore);
  return await jwt.sign(how.key ?? ours.privateKey);
}

async function worth(token: string, ensemble = "main"): Promise<unknown> {
  const verdict = await new SignedTokens().verify(token, settings);
  if (verdict.kind !== "known") return verdict.kind;
  const [who, scope] = verdict.identitiesFor(ensemble);
  const claim = readScope(scope?.id ?? "");
  return { who, grants: claim?.kind === "signed" ? claim.grants : undefined };
}

describe("a signed token", () => {
  it("says who its bearer is, and what it may do in each ensemble, in an array or as words", async () => {
    const who = { scheme: "jwt", id: "ann" };
    const app = { prefix: "/app", permissions: ["read", "write"] };
    const all = { prefix: "/", permissions: ["read"] };
    const listed = await sign({ edgekeeper: ["main:read,write:/app", "*:read:/", "other:admin:/"] });
    expect(await worth(listed)).toEqual({ who, grants: [app, all] });
    expect(await worth(listed, "third")).toEqual({ who, grants: [all] });
    const words = await sign({
      edgekeeper: "openid main:read,write:/app main:all:/ profile main:read:nowhere",
    });
    expect(await worth(words)).toEqual({ who, grants: [app] });
    for (const claim of [undefined, 7, {}, [7, null, ["main:read:/"]], "read:/"]) {
      expect(await worth(await sign({ edgekeeper: claim }))).toEqual({ who, grants: [] });
    }
  });

  it("counts until its end and as long again as clocks may differ, and the scope ends with it", async () => {
    const exp = Math.floor(Date.now() / 1000) - 10;
    const token = await sign({ edgekeeper: [], exp }, { expires: "never" });
    const verdict = await new SignedTokens().verify(token, settings);
    const scope =
      verdict.kind === "known" ? readScope(verdict.identitiesFor("main")[1]?.id ?? "") : undefined;
    expect(scope).toMatchObject({ expiresMs: (exp + 30) * 1000 });
    expect(await worth(await sign({ exp: exp - 30 }, { expires: "never" }))).toBe("refused");
  });

  it.each<[string, object, How]>([
    ["of another issuer", {}, { issuer: "https://evil.example" }],
    ["for another audience", {}, { audience: "other" }],
    ["that never ends", {}, { expires: "never" }],
    ["that does not hold yet", {}, { notBefore: "2h" }],
    ["that names nobody", { sub: "" }, {}],
    ["that lists more than it may", { edgekeeper: Array.from({ length: 51 }, () => "main:read:/") }, {}],
  ])("%s is refused", async (_, claims, how) => {
    expect(await worth(await sign(claims, how))).toBe("refused");
  });

  it("is refused where somebody else signed it, or nobody, or it was changed", async () => {
    const token = await sign({ edgekeeper: ["main:read:/app"] });
    const [header = "", payload = "", signature = ""] = token.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const more = Buffer.from(JSON.stringify({ ...claims, edgekeeper: ["main:admin:/"] })).toString(
      "base64url",
    );
    expect(await worth(await sign({}, { key: theirs.privateKey }))).toBe("refused");
    for (const text of [`${none}.${payload}.`, `${header}.${payload}.`, `${header}.${more}.${signature}`]) {
      expect(await worth(text)).toBe("refused");
    }
  });

  it("is refused where it is signed with what verifies: a public key is no secret", async () => {
    const secrets = [publicText, JSON.stringify(await exportJWK(ours.publicKey))];
    for (const secret of secrets) {
      const forged = await sign({}, { alg: "HS256", key: new TextEncoder().encode(secret) });
      expect(await worth(forged)).toBe("refused");
    }
  });

  it("is told apart from one that cannot be checked, as the issuer's keys are not to be had", async () => {
    const unreachable = { ...settings, keys: { url: "http://127.0.0.1:9/" } };
    expect((await new SignedTokens().verify(await sign({}), unreachable)).kind).toBe("unreachable");
  });

  it("has three parts", () => {
    expect(["a.b.c", "a.b."].map(looksSigned)).toEqual([true, true]);
    expect(["", "a.b", "a.b.c.d", "a b.c.d", "a.b.c\n"].map(looksSigned)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
