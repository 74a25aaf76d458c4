/**
 * A call: the request of a caller that holds no connection, as an HTTP request does. It is the same request record that
 * a connection carries, with what a connection would have told before: who asks, in which session, what has been seen.
 */
import type { Identity } from "../base/acl.ts";
import type { Grant, Permission } from "../base/grant.ts";
import type { SessionId } from "../base/ids.ts";
import type {
  CallKey,
  NodeData,
  PathRequest,
  Response,
  WatchableReadRequest,
  WriteRequest,
} from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { TracePlace } from "../base/trace.ts";
import type { Zxid } from "../base/zxid.ts";
import type { TokenRecord } from "../tree/tokens.ts";
import type { Known } from "./change-waits.ts";
import type { HookRequest, KnownHook } from "./hook-calls.ts";
import type { SurveyRequest, SurveyResponse } from "./survey.ts";
import type { HistoryGone, PastRequest, PastResponse } from "./past-requests.ts";

export type { Known } from "./change-waits.ts";
export type * from "./past-requests.ts";

/** The shell's number for a call. */
export type CallId = number;

/** A session as its owner shows it: whoever has the password may use it, over any replica. */
export interface CallSession {
  readonly session: SessionId;
  readonly password: Uint8Array;
}

/** A part of a long list of children. */
export interface Page {
  /** The names behind this one alone; "" for all. */
  readonly after: string;
  readonly limit: number;
  /** Whether it is told of the first of them how many children each has. */
  readonly isCounted?: boolean | undefined;
}

/** What may be read by a call. */
export type CallRead =
  | (WatchableReadRequest & { readonly op: "getData" | "getChildren2"; readonly watch: false })
  | (PathRequest & { readonly op: "getACL" });

/** What a call asks for. */
export type CallRequest =
  /** Answered from the replica's tree; linearizable behind a barrier that a quorum has. */
  | {
      readonly kind: "read";
      readonly request: CallRead;
      readonly isLinearizable: boolean;
      readonly page?: Page | undefined;
      /** Answered when it is not what is known, or after so long; what is not known is whether it is there at all. */
      readonly change?: { readonly known: Known | undefined; readonly waitMs: number } | undefined;
    }
  | { readonly kind: "write"; readonly request: Exclude<WriteRequest, { readonly op: "createSession" }> }
  /** A session of the caller's own, that lives as long as something is asked in it within its timeout. */
  | { readonly kind: "openSession"; readonly timeoutMs: number }
  /** A place in the queue of the lock at the path, answered when it is the first: at once, or within the wait. */
  | {
      readonly kind: "acquire";
      readonly path: string;
      /**
       * `read` and `write` as Curator's read-write lock has them: readers stand beside each other. `permit` is one of a
       * semaphore, as Curator's InterProcessSemaphoreV2 has them, `latch` the lead in an election, as its LeaderLatch.
       */
      readonly mode: "exclusive" | "read" | "write" | "permit" | "latch";
      /** Of a permit: how many the semaphore has, from 1 on. All must say the same. */
      readonly permits?: number | undefined;
      /** The lease ends when nothing was asked in it for so long. */
      readonly ttlMs: number;
      /** How long it stays closed where the lease expires: at most LOCK_DELAY_MS_MAX, 0 unless said otherwise. */
      readonly lockDelayMs?: number | undefined;
      /** 0 takes no place where the lock is not free. */
      readonly waitMs: number;
      /**
       * Whether whoever waited is written to before it is told, and has LOCK_PROBE_MS to be found gone: for a runtime
       * that notices a closed connection by nothing else.
       */
      readonly isProbed: boolean;
      /** Whom the queue shows. */
      readonly owner: string;
      readonly key: CallKey | undefined;
    }
  /** An operator takes away what is held at the path under the token: a lock, or a permit. */
  | { readonly kind: "forceRelease"; readonly path: string; readonly token: Zxid }
  /** The children with their data, the first so many: answered when their state is another, or after so long. */
  | {
      readonly kind: "children";
      readonly path: string;
      readonly limit: number;
      readonly isLinearizable: boolean;
      readonly change: { readonly known: Zxid; readonly waitMs: number } | undefined;
    }
  /** In the lease's session: what its holder's znode shows from now on. */
  | { readonly kind: "proclaim"; readonly path: string; readonly data: Uint8Array }
  /** In the lease's session. */
  | { readonly kind: "renew" | "release"; readonly path: string }
  /** Who holds the lock at the path, or has permits of the semaphore, and who waits. */
  | {
      readonly kind: "queue";
      /** A lock unless said otherwise. */
      readonly of?: "lock" | "semaphore" | undefined;
      readonly path: string;
      readonly isLinearizable: boolean;
      /** Answered when the first is another or has other data, by their mzxid, or after so long. */
      readonly change?: { readonly known: Zxid | undefined; readonly waitMs: number } | undefined;
    }
  /** Whether the caller's credential is one, and lets it do that. */
  | {
      readonly kind: "authorize";
      readonly need: { readonly permission: Permission; readonly path: string } | undefined;
    }
  /** A token, of which its SHA-256 is known here: 64 hex digits. Without a life it has no end. */
  | {
      readonly kind: "createToken";
      readonly hash: string;
      readonly name: string;
      readonly grants: readonly Grant[];
      readonly lifeMs: number | undefined;
    }
  | HookRequest
  | SurveyRequest
  /** An operator ends a session, whoever keeps it alive. */
  | { readonly kind: "endSession"; readonly session: SessionId }
  | PastRequest
  | { readonly kind: "listTokens" }
  | { readonly kind: "revokeToken"; readonly hash: string };

