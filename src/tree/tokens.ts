/**
 * Tokens: each is a znode named by the SHA-256 of its text, with what its bearer may do at most. So it is in the order
 * of all writes, on every replica, and what is revoked is revoked everywhere at one place in that order. Only the super
 * user, and the service itself, may read or change them.
 */
import type { Acl } from "../base/acl.ts";
import { type Grant, grantText, readGrant } from "../base/grant.ts";
import { parentOf } from "../base/path.ts";
import type { NodeData } from "../base/request.ts";

/** The parent of all of them; it is there once the first token was made. */
export const TOKENS_PATH = "/zookeeper/tokens";

/** A list that gives nobody anything: the super user needs no line. */
export const TOKENS_ACL: readonly Acl[] = [{ perms: 0, scheme: "world", id: "anyone" }];

/** What is known of a token. */
export interface TokenRecord {
  /** What access control lists name its bearers by, as `token:NAME`; several tokens may share one. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** In milliseconds of Unix time. */
  readonly createdMs: number;
  readonly expiresMs: number | undefined;
}

/** Where the token of this hash, 64 hex digits, is kept. */
export function tokenPathOf(hash: string): string {
  return `${TOKENS_PATH}/${hash}`;
}

/** Whether a token is kept at the path. */
export function isTokenPath(path: string): boolean {
  return parentOf(path) === TOKENS_PATH;
}

/** Whether the text can be a token's name: what can stand in an access control list and on a line. */
export function isTokenName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,99}$/.test(name);
}

/** The bytes of a record. */
export function writeToken({ grants, ...rest }: TokenRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...rest, grants: grants.map(grantText) }));
}

/** Reads a record; undefined where the super user has written something else there. */
export function readToken(data: NodeData): TokenRecord | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(new TextDecoder().decode(data ?? new Uint8Array()));
  } catch (error) {
    // It is no record of ours: whoever shows such a token is nobody.
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  return isStored(stored) ? recordOf(stored) : undefined;
}

interface StoredToken {
  readonly name: string;
  readonly grants: readonly string[];
  readonly createdMs: number;
  readonly expiresMs?: number;
}

function isStored(value: unknown): value is StoredToken {
  if (typeof value !== "object" || value === null) return false;
  const { name, grants, createdMs, expiresMs } = value as Partial<Record<keyof StoredToken, unknown>>;
  const isTime = expiresMs === undefined || typeof expiresMs === "number";
  const isList = Array.isArray(grants) && grants.every((grant) => typeof grant === "string");
  return typeof name === "string" && isTokenName(name) && isList && typeof createdMs === "number" && isTime;
}

function recordOf({ name, grants, createdMs, expiresMs }: StoredToken): TokenRecord | undefined {
  const read = grants.map(readGrant).filter((grant) => typeof grant !== "string");
  return read.length === grants.length ? { name, grants: read, createdMs, expiresMs } : undefined;
}
