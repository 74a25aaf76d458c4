/** What callers may say beside what they want. */
import type { Acl } from "../base/acl.ts";
import type { EdgekeeperError } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import type { Transport } from "./transport.ts";
import type { WebSocketClass } from "./web-socket.ts";
import type { WatchEvent } from "./znode.ts";

/** What a session is known by, as JSON can hold it: whoever has it is its owner, so keep it secret. */
export interface SessionTicket {
  /** Sixteen hex digits. */
  readonly id: string;
  /** In hex digits. */
  readonly password: string;
  /** The newest zxid that was seen, twenty digits. */
  readonly zxid: string;
}

/** How to connect. */
export interface ConnectOptions {
  /** How long the session outlives its connection, in ms. Default 30,000; the ensemble allows 4 s to 40 s or so. */
  readonly timeoutMs?: number;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal;
  /** How long to wait for the first connection, in ms. Default 30,000. */
  readonly connectTimeoutMs?: number;
  /** Told why each attempt to connect failed, before the next one: nothing else is heard until it is given up. */
  readonly onRetry?: (error: EdgekeeperError) => void;
  /** All paths are below this one, as in the last part of a connect string of ZooKeeper's. */
  readonly chroot?: string;
  /** Takes a session over, its ephemerals and all; its watches are not part of it. */
  readonly session?: SessionTicket;
  /** The deployment's secret, or a token of it. */
  readonly token?: string;
  /** For a runtime that has none: Node 20 and the package ws, say. */
  readonly WebSocket?: WebSocketClass;
  /** Another way to the replicas, instead of WebSockets. */
  readonly transport?: Transport;
  /** Time and chance from elsewhere. */
  readonly runtime?: Runtime;
  /** Asks again what only reads where the connection was lost before the answer. Default true. */
  readonly retryReads?: boolean;
  /** Learns from /zookeeper/config how many replicas there are, to go to another one when one is lost. Default true. */
  readonly discover?: boolean;
  /**
   * After so many session timeouts without a sign of any replica the session is taken for expired. Default 4/3, as in
   * ZooKeeper's own client; Infinity goes on looking for ever. Up to 1 this side gives up before any replica can: then
   * nobody is given a lock while its holder still believes to hold it, whatever happens to the connection.
   */
  readonly outOfTouchFactor?: number;
}

/** What every request may be given. */
export interface RequestOptions {
  /** Ends the waiting, with its reason. What was sent may be done all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads that may leave a watch, which fires once. */
export interface ReadOptions extends RequestOptions {
  /**
   * Called once, at the next change of what was read, or when the session is over ("ended"); not at all where the read
   * failed. It may be called before the promise of the read goes on.
   */
  readonly watch?: ((event: WatchEvent) => void) | undefined;
}

/** Writes that want a version. */
export interface VersionOptions extends RequestOptions {
  /** The version that it must have (BadVersionError otherwise); any, where this is missing. */
  readonly version?: number | undefined;
  /**
   * Asks again where the connection was lost before the answer, and takes for its own success what it finds done
   * (Curator: idempotent).
   */
  readonly idempotent?: boolean | undefined;
}

/** How a znode is created. */
export interface CreateOptions extends RequestOptions {
  /** Default persistent. */
  readonly mode?: CreateMode | undefined;
  /** The ensemble appends a number of ten digits, larger than all before it below that parent. */
  readonly sequential?: boolean | undefined;
  /** For the mode ttl: it goes when it has no children and was not set for so long. */
  readonly ttlMs?: number | undefined;
  /** Default: whoever can reach the ensemble may do everything. */
  readonly acl?: readonly Acl[] | undefined;
  /** Makes what is missing above it, as persistent znodes or as containers, which go with their last child. */
  readonly parents?: "persistent" | "container" | undefined;
  /**
   * Puts a UUID before the name, `_c_UUID-`, and looks for it where the connection was lost before the answer: so it
   * is never created twice (Curator: withProtection).
   */
  readonly protect?: boolean | undefined;
  /** Asks again where the connection was lost before the answer; one that is there with the same data is its own. */
  readonly idempotent?: boolean | undefined;
}

/** How long a znode lives: for good, as its session, while it has children, or for a time. */
export type CreateMode = "persistent" | "ephemeral" | "container" | "ttl";

/** How znodes are deleted. */
export interface DeleteOptions extends VersionOptions {
  /** Everything below it as well, znode by znode: it is no transaction. */
  readonly recursive?: boolean | undefined;
}

/** What is watched. */
export interface WatchOptions extends RequestOptions {
  /** Everything below as well; such a watch tells no childrenChanged, as it tells of the children themselves. */
  readonly recursive?: boolean | undefined;
}

/** How the members are to change (ZooKeeper's reconfig): servers as `server.N=...` lines, those that leave as sids. */
export interface ReconfigOptions extends RequestOptions {
  readonly joining?: readonly string[] | undefined;
  readonly leaving?: readonly string[] | undefined;
  /** The whole list instead. */
  readonly members?: readonly string[] | undefined;
  /** The version of the configuration that it changes; any, where this is missing. */
  readonly fromVersion?: bigint | undefined;
}
