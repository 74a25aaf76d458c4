/**
 * The request record: what every door (ZooKeeper's wire, HTTP, RPC) hands to the keeper, and what it gets
 * back. `op` is ZooKeeper's name of the operation. Source: ZooKeeper ZooDefs.OpCode and zookeeper.jute.
 */
import type { Acl, Identity } from "./acl.ts";
import type { Stat } from "./stat.ts";
import type { Zxid } from "./zxid.ts";

/** null is a value of its own, distinct from no bytes: ZooKeeper stores and returns it as such. */
export type NodeData = Uint8Array | null;

/**
 * create, create2 (answers with Stat), createContainer and createTTL; `flags` is the wire's CreateMode,
 * unchecked.
 */
export interface CreateRequest {
  readonly op: "create" | "create2" | "createContainer" | "createTTL";
  readonly path: string;
  readonly data: NodeData;
  readonly acl: readonly Acl[];
  readonly flags: number;
  /** Milliseconds, for createTTL; 0 elsewhere. */
  readonly ttlMs: number;
}
/** Removes a znode that has no children, if its data has the version. */
export interface DeleteRequest {
  readonly op: "delete";
  readonly path: string;
  /** -1 for any. */
  readonly version: number;
}
/** Replaces the data of a znode, if it has the version; -1 for any. */
export interface SetDataRequest {
  readonly op: "setData";
  readonly path: string;
  readonly data: NodeData;
  readonly version: number;
}
/** Replaces the access control list of a znode, if its aversion is the version; -1 for any. */
export interface SetAclRequest {
  readonly op: "setACL";
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly version: number;
}
/** Asks that a znode exist and its data have the version; -1 for any. It changes nothing. */
export interface CheckRequest {
  readonly op: "check";
  readonly path: string;
  readonly version: number;
}

/** What may stand inside a multi. */
export type MultiOperation =
  | CreateRequest
  | DeleteRequest
  | SetDataRequest
  | CheckRequest
  | { readonly op: "unsupported"; readonly type: number };

/** All of the operations in order, or none of them. */
export interface MultiRequest {
  readonly op: "multi";
  readonly operations: readonly MultiOperation[];
}
/** Changes who is in the ensemble; the lists are in ZooKeeper's form, `server.N=...` lines or sids. */
export interface ReconfigRequest {
  readonly op: "reconfig";
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
  readonly currentConfigId: bigint;
}
/** Lists no bytes; asks that all that was committed before it be delivered where it is answered. */
export interface SyncRequest {
  readonly op: "sync";
  readonly path: string;
}
/** Ends the session and removes its ephemerals. */
export interface CloseSessionRequest {
  readonly op: "closeSession";
}
/** Made at the connect handshake; never decoded from a client's frame. */
export interface CreateSessionRequest {
  readonly op: "createSession";
  readonly timeoutMs: number;
  /** 16 random bytes. */
  readonly password: Uint8Array;
}
/**
 * Removes a container or TTL znode that has become idle; the keeper's own, never decoded from a client's
 * frame.
 */
export interface DeleteContainerRequest {
  readonly op: "deleteContainer";
  readonly path: string;
}

/** Replaces the data of a znode, or creates it, persistent, with these permissions: whichever it takes. */
export interface PutRequest {
  readonly op: "put";
  readonly path: string;
  readonly data: NodeData;
  readonly acl: readonly Acl[];
}

/** Creates a persistent znode with these data and permissions where there is none; leaves the one that is there. */
export interface EnsureRequest {
  readonly op: "ensure";
  readonly path: string;
  readonly data: NodeData;
  readonly acl: readonly Acl[];
}

/** Adds to the number at the path, which is 0 where nothing stands, and is created then with these permissions. */
export interface AddRequest {
  readonly op: "add";
  readonly path: string;
  /** Of 64 bits, as the sum. */
  readonly delta: bigint;
  readonly acl: readonly Acl[];
}

/** Keeps the data at the path, before they are changed, below it: the latest so many that were replaced. */
export interface Archive {
  readonly path: string;
  readonly max: number;
}

/** What must hold where a transact is prepared, or nothing of it is done. */
export type Guard =
  /** The lock at the path, or a permit of the semaphore there, is held under this token: the czxid of its znode. */
  | { readonly kind: "held"; readonly path: string; readonly token: Zxid }
  /** Nobody holds the lock at the path, or waits for it; readers do not hinder a reader. */
  | { readonly kind: "free"; readonly path: string; readonly isShared: boolean }
  /** Of the semaphore at the path a permit is left; so many are agreed upon, or, where it is new, are now. */
  | { readonly kind: "room"; readonly path: string; readonly permits: number }
  /** Nothing stands at the path. */
  | { readonly kind: "absent"; readonly path: string }
  /** The znode at the path is the one created then, and not another under its name. */
  | { readonly kind: "same"; readonly path: string; readonly czxid: Zxid };

/** Under what a call may be repeated without being done twice. */
export interface CallKey {
  /** 64 hex digits: the caller's key, hashed with who it is. */
  readonly name: string;
  /** 64 hex digits: what was asked for, hashed. Another request under the same key is refused. */
  readonly fingerprint: string;
}

