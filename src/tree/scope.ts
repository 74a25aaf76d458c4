/**
 * What a request may touch, whoever asks and whatever access control lists say: both must allow it. A token's scope is
 * what its record says where the request is decided: a read at the replica that answers it, a write at the leader, in
 * the state it is prepared against. So nothing is done under a token behind its revocation.
 */
import type { Identity } from "../base/acl.ts";
import { KeeperError } from "../base/error-code.ts";
import { type Grant, isCoveredBy, isGranted, type Permission } from "../base/grant.ts";
import { actualPath } from "../base/path.ts";
import { readScope, SCOPE_SCHEME, type ScopeClaim } from "../base/scope-identity.ts";
import type { Znode } from "./node-store.ts";
import { ZOOKEEPER_PATH } from "./reserved.ts";
import { readToken, tokenPathOf } from "./tokens.ts";

/** A caller's bounds. */
export interface Scope {
  /** undefined where there are none. */
  readonly grants: readonly Grant[] | undefined;
  /** In milliseconds of Unix time; undefined for never. */
  readonly expiresMs: number | undefined;
  /** Where the token is kept that it comes from. */
  readonly tokenPath: string | undefined;
  /** Who the caller is by its token. */
  readonly identity: Identity | undefined;
}

/** The bounds of who has none. */
export const UNBOUNDED: Scope = {
  grants: undefined,
  expiresMs: undefined,
  tokenPath: undefined,
  identity: undefined,
};

/** Where tokens are looked up. */
interface TokenView {
  get(path: string): Znode | undefined;
}

/** The scope of a caller with these identities; undefined where its credential is none, or none any more. */
export function scopeOf(identities: readonly Identity[], view: TokenView, timeMs: number): Scope | undefined {
  const claims = identities.filter(({ scheme }) => scheme === SCOPE_SCHEME);
  const [claim] = claims;
  if (claim === undefined) return UNBOUNDED;
  if (claims.length > 1) return undefined;
  const scope = scopeOfClaim(readScope(claim.id), view);
  return scope === undefined || isOver(scope, timeMs) ? undefined : scope;
}

/** Whether its time has passed. */
export function isOver({ expiresMs }: Scope, timeMs: number): boolean {
  return expiresMs !== undefined && expiresMs <= timeMs;
}

/** Whether the scope lets its bearer do that there. */
export function mayTouch({ grants }: Scope, permission: Permission, path: string): boolean {
  if (grants === undefined) return true;
  const actual = actualPath(path);
  // What the service keeps there decides about others.
  const isService = permission === "write" && isCoveredBy(ZOOKEEPER_PATH, actual);
  return isGranted(grants, isService ? "admin" : permission, actual);
}

/** Throws KeeperError noAuth unless mayTouch. */
export function checkScope(scope: Scope, permission: Permission, path: string): void {
  if (!mayTouch(scope, permission, path)) throw new KeeperError("noAuth", `outside of its scope: ${path}`);
}

function scopeOfClaim(claim: ScopeClaim | undefined, view: TokenView): Scope | undefined {
  if (claim === undefined) return undefined;
  if (claim.kind === "signed") {
    const { grants, expiresMs } = claim;
    return { grants, expiresMs, tokenPath: undefined, identity: undefined };
  }
  const tokenPath = tokenPathOf(claim.hash);
  const record = readToken(view.get(tokenPath)?.data ?? null);
  if (record === undefined) return undefined;
  const { name, grants, expiresMs } = record;
  return { grants, expiresMs, tokenPath, identity: { scheme: "token", id: name } };
}
