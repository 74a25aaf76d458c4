/**
 * A stream of events: what its reader asked for, and where in the order of all events it is. Events have a total order:
 * that of their transactions, and within one that in which it makes them, whoever watches what. So a place in it means
 * the same at every replica, and a reader may go on anywhere.
 */
import type { Identity } from "../base/acl.ts";
import { compareZxid, type Zxid, zxidDigits, zxidFromBigInt } from "../base/zxid.ts";
import type { Watched } from "../tree/event-filter.ts";

/** The shell's number for a stream. */
export type StreamId = number;

/** All events before it were told: those of transactions up to `zxid`, and of that one the first `index`. */
export interface Position {
  readonly zxid: Zxid;
  /** ALL_OF_IT where none of that transaction is left. */
  readonly index: number;
}

/** See Position. */
export const ALL_OF_IT: number = Number.MAX_SAFE_INTEGER;

/** What a reader asks for. */
export interface StreamAsked extends Watched {
  /** Behind which events are told; undefined for those to come. */
  readonly since: Position | undefined;
  /** The replica begins once it has delivered this. */
  readonly minZxid: Zxid;
  /** How long it may wait until it begins or is refused; STREAM_HOLD_MS at most. */
  readonly holdMs: number;
  /** A stream that had nothing to tell for so long says that it lives. */
  readonly heartbeatMs: number;
}

/** As the shell hands it in. */
export interface StreamOpening extends StreamAsked {
  readonly id: StreamId;
  /** `ip:port`, or `[ip]:port`. */
  readonly remoteAddress: string;
  /** What the platform has proven the reader to be, besides its address. */
  readonly identities: readonly Identity[];
  /** The replica reads it itself: it hears what everybody may. */
  readonly isOwn?: boolean;
}

/** What happens to streams. */
export type StreamInput =
  | { readonly kind: "opened"; readonly opening: StreamOpening }
  /** The reader has taken so much of what it was sent, in UTF-16 units. */
  | { readonly kind: "taken"; readonly stream: StreamId; readonly length: number }
  | { readonly kind: "closed"; readonly stream: StreamId };

/** Why a stream is not begun: nothing was told. */
export type StreamRefusal =
  /** No leader, the reader is ahead of this replica, too many streams: another replica may do it. */
  | "no-quorum"
  | "lagging"
  | "busy"
  /** The caller has as many as it may. */
  | "too-many-streams"
  /** What was asked for is older than the history kept here, or of another history. */
  | "gone"
  /** Callers must have proven who they are. */
  | "login-required"
  /** The caller's credential is none, or none any more. */
  | "unauthorized"
  /** It does not let the caller read there. */
  | "no-auth";

/** Why a stream ends that was begun. */
export type StreamEnd =
  /** Nothing was taken for STREAM_STALL_MS. */
  | "slow"
  /** What is next is not kept any more: the reader was slower than history is trimmed. */
  | "gone"
  | "no-quorum"
  /** The reader's credential was revoked, or its time is over. */
  | "revoked"
  /** The whole tree was replaced. */
  | "reset"
  /** The replica starts anew, or is let go. */
  | "restart";

/** A stream is not begun: `zxid` is that of the state here, `oldest` the one behind which events are kept. */
export interface StreamRefused {
  readonly kind: "refused";
  readonly reason: StreamRefusal;
  readonly zxid: Zxid;
  readonly oldest: Zxid;
}

/** What is said in a stream, the first of it `began` or `refused`. */
export type StreamWord =
  | { readonly kind: "began"; readonly zxid: Zxid }
  | StreamRefused
  | { readonly kind: "text"; readonly text: string }
  /** The last of it: what the reader has not begun to take is dropped for it. */
  | { readonly kind: "end"; readonly text: string };

/** Negative, zero or positive as a is before, at or behind b. */
export function comparePositions(a: Position, b: Position): number {
  return compareZxid(a.zxid, b.zxid) || a.index - b.index;
}

/** Everything up to this transaction was told. */
export function endOf(zxid: Zxid): Position {
  return { zxid, index: ALL_OF_IT };
}

/** An event's id: texts of them are in the order of their events. */
export function positionText({ zxid, index }: Position): string {
  return `${zxidDigits(zxid)}-${index === ALL_OF_IT ? "end" : String(index).padStart(8, "0")}`;
}

/** What positionText writes, or a zxid alone. */
export const POSITION_TEXT: RegExp = /^(\d{1,20})(?:-(\d{8}|end))?$/;

/** Reads what POSITION_TEXT takes; a zxid alone stands for all of its transaction. */
export function readPosition(text: string): Position {
  const [, digits = "0", index = "end"] = POSITION_TEXT.exec(text) ?? [];
  return {
    zxid: zxidFromBigInt(BigInt(digits)),
    index: index === "end" ? ALL_OF_IT : Number(index),
  };
}
