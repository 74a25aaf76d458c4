/** A znode on its way from one tree to another: without its versions and zxids, which stay where it was. */
import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import type { CreateMode } from "../../client/options.ts";

/** See the file's comment. */
export interface CopiedZnode {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
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

/** The same of both. */
export function sameLife(a: Life, b: Life): boolean {
  return a.mode === b.mode && a.ttlMs === b.ttlMs;
}

/** How long a znode lives, as its Stat tells by `ephemeralOwner`; undefined for an ephemeral. */
export function modeOfOwner(owner: bigint): Life | undefined {
  const bits = BigInt.asUintN(64, owner);
  if (bits === 0n) return { mode: "persistent", ttlMs: undefined };
  // Source: ZooKeeper EphemeralType: the smallest number is a container, a first byte of ones a TTL.
  if (bits === 1n << 63n) return { mode: "container", ttlMs: undefined };
  if (bits >> 40n === 0xff_00_00n) return { mode: "ttl", ttlMs: Number(bits & 0xff_ff_ff_ff_ffn) };
  return undefined;
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
