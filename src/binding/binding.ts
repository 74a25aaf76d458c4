/**
 * Edgekeeper as a Worker sees it that is bound to it by `services` in its wrangler.toml. What is called a stub lives
 * in Edgekeeper's own isolate: its properties and methods answer by promises, and it is to be disposed of, which
 * `using` does. Where the calling Worker's event ends, the runtime disposes of what was left.
 */

/** How long, and how, a lock is taken. */
export interface LockOptions {
  /** How long to wait in the queue, which is fair: up to 60,000 ms; 0, the default, takes no place. */
  readonly waitMs?: number;
  /** The lock is free again so long after Edgekeeper, which renews it by itself, is lost: 30,000 ms unless set. */
  readonly ttlMs?: number;
  /** `exclusive`, the default, is Curator's InterProcessMutex; `read` and `write` are its InterProcessReadWriteLock. */
  readonly mode?: "exclusive" | "read" | "write";
  /** What its lease held stays closed for so long after it has expired; not after a release. 0 unless set. */
  readonly lockDelayMs?: number;
  /** Whom the queue shows. */
  readonly owner?: string;
  /** Whoever asks again with the same key finds its place, or the lease that it was given. Random unless set. */
  readonly key?: string;
}

/** How long, and how, a permit of a semaphore is taken. */
export interface SemaphoreOptions extends Omit<LockOptions, "mode"> {
  /** How many may hold one: all must say the same number, which the first one sets. */
  readonly permits: number;
}

/** How a candidate stands for election. */
export interface CampaignOptions extends Omit<LockOptions, "mode" | "owner"> {
  /** What others see of the leader: an address, say. */
  readonly value?: string;
}

/** Why a lock is not held any more. */
export interface LeaseEnd {
  /**
   * `released` by its holder; `lease-over` where the ensemble says so: it was forced, or its session has ended;
   * `lease-expired` where it could not be renewed in time and may be somebody else's.
   */
  readonly code: "released" | "lease-over" | "lease-expired";
  readonly detail: string;
}

/** The end of a lease, or of a session. It is a stub of its own, as a call that waits holds the stub it was made on. */
export interface Ending {
  /** Resolves when it is over, and says why; fails at once where Edgekeeper itself is lost. */
  lost(): Promise<LeaseEnd>;
  [Symbol.dispose](): void;
}

/** What is held, as a lock is, and renewed for as long as this stub is. Disposing of it releases it. */
export interface Lease {
  /** The path of what is held. */
  readonly path: Promise<string>;
  /** The fencing token, 20 digits: each holder's is larger than all before it, as a text too. */
  readonly token: Promise<string>;
  /** The secret of the lease, with which it can be renewed and released over HTTP. */
  readonly lease: Promise<string>;
  /** So long it is held at least, whatever happens to Edgekeeper: by the time of the answer. */
  readonly expiresInMs: Promise<number>;
  /** Has its whole time ahead again: rarely needed, as Edgekeeper does so by itself. Gives `expiresInMs`. */
  renew(): Promise<number>;
  /** Gives the lock back. Done when it is free; a second time does nothing. */
  release(): Promise<void>;
  /** Tells when and why the lock is not held any more; `signalOf` makes an AbortSignal of it. */
  ending(): Promise<Ending>;
  [Symbol.dispose](): void;
}

/** The lead in an election: disposing of it resigns. */
export interface Leadership extends Lease {
  /** Sets what others see of the leader, if it still leads: checked in the same transaction. */
  proclaim(value: string): Promise<void>;
}

/** A leader, or one that would follow. */
export interface Candidate {
  /** The name of its znode below the election's. */
  readonly node: string;
  readonly holds: boolean;
  readonly token: string;
  readonly session: string | null;
  /** When it came into the queue, in Unix milliseconds: who leads may have waited first. */
  readonly queuedSince: number;
  readonly value: string;
}

