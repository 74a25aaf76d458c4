/**
 * The catalogue of what every client is asked to do. Its order is the order of the rows and of the run; a
 * client program is given the ids and answers each with ok, fail or n/a (the client itself has no such call),
 * so that a check it forgets is seen as a failure.
 */

/** One thing a client does against a server. */
export interface Check {
  readonly id: string;
  /** A row of the table: what was seen to hold when the cell says ok. */
  readonly title: string;
}

/** The checks that every client program answers. */
export const CLIENT_CHECKS: readonly Check[] = [
  { id: "connect", title: "connects; the timeout asked for (4000 ms) is granted" },
  { id: "create-persistent", title: "create persistent" },
  { id: "create-ephemeral", title: "create ephemeral: owner is the session" },
  { id: "create-persistent-sequential", title: "create persistent sequential: numbers follow" },
  { id: "create-ephemeral-sequential", title: "create ephemeral sequential" },
  { id: "create-container", title: "create container" },
  { id: "create-refused", title: "create refused: NodeExists, NoNode, NoChildrenForEphemerals" },
  { id: "null-data", title: "a znode without data" },
  { id: "get", title: "get: data and Stat" },
  { id: "set", title: "set: version right, any, wrong (BadVersion), NoNode" },
  { id: "delete", title: "delete: BadVersion, NotEmpty, NoNode, done" },
  { id: "exists", title: "exists: present and absent" },
  { id: "children", title: "children and their Stat" },
  { id: "sync", title: "sync, then another client's write is read" },
  { id: "watch-data", title: "data watch: changed, once; deleted" },
  { id: "watch-exist", title: "exist watch: created, once" },
  { id: "watch-child", title: "child watch: children changed, once" },
  { id: "watch-recursive", title: "persistent recursive watch: created, changed, deleted" },
  { id: "remove-watch", title: "remove a watch: it does not fire" },
  { id: "multi-success", title: "multi: all applied, each result right" },
  { id: "multi-failure", title: "multi: none applied, the error of each operation" },
  { id: "acl-world", title: "ACL world: read yes, write NoAuth" },
  { id: "acl-digest", title: "ACL digest: NoAuth until the right password" },
  { id: "acl-ip", title: "ACL ip: own address yes, another NoAuth" },
  { id: "config", title: "/zookeeper/config is readable, its client addresses answer" },
  { id: "large-value", title: "a value of 1,000,000 bytes" },
  { id: "pipeline", title: "pipelined operations answer in order" },
  { id: "close", title: "close: the ephemerals go at once" },
  { id: "hand-over", title: "session taken over by id and password; wrong password expired" },
  { id: "move", title: "move to another replica: same session, ephemeral stays" },
  { id: "move-watch", title: "move to another replica: a watch set before fires" },
  { id: "expiry", title: "frozen client: ephemerals go, not early; SessionExpired on return" },
];

/**
 * What Curator is asked: its tracker and its recipes, each a longer conversation than one call of a client.
 */
export const CURATOR_CHECKS: readonly Check[] = [
  { id: "curator-tracker", title: "EnsembleTracker: where it leads, clients are served" },
  { id: "curator-transaction", title: "transaction with a check: all of it, or none" },
  { id: "curator-protected", title: "protected create below container parents, deleted recursively" },
  { id: "curator-mutex", title: "InterProcessMutex: never two holders" },
  { id: "curator-read-write", title: "InterProcessReadWriteLock: readers together, a writer alone" },
  { id: "curator-semaphore", title: "InterProcessSemaphoreV2: no more leases than there are" },
  { id: "curator-counter", title: "DistributedAtomicLong: no lost increment" },
  { id: "curator-latch", title: "LeaderLatch: one leader, then the next" },
  { id: "curator-barrier", title: "DistributedDoubleBarrier: nobody early in, all but one out together" },
  { id: "curator-cache", title: "CuratorCache: told of every change in order" },
  { id: "curator-tree-cache", title: "TreeCache: what was there, then every change" },
  { id: "curator-discovery", title: "service discovery: registered, found, changed, gone" },
  { id: "curator-move", title: "moved to another replica: session, ephemeral and cache live on" },
];

