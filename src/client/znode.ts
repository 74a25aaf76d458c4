/** Znodes as the SDK shows them. */
import type { Acl } from "../base/acl.ts";
import { OPEN_ACL } from "../base/acl.ts";
import type { Stat as WireStat } from "../base/stat.ts";
import { zxidToBigInt } from "../base/zxid.ts";
import type { FiredType } from "./machine/effects.ts";

/** What ZooKeeper tells about a znode (class Stat), zxids and session ids as bigints. */
export interface Stat {
  /** The zxid of its creation: what tells it from an earlier one of its name, and a lock's fencing token. */
  readonly czxid: bigint;
  /** The zxid of the last change of its data. */
  readonly mzxid: bigint;
  /** The zxid of the last change of its children. */
  readonly pzxid: bigint;
  /** Milliseconds of Unix time, by the clock of the leader. */
  readonly ctime: number;
  readonly mtime: number;
  /** How often its data was set. */
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The session that it goes with, 0n where it is no ephemeral. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** Makes the SDK's Stat of the wire's. */
export function statOf(stat: WireStat): Stat {
  return {
    ...stat,
    czxid: zxidToBigInt(stat.czxid),
    mzxid: zxidToBigInt(stat.mzxid),
    pzxid: zxidToBigInt(stat.pzxid),
  };
}

/** Twenty digits, zeros first: the order of such texts is that of their zxids. HTTP's form of a fencing token. */
export function zxidText(zxid: bigint): string {
  return zxid.toString().padStart(20, "0");
}

/** What a znode's data may be given as; a text is stored as UTF-8, null is a value of its own. */
export type DataInput = Uint8Array | string | null;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes that are stored. */
export function dataOf(data: DataInput | undefined): Uint8Array | null {
  if (data === undefined) return new Uint8Array(0);
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** A value as JSON, to be a znode's data. */
export function json(value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError("a function, a symbol or undefined has no JSON");
  return encoder.encode(text);
}

/** A znode's data and Stat, of one moment. */
export class Znode {
  readonly path: string;
  /** null where null was stored. */
  readonly data: Uint8Array | null;
  readonly stat: Stat;

  constructor(path: string, data: Uint8Array | null, stat: Stat) {
    this.path = path;
    this.data = data;
    this.stat = stat;
  }

  /** The data read as UTF-8; null as no text at all. */
  text(): string {
    return this.data === null ? "" : decoder.decode(this.data);
  }

  /** The data read as JSON. Throws SyntaxError where it is none. What it holds is for the caller to check. */
  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** A znode that was created: its path, with the number where it is sequential. */
export interface Created {
  readonly path: string;
  /** `czxid` is its fencing token. */
  readonly stat: Stat;
}

/** What a watch tells. */
export interface WatchEvent {
  readonly type: WatchEventType;
  /** Empty for "ended". */
  readonly path: string;
  /** The zxid of the change, where the replica told it. */
  readonly zxid: bigint | undefined;
}

/**
 * created, deleted, dataChanged, childrenChanged: as in ZooKeeper. removed: by removeWatches. resync: the connection
 * was away, or more happened than was read, so look again below this path. ended: the session is over.
 */
export type WatchEventType = FiredType;

/** Whoever can reach the ensemble may do everything. */
export const openAcl: readonly Acl[] = OPEN_ACL;

export type { Acl, Identity } from "../base/acl.ts";
