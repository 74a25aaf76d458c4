/** What goes into the session machine, and what comes out of it. */
import type { Response } from "../../base/request.ts";
import type { Zxid } from "../../base/zxid.ts";
import type { ClientRequest } from "../../jute/requests.ts";

/** A caller's request, by a number that its outcome comes back under. */
export interface Submission {
  readonly call: number;
  readonly request: ClientRequest;
  /** Set where the request succeeds; an exists that finds nothing succeeds too. */
  readonly watcher: number | undefined;
}

/** What happens to a session. Times are milliseconds of a clock that never goes back. */
export type Input =
  | { readonly kind: "start" }
  /** The connection that was asked for is open. */
  | { readonly kind: "opened"; readonly connection: number }
  | { readonly kind: "received"; readonly connection: number; readonly bytes: Uint8Array }
  /** A word came beside the bytes. */
  | { readonly kind: "word"; readonly connection: number; readonly word: "pong" | "word" | "awake" }
  /** The connection is no more, or never came to be. */
  | { readonly kind: "ended"; readonly connection: number; readonly reason: string }
  /** The time that `wakeMs` named has come. */
  | { readonly kind: "tick" }
  | { readonly kind: "submit"; readonly submission: Submission }
  /** What was submitted goes out. */
  | { readonly kind: "flush" }
  /** Nobody waits for the outcome any more: what is not sent yet, never is. */
  | { readonly kind: "cancel"; readonly call: number }
  | { readonly kind: "unwatch"; readonly watcher: number }
  /** Where the replicas are, from now on; a connection that is open stays. */
  | { readonly kind: "endpoints"; readonly endpoints: readonly string[] }
  /** Ends the session, behind all that was submitted. */
  | { readonly kind: "close" }
  /** Goes without a word: the session lives on until it expires or is taken over. */
  | { readonly kind: "abandon" };

/** Why a session is over. */
export type End = "expired" | "closed" | "authFailed";

/** What became of a request. */
export type Outcome =
  | { readonly kind: "reply"; readonly zxid: Zxid; readonly response: Response }
  /** Answered with an error of ZooKeeper's: it did not happen. */
  | { readonly kind: "error"; readonly zxid: Zxid; readonly code: number }
  /** The connection ended before the reply: a write may have happened, or may yet. */
  | { readonly kind: "lost"; readonly reason: string; readonly mayBeDone: boolean }
  /** It was not sent. */
  | { readonly kind: "refused"; readonly reason: "too-large" | "queue-full"; readonly detail: string }
  /** The session was over before it was sent. */
  | { readonly kind: "over"; readonly end: End };

/** What happened, as Curator's ConnectionState has it; it calls "expired" LOST. */
export type StateChange = "connected" | "suspended" | "reconnected" | End;

/** What a watch tells. */
export interface Fired {
  readonly type: FiredType;
  readonly path: string;
  /** The change's own, where the replica told it: what is found out after a reconnect has none. */
  readonly zxid: Zxid | undefined;
}

/** Kinds of events; the first four are ZooKeeper's. */
export type FiredType =
  | "created"
  | "deleted"
  | "dataChanged"
  | "childrenChanged"
  /** The watch was removed, by removeWatches. */
  | "removed"
  /** The connection was lost for a while: what lies below the path may have changed meanwhile. */
  | "resync"
  /** The session is over, and the watch with it. */
  | "ended";

/** What the shell is to do, in this order. */
export type Effect =
  | { readonly kind: "open"; readonly connection: number; readonly endpoint: string }
  | { readonly kind: "send"; readonly connection: number; readonly bytes: Uint8Array }
  /** A word beside the bytes, in order with them. */
  | { readonly kind: "say"; readonly connection: number; readonly word: "ping" | "again" }
  | { readonly kind: "drop"; readonly connection: number }
  | { readonly kind: "settle"; readonly call: number; readonly outcome: Outcome }
  | { readonly kind: "fire"; readonly watchers: readonly number[]; readonly event: Fired }
  | { readonly kind: "state"; readonly state: StateChange; readonly reason: string }
  /** An attempt to connect has failed; there will be another. */
  | { readonly kind: "failed"; readonly connection: number; readonly reason: string };
