/** A znode on its way from one tree to another: without its versions and zxids, which stay where it was. */
import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import type { CreateMode } from "../../client/options.ts";

/** See the file's comment. */
export interface CopiedZnode {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** Persistent where it was read by a client, which cannot see anything else. */
  readonly mode: Exclude<CreateMode, "ephemeral">;
  /** For the mode ttl. */
  readonly ttlMs: number | undefined;
  /** What its Stat was there, where that was read too: nothing is made of it elsewhere. */
  readonly stat?: CopiedStat | undefined;
}

/** Zxids as twenty digits, times in Unix milliseconds. */
export interface CopiedStat {
  readonly czxid: string;
  readonly mzxid: string;
  readonly pzxid: string;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly aversion: number;
}

/** How long a znode lives. */
export type Life = Pick<CopiedZnode, "mode" | "ttlMs">;

/**
 * Whether a Stat is of an ephemeral. Nothing else can be seen in it: ZooKeeper and Edgekeeper show clients containers
 * and TTL znodes as persistent ones. What they are stands in snapshots alone.
 */
export function isEphemeral({ ephemeralOwner }: { readonly ephemeralOwner: bigint }): boolean {
  return ephemeralOwner !== 0n;
}

/** Whether two lists say the same, in the same order. */
export function sameAcl(a: readonly Acl[], b: readonly Acl[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ scheme, id, perms }, index) => {
      const other = b[index];
      return other?.scheme === scheme && other.id === id && other.perms === perms;
    })
  );
}

/** Whether everybody may do everything. */
export function isOpen(acl: readonly Acl[]): boolean {
  return sameAcl(acl, OPEN_ACL);
}

/** Whether two hold the same bytes. */
export function sameData(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A path below one root as that below another. */
export function movedPath(path: string, from: string, to: string): string {
  const rest = from === "/" ? path : path.slice(from.length);
  if (rest === "" || rest === "/") return to;
  return to === "/" ? rest : to + rest;
}

/** What a tree has for itself: quotas, members, tokens. */
export function isOwn(path: string): boolean {
  return path === "/zookeeper" || path.startsWith("/zookeeper/");
}
