/**
 * Stands before every route: says who is let in, and as whom. Where nobody may come in, or from elsewhere, that is told
 * first; then come the bounds on how often an address may ask, and may be wrong; then what it shows is looked at. A
 * token's hash goes to the replicas, which know what it is worth.
 */
import type { Context } from "hono";
import type { JwtSettings } from "../base/door-settings.ts";
import { scopeIdentity } from "../base/scope-identity.ts";
import { TokenBuckets } from "../base/token-buckets.ts";
import { isTokenText, looksLikeToken } from "../base/token-text.ts";
import { type Caller, foreignRefusal, refusal } from "./access.ts";
import { authorizationOf, type Bearer } from "./bearer.ts";
import { type App, problemDocument } from "./documents.ts";
import { sha256 } from "./hash.ts";
import { addressOf } from "./identities.ts";
import { looksSigned, SignedTokens } from "./signed-tokens.ts";
import { SettingsMemory } from "./settings-memory.ts";

/** Addresses whose requests are counted: an attacker may have many, and an isolate has 128 MB. */
const ADDRESSES_MAX = 20_000;

/** Wrong credentials of one address: a burst that a careless script makes, and then so few that nothing is guessed. */
const FAILURES = { perSecond: 2, burst: 100, keysMax: ADDRESSES_MAX } as const;

/** A bucket of requests holds what comes in so many seconds. */
const BURST_SECONDS = 2;

/** See the file's comment. */
export class Gatekeeper {
  readonly settings: SettingsMemory = new SettingsMemory();
  readonly #now: () => number;
  readonly #signed: SignedTokens;
  readonly #failures = new TokenBuckets(FAILURES);
  /** By how many a second they let through: there is one such setting in a deployment. */
  readonly #requests = new Map<number, TokenBuckets>();

  /** `now`: Unix milliseconds; `signed` knows issuers' keys. */
  constructor(now: () => number = () => Date.now(), signed: SignedTokens = new SignedTokens()) {
    this.#now = now;
    this.#signed = signed;
  }

  /** Why a request is refused before it is looked at who asks; undefined where it is not. */
  refusalOfStrangers(context: Context<App>): Response | undefined {
    return this.#refusalOf(context, callerOf(context), networkOf(addressOf(context.req.raw, context.env)));
  }

  #refusalOf(context: Context<App>, caller: Caller, address: string): Response | undefined {
    const foreign = foreignRefusal(context.env, caller);
    if (foreign !== undefined) return refused(context, foreign);
    const waitMs = Math.max(this.#requestWait(context, address), this.#failures.wait(address, this.#now()));
    return waitMs > 0 ? tooMany(context, waitMs, "this address asks, or is wrong, too often") : undefined;
  }

  /** The bearer of a request, or why it is refused. */
  async admit(context: Context<App>): Promise<Bearer | Response> {
    const caller = callerOf(context);
    const address = networkOf(addressOf(context.req.raw, context.env));
    const refusal = this.#refusalOf(context, caller, address);
    if (refusal !== undefined) return refusal;
    const failed = (): void => void this.#failures.take(address, this.#now());
    const bearer = await this.#bearerOf(context, caller, failed);
    if (bearer instanceof Response && bearer.status === 401 && caller.authorization !== undefined) failed();
    return bearer;
  }

  async #bearerOf(context: Context<App>, caller: Caller, failed: () => void): Promise<Bearer | Response> {
    const shown = caller.authorization?.replace(/^Bearer /i, "") ?? "";
    const isBearer = shown !== caller.authorization && shown !== "";
    const deployment = refusal(context.env, caller);
    const isSecret = deployment === undefined && (context.env.EDGEKEEPER_SECRET ?? "") !== "";
    if (isBearer && !isSecret) {
      // In development too: what a token may do can be tried there.
      if (looksLikeToken(shown)) return await this.#tokenBearer(context, shown, failed);
      const { jwt } = this.settings.of(context.env).doors;
      if (jwt !== undefined && looksSigned(shown))
        return await this.#signedBearer(context, { jwt, shown, failed });
    }
    if (deployment !== undefined) return refused(context, deployment);
    return { identitiesFor: () => [], kind: "deployment", refused: failed };
  }

  async #tokenBearer(context: Context<App>, token: string, failed: () => void): Promise<Bearer | Response> {
    if (!isTokenText(token)) {
      return refused(context, {
        status: 401,
        detail: "the token is cut, or mistyped: its checksum is wrong",
      });
    }
    const hash = await sha256(token);
    const identities = [scopeIdentity({ kind: "token", hash })];
    return { identitiesFor: () => identities, kind: "token", refused: failed };
  }

  async #signedBearer(
    context: Context<App>,
    {
      jwt,
      shown,
      failed,
    }: { readonly jwt: JwtSettings; readonly shown: string; readonly failed: () => void },
  ): Promise<Bearer | Response> {
    const verdict = await this.#signed.verify(shown, jwt);
    if (verdict.kind === "refused") return refused(context, { status: 401, detail: verdict.detail });
    if (verdict.kind === "unreachable") {
      const headers = { "retry-after": "5" };
      const detail = "the keys of the issuer cannot be had now: ask again";
      return problemDocument(context, { status: 503, code: "issuer-unreachable", detail, headers });
    }
    const { identitiesFor } = verdict;
    return { identitiesFor, kind: "signed", refused: failed };
  }

  #requestWait({ env }: Context<App>, address: string): number {
    const { requestsPerAddress } = this.settings.of(env).doors;
    if (requestsPerAddress === 0) return 0;
    let buckets = this.#requests.get(requestsPerAddress);
    if (buckets === undefined) {
      const burst = requestsPerAddress * BURST_SECONDS;
      buckets = new TokenBuckets({ perSecond: requestsPerAddress, burst, keysMax: ADDRESSES_MAX });
      this.#requests.set(requestsPerAddress, buckets);
    }
    return buckets.take(address, this.#now());
  }
}

function callerOf(context: Context<App>): Caller {
  const request = context.req;
  return {
    host: context.get("host") ?? new URL(request.url).host,
    origin: request.header("origin"),
    authorization: authorizationOf({ get: (name) => request.header(name) ?? null }),
    fetchSite: request.header("sec-fetch-site"),
  };
}

function refused(context: Context<App>, { status, detail }: { status: 401 | 403; detail: string }): Response {
  const code = status === 401 ? "unauthorized" : "forbidden";
  const headers = status === 401 ? { "www-authenticate": 'Bearer realm="edgekeeper"' } : {};
  return problemDocument(context, { status, code, detail, headers });
}

/** Nothing was done; it says when to come again. */
export function tooMany(context: Context<App>, waitMs: number, why: string): Response {
  const seconds = Math.ceil(waitMs / 1000);
  const headers = { "retry-after": String(seconds) };
  const detail = `${why}; nothing was done: come again in ${seconds} s`;
  return problemDocument(context, { status: 429, code: "too-many-requests", detail, headers });
}

/** Whose address it is, without its port: of IPv6 the network of 64 bits, of which one caller has all addresses. */
function networkOf(address: string): string {
  const host = address.slice(0, address.lastIndexOf(":"));
  if (!host.startsWith("[")) return host;
  const [head = "", tail] = host.slice(1, -1).split("::");
  const groups = head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}