/** What kazoo's recipes are asked, their members at different replicas. */
export const KAZOO_CHECKS: readonly Check[] = [
  { id: "kazoo-lock", title: "Lock: never two holders, no lost count; contenders seen" },
  { id: "kazoo-read-write", title: "ReadLock, WriteLock: readers together, a writer alone" },
  { id: "kazoo-semaphore", title: "Semaphore: no more leases than there are" },
  { id: "kazoo-election", title: "Election: one leader at a time, in the order they came" },
  { id: "kazoo-barrier", title: "Barrier, DoubleBarrier: nobody early" },
  { id: "kazoo-counter", title: "Counter: no lost increment" },
  { id: "kazoo-party", title: "Party, ShallowParty: who is there, also after a death" },
  { id: "kazoo-queue", title: "Queue, LockingQueue: each entry once, by priority" },
  { id: "kazoo-watchers", title: "DataWatch, ChildrenWatch: told of every state waited for" },
  { id: "kazoo-tree-cache", title: "TreeCache: what was there, then every change" },
  { id: "kazoo-chroot", title: "chroot: paths, numbers and watches are below it" },
];

/** What the Java client has beyond single calls. */
export const JAVA_CHECKS: readonly Check[] = [
  { id: "java-chroot", title: "chroot: paths, numbers and watches are below it" },
  { id: "java-sasl", title: "SASL DIGEST-MD5: the right password is sasl:ann, a wrong one AuthFailed" },
];

/** What kazoo is asked of a server without a quorum, by test/system/read-only: the suite's own servers have one. */
export const READ_ONLY_CHECK: Check = { id: "kazoo-read-only", title: "read_only: reads, and may not write" };

/** What Go's client has beyond single calls. */
export const GO_CHECKS: readonly Check[] = [
  { id: "go-lock", title: "Lock: never two holders, no lost count" },
  { id: "go-concurrent", title: "50 goroutines on one connection: each reads its own writes" },
];

/** What Rust's client has beyond single calls. */
export const RUST_CHECKS: readonly Check[] = [
  { id: "rust-lock", title: "lock (Curator's layout): never two holders, writes under its guard only" },
  { id: "rust-hand-over", title: "a detached session taken over; a closed one expired" },
  { id: "rust-multi-read", title: "multi of reads: data, children, the error of each" },
  { id: "rust-who-am-i", title: "the identities of a session (whoAmI)" },
  { id: "rust-counts", title: "ephemerals and descendants below a path" },
];

/** What Edgekeeper's own recipes are asked: beside Curator's and kazoo's on one path, each in a process of its own. */
export const RECIPE_CHECKS: readonly Check[] = [
  {
    id: "recipes-mutex",
    title: "InterProcessMutex with Curator's and kazoo's: never two holders, no lost count",
  },
  { id: "recipes-lock", title: "Lock with kazoo's own, as it comes: never two holders, no lost count" },
  {
    id: "recipes-curator-write",
    title: "InterProcessReadWriteLock with Curator's: no reader meets a writer",
  },
  { id: "recipes-kazoo-write", title: "ReadLock, WriteLock with kazoo's: no reader meets a writer" },
  {
    id: "recipes-counters",
    title: "DistributedAtomicLong with Curator's, Counter with kazoo's: no lost count",
  },
  {
    id: "recipes-queues",
    title: "SimpleDistributedQueue with Curator's, Queue with kazoo's: each entry once",
  },
];

/** All that can be asked, each id once. */
export const ALL_CHECKS: readonly Check[] = [
  ...CLIENT_CHECKS,
  ...CURATOR_CHECKS,
  ...KAZOO_CHECKS,
  ...JAVA_CHECKS,
  ...GO_CHECKS,
  ...RUST_CHECKS,
  ...RECIPE_CHECKS,
];

/** The row of a client that could not be installed or built; there is no such row where it could. */
export const SETUP_CHECK: Check = { id: "setup", title: "the client is installed and built" };

/** The row of a server that does not come to serve; there is no such row where it does. */
export const START_CHECK: Check = { id: "start", title: "the server starts and serves" };

/** How one check ended. `n/a` needs its reason: the client has no such call. */
export type Verdict = "ok" | "fail" | "n/a";

/** A cell of the table. */
export interface Outcome {
  readonly check: string;
  readonly verdict: Verdict;
  /** What was expected and seen (fail), or why it is not asked (n/a). */
  readonly detail: string;
  readonly elapsedMs: number;
}

/** Everything one client did against one server. */
export interface ClientReport {
  readonly client: string;
  readonly outcomes: readonly Outcome[];
}
