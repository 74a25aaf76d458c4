/** One replica in the simulation: what survives a crash, and what does not. */
import { createHash } from "node:crypto";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { decodeTxn } from "../../src/jute/txn.ts";
import type { AuthSettings } from "../../src/keeper/auth.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import type { Keeper } from "../../src/keeper/keeper.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { Tree } from "../../src/tree/tree.ts";
import type { LinkId } from "../../src/zab/message.ts";
import { Disk } from "../zab/disk.ts";

/** The super user is "super:test". */
export const AUTH: AuthSettings = {
  superDigest: "super:UdxDQl4f9v5oITwcAsO9bmWgHSI=",
  sha1Base64: (bytes) => createHash("sha1").update(bytes).digest("base64"),
};

/** What a client's end of a connection is told. */
export interface ClientEnd {
  onBytes(bytes: Uint8Array): void;
  /** Bytes that it has read since the last call. */
  takeRead(): number;
  onFlow(reading: boolean): void;
  onClosed(): void;
}

export interface Link {
  readonly ends: ReadonlyMap<Sid, LinkId>;
  readonly learner: Sid;
  readonly leader: Sid;
  isDead: boolean;
  readonly arrivals: Map<Sid, number>;
}

export interface Held {
  readonly needs: number;
  readonly act: () => void;
}

/** One replica: its disk survives, the rest is of one start. */
export class Replica {
  readonly sid: Sid;
  readonly disk: Disk = new Disk();
  keeper: Keeper | undefined;
  databaseBytes = 0;
  tree: Tree | undefined;
  instance = 0;
  /** Transactions begun and durable. */
  issued = 0;
  durable = 0;
  held: Held[] = [];
  readonly links: Map<LinkId, Link> = new Map();
  readonly clients: Map<ConnectionId, ClientEnd> = new Map();
  /** How far its clock is ahead of the world's. */
  skewMs = 0;
  /** How fast its clock runs, and what it showed when that began. */
  #rate = 1;
  #rateSinceMs = 0;
  #rateFromMs = 0;
  /** While defined the replica stands still, and what happens to it waits here. */
  frozen: (() => void)[] | undefined;
  /** Crashes before performing its so many-th effect from now. */
  crashAfterEffects: number | undefined;
  readonly log: string[] = [];
  /** What is left to apply waits this long for its next turn. */
  continueMs = 0;
  /** The next start finds the whole history and nothing of it applied. */
  isTreeLost = false;

  constructor(sid: Sid) {
    this.sid = sid;
  }

  /** What its clock shows when the world's shows `nowMs`. */
  clockAt(nowMs: number): number {
    return Math.floor(this.#rateFromMs + (nowMs - this.#rateSinceMs) * this.#rate) + this.skewMs;
  }

  /** Lets its clock run at another speed from now on. */
  setRate(rate: number, nowMs: number): void {
    this.#rateFromMs += (nowMs - this.#rateSinceMs) * this.#rate;
    this.#rateSinceMs = nowMs;
    this.#rate = rate;
  }

  /** What clients have read since the last call. */
  takeSent(): readonly { readonly connection: ConnectionId; readonly bytes: number }[] {
    const sent = Array.from(this.clients, ([connection, end]) => ({ connection, bytes: end.takeRead() }));
    return sent.filter(({ bytes }) => bytes > 0);
  }
}

/** The tree that a start finds on the disk, made again from the history. */
export function treeUpTo(disk: Disk, upTo: Zxid): Tree {
  const tree = new Tree({
    store: new MapNodeStore(),
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied: ZXID_ZERO,
  });
  for (const { zxid, payload } of disk.durable.log) {
    if (compareZxid(zxid, upTo) > 0) break;
    const { header, txn } = decodeTxn(payload);
    tree.apply(zxid, header, txn);
  }
  return tree;
}
