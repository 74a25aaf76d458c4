/**
 * Who the platform says a caller is: by the certificate of its TLS connection (mTLS), or by Cloudflare Access. Each
 * is told by what a client cannot write itself: the request's `cf`, and a token that Access has signed. TCP has
 * neither. Source: ZooKeeper X509AuthenticationProvider; Cloudflare's documentation of tlsClientAuth and of Access.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";
import type { Identity } from "../base/acl.ts";
import type { AccessSettings } from "../base/access-settings.ts";

/** The platform's word on a connection's certificate, as far as it matters here. */
interface ClientCertificate {
  readonly certVerified: string;
  readonly certRevoked: string;
  /** The subject as Java writes it (RFC 2253), so that lists of a ZooKeeper can be taken over. */
  readonly certSubjectDNRFC2253: string;
}

/** A caller: nothing but its certificate is believed without proof. */
export interface Caller {
  readonly certificate: ClientCertificate | undefined;
  /** The token that Access puts before a request it lets through; anybody may write one. */
  readonly accessToken: string | undefined;
}

/** A request as it came in: its headers are the client's, but for those that the platform puts there. */
interface Incoming {
  readonly headers: { get(name: string): string | null };
  /** The platform's own: no client can write it. */
  readonly cf?: unknown;
}

/** What the platform says of the caller, and what the caller shows. */
export function callerOf({ headers, cf }: Incoming): Caller {
  const told = cf as { readonly tlsClientAuth?: ClientCertificate } | undefined;
  return {
    certificate: told?.tlsClientAuth,
    // Most deployments have no Access, and never look.
    get accessToken() {
      return headers.get("cf-access-jwt-assertion") ?? undefined;
    },
  };
}

/** The client's `address:0`, as the platform tells it; on a laptop there is none, and anybody may write its header. */
export function addressOf({ headers }: Incoming, env: { readonly EDGEKEEPER_DEV?: string }): string {
  const told = env.EDGEKEEPER_DEV === "1" ? "127.0.0.1" : (headers.get("cf-connecting-ip") ?? "127.0.0.1");
  return told.includes(":") ? `[${told}]:0` : `${told}:0`;
}

/** Tells callers' identities. */
export class CallerIdentities {
  readonly #keysOf: (team: string) => JWTVerifyGetKey;
  /** Fetched when first needed, and kept: by team. */
  readonly #keys = new Map<string, JWTVerifyGetKey>();

  /** `keysOf` gives the keys that a team's tokens are signed with; those that Access publishes by default. */
  constructor(keysOf: (team: string) => JWTVerifyGetKey = publishedKeys) {
    this.#keysOf = keysOf;
  }

  /** What the caller has proven to be; undefined where it shows a token that is none, or not for this deployment. */
  of(
    caller: Caller,
    settings: AccessSettings,
  ): readonly Identity[] | undefined | Promise<readonly Identity[] | undefined> {
    const byCertificate = certificateIdentities(caller.certificate, settings.x509SuperUser);
    const { accessTeam, accessAudience } = settings;
    if (accessTeam === undefined || accessAudience === undefined) return byCertificate;
    const { accessToken } = caller;
    if (accessToken === undefined) return byCertificate;
    return this.#verify(accessToken, accessTeam, accessAudience).then((who) =>
      who === undefined ? undefined : [...byCertificate, { scheme: "access", id: who }],
    );
  }

  async #verify(token: string, team: string, audience: string): Promise<string | undefined> {
    let keys = this.#keys.get(team);
    if (keys === undefined) this.#keys.set(team, (keys = this.#keysOf(team)));
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuerOf(team),
        audience,
        algorithms: ["RS256"],
        requiredClaims: ["exp"],
      });
      return whoIs(payload);
    } catch (error) {
      // What else fails, as fetching the keys, is no fault of the caller's.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return undefined;
      throw error;
    }
  }
}

/** A person by the address, a service by the client id of its token. */
function whoIs({ email, common_name: service }: JWTPayload): string | undefined {
  const who = typeof email === "string" && email !== "" ? email : service;
  return typeof who === "string" && who !== "" ? who : undefined;
}

/** A certificate counts only once the platform has checked it against the zone's authority. */
function certificateIdentities(
  certificate: ClientCertificate | undefined,
  superUser: string | undefined,
): readonly Identity[] {
  if (certificate?.certVerified !== "SUCCESS" || certificate.certRevoked === "1") return [];
  const id = certificate.certSubjectDNRFC2253;
  if (id === "") return [];
  const identity: Identity = { scheme: "x509", id };
  return id === superUser ? [{ scheme: "super", id: "" }, identity] : [identity];
}

function issuerOf(team: string): string {
  return `https://${team}.cloudflareaccess.com`;
}

function publishedKeys(team: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${issuerOf(team)}/cdn-cgi/access/certs`));
}
