/** What clients did and what they were told: material for checks, from the simulator and from real runs alike. */
import type { SessionId } from "../../../src/base/ids.ts";
import type { Response } from "../../../src/base/request.ts";
import type { TxnHeader, Txn } from "../../../src/base/txn.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type { WatcherEvent } from "../../../src/jute/records.ts";
import type { CallAnswer, CallAsked } from "../../../src/keeper/call.ts";
import type { Position } from "../../../src/keeper/event-stream.ts";
import type { Watched } from "../../../src/tree/event-filter.ts";

/** How an operation ended. */
export type Outcome =
  /** `error` is 0 for success; `response` stands where there is one. */
  | {
      readonly kind: "answered";
      readonly zxid: Zxid;
      readonly error: number;
      readonly response: Response | undefined;
    }
  /** Sent, and no answer came: it may or may not have been done, at any time. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Why a request is unknown that was surely not done: its replica had fallen asleep over the connection. */
export const SLEPT_OVER = "its replica slept over it, and read nothing of it";

/** One request of a client. Moments in ms of one clock: no two are the same in a simulation. */
export interface Operation {
  /** Unique in the run. */
  readonly id: number;
  readonly client: string;
  readonly session: SessionId;
  /** Unique in the run, one for each connection of each client. */
  readonly connection: number;
  readonly request: ClientRequest;
  /** Before it was sent. */
  readonly startMs: number;
  /** After the answer was read; Infinity for an unknown outcome. */
  readonly endMs: number;
  readonly outcome: Outcome;
}

/** A watch event that a client read. */
export interface EventRecord {
  readonly client: string;
  readonly session: SessionId;
  readonly connection: number;
  readonly atMs: number;
  readonly zxid: Zxid;
  readonly event: WatcherEvent;
}

/** A stretch of a session's life on one connection. */
export interface Attachment {
  readonly connection: number;
  /** When the client read the answer to its handshake. */
  readonly fromMs: number;
  /** When the client learned, or decided, that it is over; Infinity at the end of the run. */
  readonly toMs: number;
}

/** A session as its client saw it. */
export interface SessionRecord {
  readonly client: string;
  readonly session: SessionId;
  readonly timeoutMs: number;
  readonly attachments: readonly Attachment[];
  /** When its client stood still, and read nothing; missing where nobody does. */
  readonly frozen?: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** When the client was last surely heard in time: the start of an answered request or handshake. */
  readonly lastHeardMs: number;
  /** Set where a server told that the session is expired. */
  readonly expiredMs: number | undefined;
  /** Set where the client closed it and was answered. */
  readonly closedMs: number | undefined;
}

/** One client's hold of a lock. */
export interface LockHold {
  readonly lock: string;
  readonly client: string;
  readonly session: SessionId;
  /** The fencing token: grows with each holder. */
  readonly token: Zxid;
  /** How many may hold it at once; undefined for one. */
  readonly permits?: number;
  /** When the client knew that it holds it. */
  readonly fromMs: number;
  /** When it sent the release, learned of its loss, or had to presume it; Infinity at the end of the run. */
  readonly toMs: number;
}

/** A committed transaction, in order: only the simulator knows all of them. */
export interface Committed {
  readonly zxid: Zxid;
  readonly header: TxnHeader;
  readonly txn: Txn;
  /** When the first replica delivered it. */
  readonly atMs: number;
}

/** One asking of a caller without a connection. What it wants it may ask for several times, under one key. */
export interface CallRecord {
  readonly client: string;
  /** What it wants, unique in the run: the same for each asking; it stands in the data of what it writes. */
  readonly intent: string;
  readonly asked: CallAsked;
  /** The hash of the token that it is asked under; undefined for none. */
  readonly token?: string;
  readonly startMs: number;
  /** When the answer was read, or it hung up; Infinity where neither. */
  readonly endMs: number;
  /** Undefined where it hung up, or waits. */
  readonly answer: CallAnswer | "lost" | undefined;
  /** Whether it hung up, and will not ask for the same again. */
  readonly isGivenUp: boolean;
}

/** A change as a reader of events is told of it. */
export interface ToldChange {
  readonly at: Position;
  readonly kind: string;
  readonly path: string;
  readonly atMs: number;
}

/** What one reader was told behind one place, at whatever replicas it went on: up to `upTo` that is all. */
export interface ReadingRecord {
  readonly client: string;
  readonly watched: Watched;
  readonly from: Position;
  readonly upTo: Position;
  readonly told: readonly ToldChange[];
}

/** Everything that clients of a run tell. */
export interface ClientHistory {
  readonly operations: readonly Operation[];
  readonly events: readonly EventRecord[];
  readonly sessions: readonly SessionRecord[];
  readonly holds: readonly LockHold[];
  /** Undefined where nobody calls. */
  readonly calls?: readonly CallRecord[];
  /** Undefined where nobody reads events. */
  readonly readings?: readonly ReadingRecord[];
  /** Undefined in real runs. */
  readonly committed: readonly Committed[] | undefined;
}
