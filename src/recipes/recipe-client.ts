/**
 * All that a recipe asks of its client. The SDK's client is one; so is a simulated one. Recipes take their time, dice
 * and transport from it and nothing from anywhere else, so that the simulator can drive them unchanged.
 *
 * What every client promises:
 * 1. Operations of one session are done in the order in which they were called, and answered in that order.
 * 2. An operation belongs to the session that `session` showed when it was called; where there was none, to the next.
 *    Without a connection it waits for one.
 * 3. Where the connection is lost before the answer, it rejects with `connectionLoss`: nobody knows yet whether it
 *    was done. What the lost connection left waiting is done before a later `sync` of the session is answered, or
 *    never.
 * 4. Where the session is over it rejects with `sessionExpired`.
 * 5. A one-shot watch calls its listener once, when it fires, before the promise of any operation resolves that shows
 *    the change. It is kept over a lost connection, and is silently gone with its session. A persistent watch tells
 *    nothing of what happened while there was no connection: who holds one reads again when the state is `connected`.
 * 6. `session.lost` is aborted before the session can be over for the servers, by the client's own clock where they
 *    cannot be reached, and the client never speaks for that session again.
 */
import type { Acl } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import type { NodeData } from "../base/request.ts";

/**
 * `connected`: requests are answered. `suspended`: no connection, and the session may live. `lost`: the session is
 * over, and another may follow. `closed`: the client is, for good. As Curator's and kazoo's listeners know them.
 */
export type ConnectionState = "connected" | "suspended" | "lost" | "closed";

/** A session, from its first connection to its end. */
export interface RecipeSession {
  readonly id: SessionId;
  /** As granted, in ms. */
  readonly timeoutMs: number;
  /** Aborted when the session is over, or may be: see the file's rule 6. */
  readonly lost: AbortSignal;
}

/** What is known of a znode besides its data. Source: zookeeper.jute, class Stat. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /** Milliseconds of Unix time, by the clock of the leader. */
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The session that it goes with, 0n where it is no ephemeral. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** How a znode comes and goes. Source: ZooKeeper CreateMode. */
export type CreateMode =
  | "persistent"
  | "persistentSequential"
  | "ephemeral"
  | "ephemeralSequential"
  | "container"
  | "ttl"
  | "ttlSequential";

/** What a create makes. */
export interface CreateSettings {
  readonly mode: CreateMode;
  readonly data: Uint8Array;
  /** Everybody may do everything unless told otherwise. */
  readonly acl?: readonly Acl[];
  /** For the TTL modes: ms without a change and without children after which it goes. */
  readonly ttlMs?: number;
}

/** A znode that was created. */
export interface Created {
  /** With the sequence number, where it has one. */
  readonly path: string;
  readonly stat: Stat;
}

/** A znode that was read. */
export interface Znode {
  readonly data: NodeData;
  readonly stat: Stat;
}

/** The children of a znode, in no order. */
export interface Children {
  readonly names: readonly string[];
  /** Of the parent. */
  readonly stat: Stat;
}

/**
 * What happened to a watched znode. `resync`: more than is told, so look again at it, and at all that is watched
 * below.
 */
export interface WatchEvent {
  readonly kind: "created" | "deleted" | "dataChanged" | "childrenChanged" | "resync";
  readonly path: string;
}

/** Told of what a watch saw. It must not throw. */
export type WatchListener = (event: WatchEvent) => void;

/** One part of a transaction. A version of -1 stands for any. */
export type TransactionPart =
  | ({ readonly op: "create"; readonly path: string } & CreateSettings)
  | { readonly op: "set"; readonly path: string; readonly data: Uint8Array; readonly version: number }
  | { readonly op: "delete"; readonly path: string; readonly version: number }
  | { readonly op: "check"; readonly path: string; readonly version: number };

/** What a part came to: the path of a create, the Stat of a set. */
export interface TransactionResult {
  readonly path?: string;
  readonly stat?: Stat;
}

/** Time, by the client's own clock. */
export interface RecipeClock {
  /** ms of Unix time. */
  readonly nowMs: number;
  /** Acts once so many ms have passed, or a little later; the returned function calls it off. */
  later(delayMs: number, act: () => void): () => void;
}

/**
 * See the file's comment. Operations reject with an Error whose `code` is that of ZooKeeper's KeeperException.Code:
 * -101, or NONODE.
 */
export interface RecipeClient {
  readonly clock: RecipeClock;
  /** Undefined before the first, after the last, and between two. */
  readonly session: RecipeSession | undefined;
  readonly state: ConnectionState;
  /** Calls the listener at each change of the state; the returned function ends that. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Where is told what nobody has asked to hear: a recipe that failed in the background, a listener that threw. */
  report(error: unknown): void;
  /** Unpredictable to others. */
  randomBytes(count: number): Uint8Array;
  create(path: string, settings: CreateSettings): Promise<Created>;
  /** Any version unless told otherwise. */
  delete(path: string, version?: number): Promise<void>;
  set(path: string, data: Uint8Array, version?: number): Promise<Stat>;
  /** A watch is set where the znode is there, and fires when its data change or it goes. */
  get(path: string, watch?: WatchListener): Promise<Znode>;
  /** Undefined where there is none. A watch is set either way. */
  exists(path: string, watch?: WatchListener): Promise<Stat | undefined>;
  /** A watch is set where the znode is there, and fires when a child comes or goes, or the znode itself goes. */
  children(path: string, watch?: WatchListener): Promise<Children>;
  /** Resolves when the replica has caught up with all that was acknowledged before. */
  sync(path: string): Promise<void>;
  /** All of it or nothing; rejects with the code of the part that failed. */
  transaction(parts: readonly TransactionPart[]): Promise<readonly TransactionResult[]>;
  /** Sets a watch that stays until the returned function is called, or the session ends. */
  addWatch(
    path: string,
    mode: "persistent" | "recursive",
    listener: WatchListener,
  ): Promise<() => Promise<void>>;
}