/** A token, as those see it who may list them. */
export interface KnownToken extends TokenRecord {
  readonly hash: string;
}

/** One of several children. */
export interface ChildData {
  readonly name: string;
  readonly data: NodeData;
  readonly stat: Stat;
}

/** One in a lock's queue. */
export interface QueuedContender {
  /** Of its znode, below the lock's. */
  readonly name: string;
  readonly isShared: boolean;
  readonly isHolder: boolean;
  /** It keeps the lock closed, for the delay of a lease that has expired. */
  readonly isPlaceholder: boolean;
  readonly token: Zxid;
  /** Of the write that set its data last. */
  readonly mzxid: Zxid;
  /** NO_SESSION where it is no ephemeral. */
  readonly session: SessionId;
  /** Since when it stands there: Unix milliseconds by the leader's clock. */
  readonly ctime: number;
  readonly data: NodeData;
}

/** As the gateway hands it over. */
export interface CallAsked {
  readonly session: CallSession | undefined;
  /** The replica answers once it has delivered this. */
  readonly minZxid: Zxid;
  /** How long it may wait until it can serve, or has delivered that; CALL_WAIT_MS at most, and unless told. */
  readonly patienceMs?: number;
  readonly request: CallRequest;
}

/** As the shell hands it in. */
export interface Call extends CallAsked {
  readonly id: CallId;
  /** About how many bytes it takes. */
  readonly bytes: number;
  /** `ip:port`, or `[ip]:port`. */
  readonly remoteAddress: string;
  /** What the platform has proven the caller to be, besides its address. */
  readonly identities: readonly Identity[];
  /** Where in a trace it is, if it is traced. */
  readonly trace?: TracePlace | undefined;
  /** 48 random bytes. */
  readonly entropy: Uint8Array;
}

/** What a call is answered with, where the ensemble had a say. */
export type CallResponse =
  | Response
  | PastResponse
  /** Of a transact that adds to a counter: what that stood at then. */
  | (Response & { readonly op: "multi"; readonly value: string })
  | {
      readonly op: "page";
      readonly children: readonly string[];
      readonly isLast: boolean;
      readonly stat: Stat;
      /** Where it was asked for: how many children each of the first has. */
      readonly counts?: readonly number[] | undefined;
    }
  /** `expiresInMs` counts from when the call came here, or was sent: it holds from either. The API's `heldForMs`. */
  | {
      readonly op: "lease";
      readonly session: CallSession;
      readonly token: Zxid;
      readonly expiresInMs: number;
    }
  /** With an error: so many stood before it. */
  | { readonly op: "queued"; readonly ahead: number }
  /** `state` grows with each change of one of them: children that come and go, and their data. */
  | {
      readonly op: "childrenData";
      readonly children: readonly ChildData[];
      readonly state: Zxid;
      readonly isAll: boolean;
    }
  | {
      readonly op: "queue";
      readonly contenders: readonly QueuedContender[];
      readonly count: number;
      /** How many a semaphore has; undefined where that is not agreed upon, and of a lock. */
      readonly permits: number | undefined;
    }
  | { readonly op: "hooks"; readonly hooks: readonly KnownHook[] }
  | SurveyResponse
  | { readonly op: "tokens"; readonly tokens: readonly KnownToken[] }
  | { readonly op: "session"; readonly session: CallSession; readonly timeoutMs: number };

/** The end of a call. */
export type CallAnswer =
  /** `zxid` is that of the write, or of the state that was read. */
  | {
      readonly kind: "answered";
      readonly zxid: Zxid;
      /** 0, or one of ERROR_CODES: then the response is empty, or says more of it. */
      readonly code: number;
      readonly response: CallResponse;
      /** Of a read: whether anybody would be answered the same, whatever they have proven to be. */
      readonly isPublic?: true;
    }
  /** Nothing was done, nor ever will be: another replica may be asked. */
  | { readonly kind: "unavailable"; readonly reason: "no-quorum" | "lagging" | "busy" }
  | HistoryGone
  /** Nothing was done: there are too many calls under its token, and another may come after so long. */
  | { readonly kind: "throttled"; readonly waitMs: number }
  /** It may have been done, or may yet be: only who asks again under a key, or looks, will know. */
  | { readonly kind: "undecided" };