/** One election, on the znodes of Curator's LeaderLatch: `jobs` is the znode /elections/jobs. */
export interface Election {
  /** Stands for election; fails after `waitMs` with `lock-timeout`. */
  campaign(options?: CampaignOptions): Promise<Leadership>;
  /** Who leads; null for nobody. */
  leader(options?: ReadOptions): Promise<Candidate | null>;
  /** The first hundred, the leader first. */
  candidates(options?: ReadOptions): Promise<readonly Candidate[]>;
  [Symbol.dispose](): void;
}

/** A place in a queue, for those who may want to give it up. Disposing of it does so. */
export interface Contender {
  /** Resolves when the lock is held, or fails: with `lock-timeout` after `waitMs`. */
  held(): Promise<Lease>;
  /** Gives the place up: `held` fails with `left`. */
  leave(): Promise<void>;
  [Symbol.dispose](): void;
}

/** One in a lock's queue. */
export interface Queued {
  /** The name of its znode below the lock's. */
  readonly node: string;
  readonly mode: "exclusive" | "shared";
  readonly holds: boolean;
  readonly token: string;
  /** The id of its session. */
  readonly session: string | null;
  /** When it came into the queue, in Unix milliseconds: who holds may have waited first. */
  readonly queuedSince: number;
  readonly owner: string;
}

/** Who holds a lock, and who waits. */
export interface LockQueue {
  readonly lock: string;
  /** Holders and waiters. */
  readonly count: number;
  /** The first hundred, the holder first. */
  readonly queue: readonly Queued[];
}

