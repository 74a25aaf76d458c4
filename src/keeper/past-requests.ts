/** What callers may ask about the past, and why things are as they are; and what they are told. */
import type { SessionId, Sid } from "../base/ids.ts";
import type { NodeData } from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { NodeOwner } from "../base/txn.ts";
import type { Zxid } from "../base/zxid.ts";
import type { Moment } from "../tree/past.ts";
import type { Page, QueuedContender } from "./call.ts";

export type { Moment } from "../tree/past.ts";

/** Questions whose answer takes the history. */
export type PastRequest =
  /** A znode as it was, or the names of its children then. */
  | {
      readonly kind: "past";
      readonly path: string;
      readonly at: Moment;
      /** Of the children; undefined where the data are asked for. */
      readonly page: Page | undefined;
      readonly isLinearizable: boolean;
    }
  /** What is different at and below a path between two moments; `to` is now unless it is told. */
  | {
      readonly kind: "difference";
      readonly path: string;
      readonly from: Moment;
      readonly to: Moment | undefined;
      readonly page: Page;
      readonly isLinearizable: boolean;
    }
  /** Who holds it, who waits, who owns it; of what is gone, why. */
  | { readonly kind: "explainPath"; readonly path: string; readonly isLinearizable: boolean }
  /** Where it is attached, when it was heard of, what it has; of one that is over, why. */
  | { readonly kind: "explainSession"; readonly session: SessionId; readonly isLinearizable: boolean };

/** A Stat, of which null stands for what the history tells no more; where czxid is, the owner is not known either. */
export type PastStat = { readonly [Field in keyof Stat]: Stat[Field] | null };

/** One side of a difference; undefined for what the history tells no more. */
export interface PastSide {
  readonly data: NodeData | undefined;
  readonly version: number | undefined;
  readonly mzxid: Zxid | undefined;
  readonly czxid: Zxid | undefined;
  /** NO_SESSION where it is no ephemeral. */
  readonly ephemeralOwner: SessionId | undefined;
}

/** What became of a path. */
export interface DifferenceEntry {
  readonly path: string;
  /** replaced: it was deleted, and another one created under its name. */
  readonly kind: "created" | "deleted" | "replaced" | "changed";
  readonly isDataSet: boolean;
  readonly isAclSet: boolean;
  readonly before: PastSide | undefined;
  readonly after: PastSide | undefined;
}

/** How a transaction came about. */
export interface Cause {
  readonly zxid: Zxid;
  /** Unix milliseconds by its leader's clock. */
  readonly timeMs: number;
  /** Who asked for it; NO_SESSION for a caller in none, and for the leader itself. */
  readonly session: SessionId;
  /** The replica that it was asked of; the leader where it did so by itself. */
  readonly replica: Sid;
  /** The leader did it by itself: a session expired, a container was empty, the time of a TTL znode was over. */
  readonly isOwn: boolean;
}

/** A session, as far as it is known. */
export interface ExplainedSession {
  readonly session: SessionId;
  /** undefined where it is over. */
  readonly timeoutMs: number | undefined;
  /** What the leader knows alone: undefined where it was not the leader that was asked. */
  readonly tracked:
    | {
        readonly attachedTo: Sid | undefined;
        readonly heardAgoMs: number | undefined;
        readonly leftMs: number;
      }
    | undefined;
}

/** One that stands in a queue. */
export interface ExplainedContender extends QueuedContender {
  readonly path: string;
  /** Whom it waits for; undefined for a holder. */
  readonly behind: string | undefined;
  readonly owner: ExplainedSession | undefined;
  /**
   * Since when a holder holds, in Unix milliseconds: `ctime` is when it came into the queue. undefined where the
   * history does not tell, and of who waits. A replica of an earlier version does not tell.
   */
  readonly heldSinceMs?: number | undefined;
}

/** How something went. A replica of an earlier version tells no more than the first three. */
export interface Departure {
  readonly path: string;
  readonly why: "deleted" | "session-closed" | "session-expired" | "removed-by-itself";
  readonly by: Cause;
  /** Of one that left a queue: it held, and did not only wait. */
  readonly held?: boolean | undefined;
  /** Of one that held: since when, in Unix milliseconds; undefined where the history does not tell. */
  readonly heldSinceMs?: number | undefined;
  /** The write that made it, whose zxid is the token of a holder; undefined where the history tells it no more. */
  readonly createdBy?: Cause | undefined;
  /** How it was to end, as that write says; undefined as above. */
  readonly mode?: NodeOwner["mode"] | undefined;
  /** How its last data began, which of a contender say whose it was; undefined for none, and as above. */
  readonly head?: Uint8Array | undefined;
}

/** How far back was looked. */
export interface LookedBack {
  /** What was before this was not looked at. */
  readonly to: Zxid;
  /** It is not kept: nobody can tell any more. */
  readonly isAll: boolean;
}

/** What is told of a path. */
export interface ExplainedPath {
  readonly op: "explainedPath";
  readonly stat: Stat | undefined;
  /** Of an ephemeral. */
  readonly owner: ExplainedSession | undefined;
  readonly createdBy: Cause | undefined;
  readonly setBy: Cause | undefined;
  /** How its data begin: all of them where they are short. A replica of an earlier version does not tell. */
  readonly head?: Uint8Array | undefined;
  /** It is a lock, an election or a semaphore, as its children are named; or stands in the queue of one. */
  readonly queue:
    | {
        readonly path: string;
        readonly of: "lock" | "election" | "semaphore";
        readonly contenders: readonly ExplainedContender[];
        readonly count: number;
        readonly permits: number | undefined;
      }
    | undefined;
  /** Where there is no such znode: how the last of that name went. */
  readonly gone: Departure | undefined;
  /** Of its queue, be it there or gone: who left it, the latest first. */
  readonly left: readonly Departure[];
  readonly lookedBack: LookedBack | undefined;
}

/** What is told of a session. */
export interface ExplainedSessionAnswer {
  readonly op: "explainedSession";
  readonly session: ExplainedSession;
  /** Its ephemerals, those that the caller may read. */
  readonly ephemerals: readonly string[];
  readonly opened: Cause | undefined;
  readonly ended: (Cause & { readonly why: "closed" | "expired" }) | undefined;
  /** What went with it, of which the caller may know. */
  readonly lost: readonly string[];
  readonly lookedBack: LookedBack | undefined;
}

/** The answers. */
export type PastResponse =
  | {
      readonly op: "past";
      readonly asOf: Zxid;
      readonly asOfMs: number | undefined;
      readonly data: NodeData;
      readonly stat: PastStat;
    }
  | {
      readonly op: "pastChildren";
      readonly asOf: Zxid;
      /** When that write was, by its leader's clock; undefined where that is not known. */
      readonly asOfMs: number | undefined;
      readonly children: readonly string[];
      readonly isLast: boolean;
      readonly stat: PastStat;
    }
  | {
      readonly op: "difference";
      readonly from: Zxid;
      readonly fromMs: number | undefined;
      readonly to: Zxid;
      readonly toMs: number | undefined;
      readonly entries: readonly DifferenceEntry[];
      readonly isLast: boolean;
    }
  | ExplainedPath
  | ExplainedSessionAnswer;

/** The history does not lead back so far. */
export interface HistoryGone {
  readonly kind: "unavailable";
  readonly reason: "gone";
  /** The oldest moment that can be told of what was asked about. */
  readonly oldest: Zxid;
  /** When the first write behind the history's beginning was: moments by time are known from there on. */
  readonly oldestMs: number | undefined;
}
