/**
 * A call: the request of a caller that holds no connection, as an HTTP request does. It is the same request record that
 * a connection carries, with what a connection would have told before: who asks, in which session, what has been seen.
 */
import type { Identity } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import type { PathRequest, Response, WatchableReadRequest, WriteRequest } from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { Zxid } from "../base/zxid.ts";

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
    }
  | { readonly kind: "write"; readonly request: Exclude<WriteRequest, { readonly op: "createSession" }> }
  /** A session of the caller's own, that lives as long as something is asked in it within its timeout. */
  | { readonly kind: "openSession"; readonly timeoutMs: number };

/** As the gateway hands it over. */
export interface CallAsked {
  readonly session: CallSession | undefined;
  /** The replica answers once it has delivered this. */
  readonly minZxid: Zxid;
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
  /** 48 random bytes. */
  readonly entropy: Uint8Array;
}

/** What a call is answered with, where the ensemble had a say. */
export type CallResponse =
  | Response
  | {
      readonly op: "page";
      readonly children: readonly string[];
      readonly isLast: boolean;
      readonly stat: Stat;
    }
  | { readonly op: "session"; readonly session: CallSession; readonly timeoutMs: number };

/** The end of a call. */
export type CallAnswer =
  /** `zxid` is that of the write, or of the state that was read. */
  | {
      readonly kind: "answered";
      readonly zxid: Zxid;
      /** 0, or one of ERROR_CODES: then the response is empty. */
      readonly code: number;
      readonly response: CallResponse;
    }
  /** Nothing was done, nor ever will be: another replica may be asked. */
  | { readonly kind: "unavailable"; readonly reason: "no-quorum" | "lagging" | "busy" }
  /** It may have been done, or may yet be: only who asks again under a key, or looks, will know. */
  | { readonly kind: "undecided" };
