/**
 * Transactions: what the leader makes of a request, and what every replica applies. A transaction says the
 * outcome (a final path, a version to set), never a condition, so that applying needs no decision. Source:
 * ZooKeeper txn records (zookeeper.jute, module txn) and PrepRequestProcessor.
 */
import type { Acl } from "./acl.ts";
import type { Origin, SessionId } from "./ids.ts";
import type { NodeData } from "./request.ts";
import type { Stat } from "./stat.ts";
import type { Zxid } from "./zxid.ts";

/** Whose znode it is and how it ends. */
export type NodeOwner =
  | { readonly mode: "persistent" }
  | { readonly mode: "container" }
  | { readonly mode: "ephemeral"; readonly session: SessionId }
  | { readonly mode: "ttl"; readonly ttlMs: number };

/** Travels before each transaction in its proposal. */
export interface TxnHeader {
  readonly session: SessionId;
  /** The client's number for the request. */
  readonly xid: number;
  /** Milliseconds of Unix time on the leader's clock. */
  readonly timeMs: number;
  readonly origin: Origin;
}

/** Adds a znode below its parent, which stands. */
export interface CreateTxn {
  readonly kind: "create";
  /** Final: the sequence number is part of it. */
  readonly path: string;
  readonly data: NodeData;
  readonly acl: readonly Acl[];
  readonly owner: NodeOwner;
  /** How many creates of children the parent has seen with this one. */
  readonly parentCreates: number;
  /** Whether the answer carries the Stat: create2 and its kin. */
  readonly withStat: boolean;
}

/** What may stand inside a multi's transaction. */
export type OperationTxn =
  | CreateTxn
  | { readonly kind: "delete"; readonly path: string }
  | {
      readonly kind: "setData";
      readonly path: string;
      readonly data: NodeData;
      readonly version: number;
    }
  | { readonly kind: "check"; readonly path: string; readonly version: number }
  | { readonly kind: "error"; readonly code: number };

/** A tree that waits beside the one that stands, at each replica that was sent it. */
export interface StagedRestore {
  /** The zxid of the barrier with which a leader permitted it: later permits are larger. */
  readonly permit: Zxid;
  /** Sixteen hex digits: what all of it sums up to. */
  readonly digest: string;
}

/** How long a session may be silent from now on. */
export interface SessionLeft {
  readonly session: SessionId;
  readonly leftMs: number;
}

/** What an ensemble falls asleep with. */
export interface DormantTxn {
  readonly kind: "dormant";
  /** The poll, by the leader's clock, up to which it has heard who is alive. */
  readonly horizonMs: number;
  /** After so long the ensemble has to wake by itself; undefined where it need not. */
  readonly wakeInMs: number | undefined;
  readonly sessions: readonly SessionLeft[];
}

/** Every transaction. A multi that failed holds an error per operation and changes nothing. */
export type Txn =
  | OperationTxn
  | {
      readonly kind: "setAcl";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly aversion: number;
    }
  | { readonly kind: "multi"; readonly operations: readonly OperationTxn[] }
  /** Makes the header's session, and then does all of the operations. */
  | {
      readonly kind: "sessionMulti";
      readonly timeoutMs: number;
      readonly password: Uint8Array;
      readonly operations: readonly OperationTxn[];
    }
  | { readonly kind: "createSession"; readonly timeoutMs: number; readonly password: Uint8Array }
  | { readonly kind: "closeSession" }
  /** The dynamic configuration shown at /zookeeper/config: the members from here on, once it is committed. */
  | { readonly kind: "config"; readonly data: Uint8Array }
  /** Changes nothing: who has it knows that the configuration before it was committed. The leader's own. */
  | { readonly kind: "settled" }
  /** Changes nothing. Where it is the last of a history, nothing was served behind it. The leader's own. */
  | DormantTxn
  /**
   * The tree that was staged under this permit at every voter takes the place of the one that stands, but for who the
   * members are. Nothing may be prepared behind it: every replica starts anew on the new tree.
   */
  | { readonly kind: "restore"; readonly staged: StagedRestore }
  /** Changes nothing: answers sync, once a quorum has it. */
  | { readonly kind: "barrier"; readonly path: string };

/** What applying a transaction gave, for the replica whose client waits for it. */
export type Outcome =
  | {
      readonly kind: "created";
      readonly path: string;
      readonly stat: Stat;
      readonly withStat: boolean;
    }
  | { readonly kind: "done" }
  | { readonly kind: "stat"; readonly stat: Stat }
  | { readonly kind: "multi"; readonly outcomes: readonly Outcome[] }
  | { readonly kind: "barrier"; readonly path: string }
  | { readonly kind: "config"; readonly data: Uint8Array; readonly stat: Stat }
  | { readonly kind: "error"; readonly code: number };