/** What may stand inside a transact. */
export type TransactOperation =
  | CreateRequest
  | DeleteRequest
  | SetDataRequest
  | CheckRequest
  | PutRequest
  | EnsureRequest
  | AddRequest;

/**
 * What callers without a connection ask for as one transaction, beyond what a multi can say; never decoded from a
 * client's frame.
 */
export interface TransactRequest {
  readonly op: "transact";
  /** Makes the session that it is asked in. */
  readonly newSession: { readonly timeoutMs: number; readonly password: Uint8Array } | undefined;
  /** Where this is missing, containers are made down to it. */
  readonly ensured: string | undefined;
  readonly guards: readonly Guard[];
  /** Done before the operations. */
  readonly archived?: Archive | undefined;
  readonly operations: readonly TransactOperation[];
  readonly key: CallKey | undefined;
}

/** Requests that go through the leader and take a zxid. */
export type WriteRequest =
  | CreateRequest
  | DeleteRequest
  | SetDataRequest
  | SetAclRequest
  | CheckRequest
  | MultiRequest
  | TransactRequest
  | ReconfigRequest
  | SyncRequest
  | CreateSessionRequest
  | CloseSessionRequest
  | DeleteContainerRequest;

/** What may stand inside a multiRead. */
export type MultiReadOperation =
  | { readonly op: "getData"; readonly path: string; readonly watch: boolean }
  | { readonly op: "getChildren"; readonly path: string; readonly watch: boolean }
  | { readonly op: "unsupported"; readonly type: number };

/** 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive (ZooKeeper Watcher.WatcherType). */
export interface WatcherRequest {
  readonly op: "checkWatches" | "removeWatches";
  readonly path: string;
  readonly type: number;
}
/** Sets a persistent watch, which stays until it is removed. */
export interface AddWatchRequest {
  readonly op: "addWatch";
  readonly path: string;
  /** 0 persistent, 1 persistent recursive, as sent. */
  readonly mode: number;
}
/** A client's watches after it reconnected (setWatches leaves the last two lists empty). */
export interface SetWatchesRequest {
  readonly op: "setWatches" | "setWatches2";
  readonly relativeZxid: Zxid;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}
/** Reads about a path that set no watch. */
export interface PathRequest {
  readonly op: "getACL" | "getAllChildrenNumber" | "getEphemerals";
  /** For getEphemerals the prefix, which may be empty. */
  readonly path: string;
}
/** Reads that may leave a watch, which fires once. */
export interface WatchableReadRequest {
  readonly op: "exists" | "getData" | "getChildren" | "getChildren2";
  readonly path: string;
  readonly watch: boolean;
}
/** All of the reads, each with its own result. */
export interface MultiReadRequest {
  readonly op: "multiRead";
  readonly operations: readonly MultiReadOperation[];
}

/** Requests that the serving replica answers from its own tree. */
export type ReadRequest =
  | WatchableReadRequest
  | PathRequest
  | MultiReadRequest
  | WatcherRequest
  | AddWatchRequest
  | SetWatchesRequest
  | { readonly op: "whoAmI" };

/** Requests about the connection itself. */
export type ConnectionRequest =
  | { readonly op: "ping" }
  | {
      readonly op: "auth";
      readonly type: number;
      readonly scheme: string | null;
      readonly auth: Uint8Array | null;
    }
  | { readonly op: "sasl"; readonly token: Uint8Array | null };

/** Every request. */
export type Request = WriteRequest | ReadRequest | ConnectionRequest;

/** One operation's result inside multi: ZooKeeper sends create2's as a create without Stat. */
export type MultiResult =
  | { readonly op: "create"; readonly path: string }
  | { readonly op: "create2"; readonly path: string; readonly stat: Stat }
  | { readonly op: "delete" }
  | { readonly op: "setData"; readonly stat: Stat }
  | { readonly op: "check" }
  | { readonly op: "getData"; readonly data: NodeData; readonly stat: Stat }
  | { readonly op: "getChildren"; readonly children: readonly string[] }
  | { readonly op: "error"; readonly code: number };

/** What a request is answered with; "empty" stands for the operations whose reply is a header alone. */
export type Response =
  | { readonly op: "empty" }
  | { readonly op: "path"; readonly path: string }
  | { readonly op: "create2"; readonly path: string; readonly stat: Stat }
  | { readonly op: "stat"; readonly stat: Stat }
  | { readonly op: "getData"; readonly data: NodeData; readonly stat: Stat }
  | { readonly op: "getACL"; readonly acl: readonly Acl[]; readonly stat: Stat }
  | { readonly op: "children"; readonly children: readonly string[] }
  | { readonly op: "children2"; readonly children: readonly string[]; readonly stat: Stat }
  | { readonly op: "multi"; readonly results: readonly MultiResult[] }
  | { readonly op: "error"; readonly code: number }
  | { readonly op: "sasl"; readonly token: Uint8Array | null }
  | { readonly op: "ephemerals"; readonly paths: readonly string[] }
  | { readonly op: "count"; readonly count: number }
  | { readonly op: "identities"; readonly identities: readonly Identity[] };