/** A znode's Stat; zxids are 20 digits. */
export interface NodeStat {
  readonly czxid: string;
  readonly mzxid: string;
  readonly pzxid: string;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: string | null;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** How fresh a read is to be. */
export interface ReadOptions {
  /** `linearizable`: nothing older than what was acknowledged before; it costs a round of the log. */
  readonly consistency?: "local" | "linearizable";
  /** A zxid that was given before: nothing older than that. */
  readonly minZxid?: string;
}

/** What every write takes. */
export interface WriteOptions {
  /** Done only if this is held under this token, checked in the same transaction: a lock's name, or a lease's path. */
  readonly held?: { readonly name: string; readonly token: string };
  /** Asked again with the same key it is done once, and answered as the first time. Random unless set. */
  readonly key?: string;
}

/** What a znode holds. */
export interface NodeValue {
  readonly data: Uint8Array | null;
  /** The data as text. */
  readonly text: string;
  readonly stat: NodeStat;
  /** The state that was read; as `minZxid` it makes time never go backwards. */
  readonly zxid: string;
}

/** What a write came to. */
export interface Written {
  /** Where: a sequential znode has ten digits more than was asked for. */
  readonly path: string;
  readonly stat: NodeStat | null;
  /** The place of the write in the order of all. */
  readonly zxid: string;
}

/** How a znode that is created ends, and how it is named. */
export interface CreateOptions extends WriteOptions {
  /** `ephemeral` takes a session: see Session. */
  readonly mode?: "persistent" | "ephemeral" | "container" | "ttl";
  readonly sequential?: boolean;
  readonly ttlMs?: number;
  /** Makes what is missing above it, as persistent znodes: not in one transaction with it. */
  readonly parents?: boolean;
}

/** A page of the names of a znode's children. */
export interface Children {
  readonly children: readonly string[];
  /** What `after` is to be for the next page; null at the end. */
  readonly next: string | null;
  readonly stat: NodeStat;
  readonly zxid: string;
}

/** One znode. */
export interface Node {
  /** What it holds; null where there is none. */
  get(options?: ReadOptions): Promise<NodeValue | null>;
  /** Sets the data, creating it where it is missing; with a `version`, only if it has that. */
  put(data: Uint8Array | string, options?: WriteOptions & { readonly version?: number }): Promise<Written>;
  /** Creates it; fails with `node-exists` where it is there. */
  create(data: Uint8Array | string, options?: CreateOptions): Promise<Written>;
  /** Deletes it; with a `version`, only if it has that. Fails with `not-empty` where it has children. */
  delete(options?: WriteOptions & { readonly version?: number }): Promise<void>;
  /** Names of its children. */
  children(options?: ReadOptions & { readonly after?: string; readonly limit?: number }): Promise<Children>;
  [Symbol.dispose](): void;
}

/** A configuration document as it is. */
export interface ConfigDocument {
  /** Any JSON. */
  readonly value: unknown;
  /** For `match`: it is not overwritten where it has changed since. */
  readonly etag: string;
  /** 20 digits: its name in the history. */
  readonly revision: string;
  readonly zxid: string;
}

/** What a write of a configuration document came to. */
export interface ConfigWritten {
  readonly etag: string;
  readonly revision: string;
  readonly zxid: string;
}

/** What is asked of a write of a configuration document. */
export interface ConfigWriteOptions extends WriteOptions {
  /**
   * Only if it is as `get` showed: its `etag`; `none` for: only if there is none. Fails with `bad-version`, or
   * `node-exists`.
   */
  readonly match?: string;
}

/** One in the history of a configuration document. */
export interface ConfigRevision {
  readonly revision: string;
  readonly version: number;
  readonly writtenAt: string;
  readonly current: boolean;
}

/** A configuration document: JSON with a history, and a schema if you like; `app` is the znode /config/app. */
export interface Config {
  /** As it is; null where there is none. */
  get(options?: ReadOptions): Promise<ConfigDocument | null>;
  /** Writes it, creating it where it is missing. Fails with `schema-violation` where its schema wants it otherwise. */
  set(value: unknown, options?: ConfigWriteOptions): Promise<ConfigWritten>;
  /** Deletes it, its schema and its history. */
  delete(options?: ConfigWriteOptions): Promise<void>;
  /** What it was, the latest first. */
  history(options?: ReadOptions): Promise<readonly ConfigRevision[]>;
  /** What it was at a revision. Fails with `no-revision` where that is no more. */
  at(revision: string): Promise<unknown>;
  /** The JSON Schema that it must satisfy from now on; the document that is there must do so already. */
  setSchema(schema: unknown, options?: WriteOptions): Promise<void>;
  [Symbol.dispose](): void;
}

/** A counter of 64 bits, Curator's DistributedAtomicLong: `hits` is the znode /counters/hits. */
export interface Counter {
  /** What it stands at; null where there is none. */
  get(options?: ReadOptions): Promise<bigint | null>;
  /** Adds to it, in one transaction, and gives what it stands at then; one that is missing begins at 0. */
  add(by?: number | bigint, options?: WriteOptions): Promise<bigint>;
  /** Sets it. */
  set(value: number | bigint, options?: WriteOptions): Promise<void>;
  [Symbol.dispose](): void;
}

/** The states of a znode, one after the other. */
export interface Watch {
  /**
   * The present state at first, and then, when there is one, the next that is another; null where there is no znode.
   * States that were over before anybody asked are left out; the latest never is.
   */
  next(): Promise<NodeValue | null>;
  /** Ends it: a `next` that waits fails with `closed`. */
  close(): Promise<void>;
  [Symbol.dispose](): void;
}

/** One write of several. */
export type Operation =
  | {
      readonly op: "create";
      readonly path: string;
      readonly text?: string | null;
      readonly base64?: string;
      readonly mode?: "persistent" | "ephemeral" | "container" | "ttl";
      readonly sequential?: boolean;
      readonly ttlMs?: number;
    }
  | {
      readonly op: "set";
      readonly path: string;
      readonly text?: string | null;
      readonly base64?: string;
      readonly version?: number;
    }
  /** Sets, or creates a persistent znode. */
  | { readonly op: "put"; readonly path: string; readonly text?: string | null; readonly base64?: string }
  | { readonly op: "delete"; readonly path: string; readonly version?: number }
  /** Changes nothing. */
  | { readonly op: "check"; readonly path: string; readonly version?: number };

/** What several writes came to. */
export interface MultiWritten {
  /** Of each operation, in their order. */
  readonly results: readonly { readonly path: string; readonly stat: NodeStat | null }[];
  readonly zxid: string;
}

/** An instance of a service, as it is registered: Curator's service discovery finds it below /services. */
export interface NewInstance {
  /** Another one's fails with `node-exists`; a UUID unless set. */
  readonly id?: string;
  readonly address: string;
  readonly port?: number | null;
  readonly sslPort?: number | null;
  /** Any JSON. */
  readonly payload?: unknown;
  /** True unless set. */
  readonly enabled?: boolean;
}

/** An instance of a service, as it is listed: with what its own client wrote besides. */
export interface Instance {
  readonly id: string;
  /** The id of the session that it goes with. */
  readonly session: string | null;
  /** Unix milliseconds. */
  readonly since: number;
  readonly address?: string;
  readonly port?: number | null;
  readonly [field: string]: unknown;
}

/** A session, kept alive for as long as this stub is held. Disposing of it ends it, and its ephemerals with it. */
export interface Session {
  /** Its text, which is a secret: with it the session can be used over HTTP. */
  readonly text: Promise<string>;
  /** A znode as this session sees it: what it creates as ephemeral goes with it. */
  node(path: string): Promise<Node> & Pick<Node, "get" | "put" | "create" | "delete" | "children">;
  /** Registers an instance of a service, which is gone with this session. Gives its id. */
  register(service: string, instance: NewInstance, options?: WriteOptions): Promise<string>;
  /** Several writes in this session. */
  multi(operations: readonly Operation[], options?: WriteOptions): Promise<MultiWritten>;
  /** Ends it. A second time does nothing. */
  close(): Promise<void>;
  /** Tells when and why it is over. */
  ending(): Promise<Ending>;
  [Symbol.dispose](): void;
}

/** What the binding has. */
export interface EdgekeeperBinding {
  /**
   * Takes a lock; fails with `lock-held`, or after `waitMs` with `lock-timeout`. `orders/42` is the znode
   * /locks/orders/42, a name that begins with / is a path of its own.
   */
  lock(name: string, options?: LockOptions): Promise<Lease> & Pick<Lease, "token">;
  /** The same for those who may want to give up meanwhile; with `permits` of a semaphore. */
  contend(
    name: string,
    options?: LockOptions | SemaphoreOptions,
  ): Promise<Contender> & Pick<Contender, "held">;
  /** Takes a permit of a semaphore; fails as `lock` does, and with `permits-differ` under another number of permits. */
  semaphore(name: string, options: SemaphoreOptions): Promise<Lease> & Pick<Lease, "token">;
  /** An election: `await env.EDGEKEEPER.election("jobs").leader()` is one round trip. */
  election(name: string): Promise<Election> & Pick<Election, "campaign" | "leader" | "candidates">;
  /** Who holds a lock, and who waits. */
  lockQueue(name: string, options?: ReadOptions): Promise<LockQueue>;
  /** A znode: `await env.EDGEKEEPER.node("/flags").get()` is one round trip. */
  node(path: string): Promise<Node> & Pick<Node, "get" | "put" | "create" | "delete" | "children">;
  /** Watches a znode, over the loss of replicas. */
  watch(path: string): Promise<Watch>;
  /** The instances of a service, a thousand at most. */
  instances(service: string, options?: ReadOptions): Promise<readonly Instance[]>;
  /** A configuration document. */
  config(
    name: string,
  ): Promise<Config> & Pick<Config, "get" | "set" | "delete" | "history" | "at" | "setSchema">;
  /** A counter: `await env.EDGEKEEPER.counter("hits").add()` is one round trip. */
  counter(name: string): Promise<Counter> & Pick<Counter, "get" | "add" | "set">;
  /** Several writes in one transaction: all are done, or none. */
  multi(operations: readonly Operation[], options?: WriteOptions): Promise<MultiWritten>;
  /** Makes a session, which ends when Edgekeeper is lost for `timeoutMs`, 30,000 unless set. */
  session(options?: { readonly timeoutMs?: number }): Promise<Session>;
}
