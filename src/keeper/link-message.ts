/**
 * What replicas say to each other over a link besides Zab: forwarded requests, sessions and their owners.
 * A link is FIFO and closes as a whole, which the rules below lean on.
 */
import type { Identity } from "../base/acl.ts";
import type { Origin, SessionId, Sid } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import type { Zxid } from "../base/zxid.ts";
import type { Digest } from "../tree/digest.ts";
import type { ZabMessage } from "../zab/message.ts";
import type { TracedWrite } from "./tracer.ts";

/** A client's write on its way to the leader. */
export interface ForwardedRequest {
  readonly origin: Origin;
  readonly session: SessionId;
  /** Of the connection that it came by. */
  readonly generation: Generation;
  readonly xid: number;
  readonly identities: readonly Identity[];
  readonly request: WriteRequest;
}

/**
 * Which connection of a session is its latest: the zxid of the barrier that the leader proposed when it attached, or
 * 0:0 for the connection that the session was created by. So a stale connection on another replica can never win over
 * a younger one, not even under the next leader.
 */
export type Generation = Zxid;

/** A session whose client is connected to the replica that says so. */
export interface OwnedSession {
  readonly session: SessionId;
  readonly generation: Generation;
  readonly timeoutMs: number;
}

/** How a replica slept. */
export interface SleptThrough {
  /** The dormant transaction that it fell asleep at. */
  readonly zxid: Zxid;
  /** How far its own clock has moved since. */
  readonly elapsedMs: number;
}

/** What a replica tells the leader. The leader's own replica says the same to itself, without a link. */
export type ToLeader =
  /** First on a link that reached broadcast: whose clients are connected here. Answered by `welcome`. */
  | {
      readonly kind: "hello";
      readonly owned: readonly OwnedSession[];
      /** undefined where it was awake. */
      readonly slept?: SleptThrough | undefined;
    }
  /** Writes of clients, each session's in its order. */
  | { readonly kind: "forward"; readonly requests: readonly ForwardedRequest[] }
  /** A client presents a session's id and password; `serial` names the question. */
  | {
      readonly kind: "attach";
      readonly serial: number;
      readonly session: SessionId;
      readonly password: Uint8Array;
      readonly timeoutMs: number;
    }
  /** The answer to `poll`, with its clock: sessions heard from since the last one. */
  | {
      readonly kind: "touched";
      readonly polledAtMs: number;
      readonly sessions: readonly SessionId[];
      /** Of these and those told before, whose clients doze: they are left out where the ensemble sleeps. */
      readonly dozing?: readonly SessionId[];
      /** How large the replica's database is. */
      readonly databaseBytes: number;
      /** For how long no client or caller has wanted anything of it; 0 where one is there. */
      readonly quietMs: number;
    }
  /** The replica's digest when it had applied exactly up to the zxid. */
  | { readonly kind: "digest"; readonly zxid: Zxid; readonly digest: Digest }
  /** What the leader sent as a snapshot does not sum up to what the leader said it would; for people, how. */
  | { readonly kind: "unsound"; readonly reason: string };

/** What the leader tells a replica. */
export type FromLeader =
  /**
   * Every write that this replica forwarded before has been proposed at or before `upTo`, or never will be:
   * once that is delivered, what is still unanswered may be forwarded again without being done twice.
   */
  | { readonly kind: "welcome"; readonly upTo: Zxid }
  /** The session is alive and its owner is now the replica that asked. */
  | {
      readonly kind: "attached";
      readonly serial: number;
      readonly generation: Generation;
      readonly timeoutMs: number;
    }
  /** No such session, or not this password: the client is told that it expired. */
  | { readonly kind: "refused"; readonly serial: number }
  /** Which sessions were heard from? Answered by `touched`. The clock is the leader's own, not to be read. */
  | { readonly kind: "poll"; readonly clockMs: number }
  /** The session's client connected elsewhere: connections older than `generation` are closed. */
  | { readonly kind: "moved"; readonly session: SessionId; readonly generation: Generation }
  /** The replica's tree differs from a quorum's at this zxid: it must be replaced. */
  | { readonly kind: "diverged"; readonly at: Zxid };

/** Everything that travels on a link. */
export type LinkMessage =
  | { readonly kind: "zab"; readonly message: ZabMessage }
  | { readonly kind: "toLeader"; readonly message: ToLeader }
  | { readonly kind: "fromLeader"; readonly message: FromLeader }
  /** A write that is to come on this link is traced; to the leader, and from it. Never sent where nobody traces. */
  | { readonly kind: "trace"; readonly message: TracedWrite };

/** A message from the leader for one replica. */
export interface Addressed {
  readonly to: Sid;
  readonly message: FromLeader;
}
