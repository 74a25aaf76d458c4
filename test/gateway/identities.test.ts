import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type AccessSettings, DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { must } from "../../src/base/assert.ts";
import { callerHeaders, readCaller } from "../../src/durable/handed-over.ts";
import { addressOf, CallerIdentities, callerOf } from "../../src/gateway/identities.ts";

const SETTINGS: AccessSettings = {
  ...DEFAULT_ACCESS,
  accessTeam: "team",
  accessAudience: "this",
  x509SuperUser: "CN=root",
};
const CERTIFICATE = { certVerified: "SUCCESS", certRevoked: "0", certSubjectDNRFC2253: "CN=ann,O=Ünion" };
const ANN = { scheme: "x509", id: "CN=ann,O=Ünion" };

let keys: JWTVerifyGetKey;
let sign: (claims: Readonly<Record<string, unknown>>, how?: Signing) => Promise<string>;

interface Signing {
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
  readonly isForged?: boolean;
}

beforeAll(async () => {
  const [ours, theirs] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
  keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: "1", alg: "RS256" }] });
  sign = async (claims, how = {}) =>
    await new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(how.issuer ?? "https://team.cloudflareaccess.com")
      .setAudience(how.audience ?? "this")
      .setExpirationTime(how.expires ?? "1h")
      .sign(how.isForged === true ? theirs.privateKey : ours.privateKey);
});

function callers(): CallerIdentities {
  return new CallerIdentities(() => keys);
}

describe("a certificate", () => {
  const of = async (change: Partial<typeof CERTIFICATE>): Promise<unknown> =>
    await callers().of({ certificate: { ...CERTIFICATE, ...change }, accessToken: undefined }, SETTINGS);

  it("that the platform has verified makes an x509 identity of its subject", async () => {
    expect(await of({})).toEqual([ANN]);
  });

  it("of the super user makes a super user", async () => {
    expect(await of({ certSubjectDNRFC2253: "CN=root" })).toEqual([
      { scheme: "super", id: "" },
      { scheme: "x509", id: "CN=root" },
    ]);
  });

  it.each([
    [{ certVerified: "FAILED:self signed certificate" }],
    [{ certVerified: "NONE" }],
    [{ certRevoked: "1" }],
    [{ certSubjectDNRFC2253: "" }],
  ])("with %j is none", async (change) => {
    expect(await of(change)).toEqual([]);
  });
});

describe("a token of Cloudflare Access", () => {
  const of = async (accessToken: string, settings = SETTINGS): Promise<unknown> =>
    await callers().of({ certificate: undefined, accessToken }, settings);

  it("says which person it is, or which service", async () => {
    expect(await of(await sign({ email: "ann@example.com" }))).toEqual([
      { scheme: "access", id: "ann@example.com" },
    ]);
    expect(await of(await sign({ common_name: "robot.access" }))).toEqual([
      { scheme: "access", id: "robot.access" },
    ]);
  });

  it("stands beside a certificate", async () => {
    const accessToken = await sign({ email: "ann@example.com" });

    expect(await callers().of({ certificate: CERTIFICATE, accessToken }, SETTINGS)).toEqual([
      ANN,
      { scheme: "access", id: "ann@example.com" },
    ]);
  });

  it.each<[string, Readonly<Record<string, unknown>>, Signing]>([
    ["signed by somebody else", { email: "ann@example.com" }, { isForged: true }],
    ["of another team", { email: "ann@example.com" }, { issuer: "https://other.cloudflareaccess.com" }],
    ["for another application", { email: "ann@example.com" }, { audience: "that" }],
    ["that has expired", { email: "ann@example.com" }, { expires: "-1m" }],
    ["that names nobody", { email: "" }, {}],
  ])("%s is refused", async (_, claims, how) => {
    expect(await of(await sign(claims, how))).toBeUndefined();
  });

  it("that is no token, or has no signature, is refused", async () => {
    const [header, payload] = (await sign({ email: "ann@example.com" })).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");

    expect(await of("words")).toBeUndefined();
    expect(await of(`${header}.${payload}.`)).toBeUndefined();
    expect(await of(`${none}.${payload}.`)).toBeUndefined();
  });

  it("says nothing where no team is set", async () => {
    expect(await of(await sign({ email: "ann@example.com" }), { ...SETTINGS, ...DEFAULT_ACCESS })).toEqual(
      [],
    );
  });
});

describe("what a replica is told of a client", () => {
  const told = async (
    headers: Readonly<Record<string, string>>,
    more: { readonly cf?: unknown; readonly isDev?: boolean } = {},
  ): Promise<unknown> => {
    const request = { headers: new Headers(headers), cf: more.cf };
    const identities = must(await callers().of(callerOf(request), SETTINGS), "a caller");
    const remoteAddress = addressOf(request, more.isDev === true ? { EDGEKEEPER_DEV: "1" } : {});
    return readCaller(new Headers(callerHeaders({ remoteAddress, identities })));
  };

  it("is what the platform says, and nothing that the client says itself", async () => {
    const forged = {
      "edgekeeper-client": "10.0.0.1:1",
      "edgekeeper-client-parks": "1",
      "edgekeeper-client-identities": encodeURIComponent(`[{"scheme":"super","id":""}]`),
      "cf-client-cert-subject-dn": "CN=root",
      "cf-connecting-ip": "2001:db8::7",
    };

    expect(await told(forged, { cf: { tlsClientAuth: CERTIFICATE } })).toEqual({
      remoteAddress: "[2001:db8::7]:0",
      identities: [ANN],
      parks: false,
    });
    expect(await told(forged)).toMatchObject({ identities: [] });
    expect(await told(forged, { isDev: true })).toMatchObject({
      remoteAddress: "127.0.0.1:0",
      identities: [],
    });
  });

  it("is whom Access lets in", async () => {
    expect(await told({ "cf-access-jwt-assertion": await sign({ email: "a@b" }) })).toMatchObject({
      identities: [{ scheme: "access", id: "a@b" }],
    });
  });
});
