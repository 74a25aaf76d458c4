/**
 * What a caller's credential lets it do at most, as it travels with the caller's identities to wherever a request is
 * decided. No access control list can name it: it only bounds. Who has none is not bounded.
 */
import type { Identity } from "./acl.ts";
import { type Grant, grantText, readGrant } from "./grant.ts";

/** The scheme of these identities. */
export const SCOPE_SCHEME = "scope";

/** What a scope says. */
export type ScopeClaim =
  /** As the token's record in the tree says, as long as it is there. */
  | { readonly kind: "token"; readonly hash: string }
  /** As a signed token said, until it ends, in milliseconds of Unix time. */
  | { readonly kind: "signed"; readonly grants: readonly Grant[]; readonly expiresMs: number };

const HASH = /^token ([0-9a-f]{64})$/;

/** The identity that says so. */
export function scopeIdentity(claim: ScopeClaim): Identity {
  if (claim.kind === "token") return { scheme: SCOPE_SCHEME, id: `token ${claim.hash}` };
  const { grants, expiresMs } = claim;
  return { scheme: SCOPE_SCHEME, id: `signed ${JSON.stringify([expiresMs, ...grants.map(grantText)])}` };
}

/** Reads what scopeIdentity wrote; undefined for what nobody wrote. */
export function readScope(id: string): ScopeClaim | undefined {
  const [, hash] = HASH.exec(id) ?? [];
  if (hash !== undefined) return { kind: "token", hash };
  if (!id.startsWith("signed ")) return undefined;
  try {
    const [expiresMs, ...texts] = JSON.parse(id.slice("signed ".length)) as [number, ...string[]];
    const grants = texts.map(readGrant).filter((grant) => typeof grant !== "string");
    return Number.isFinite(expiresMs) ? { kind: "signed", grants, expiresMs } : undefined;
  } catch (error) {
    // Nobody wrote that: it bounds to nothing, and lets nobody in.
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    return undefined;
  }
}

/** Whether the caller is bounded by a token, which may be revoked. */
export function isUnderToken(identities: readonly Identity[]): boolean {
  return identities.some(({ scheme, id }) => scheme === SCOPE_SCHEME && HASH.test(id));
}

/** Who the caller is, whatever it may do: a signed token that is renewed is the same caller's. */
export function withoutSignedScope(identities: readonly Identity[]): readonly Identity[] {
  return identities.filter(({ scheme, id }) => scheme !== SCOPE_SCHEME || !id.startsWith("signed "));
}
