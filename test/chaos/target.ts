/** An ensemble to be tormented: what chaos needs to know of it and to do to it. */
import type { Members } from "../../src/base/settings.ts";
import type { ServerAddress } from "../client/wire-connection.ts";
import type { Change } from "./change.ts";

/** What a fault does. */
export type FaultKind =
  /** No fault at all, for the figures to compare with. */
  | "none"
  /** The replica dies and starts again at once. */
  | "abort"
  /** It dies and is away for a while. */
  | "down"
  /** It stands still for a while, all its connections open. */
  | "freeze"
  /** Nothing passes between it and all other replicas; its clients stay connected. */
  | "cut"
  /** Nothing passes between it and one other replica. */
  | "cut link"
  /** Nothing passes from it to one other replica; the other direction works. */
  | "drop"
  /** All processes are killed at once and started on the same data. */
  | "kill all"
  /** The members change, and whoever leads that suffers in the middle of it. */
  | "change";

/** A fault at a replica, by sid; `peer` is the other end of a link. */
export interface Fault {
  readonly kind: FaultKind;
  readonly sid: number;
  readonly peer: number;
  readonly ms: number;
  /** Of a "change" alone. */
  readonly change?: Change | undefined;
}

/** What a replica has delivered, and the digest of its tree at that point. */
export interface ReplicaDigest {
  readonly sid: number;
  readonly lastDelivered: string;
  readonly digest: string;
}

/** A running ensemble. */
export interface Target {
  readonly name: string;
  readonly members: Members;
  /** Voters', then observers', in the order of the members. */
  readonly servers: readonly ServerAddress[];
  /** Of its HTTP API; undefined where it has none. */
  readonly httpUrl: string | undefined;
  /** The faults it can suffer. */
  readonly kinds: readonly FaultKind[];
  /** The sid that leads, or undefined while nobody surely does. */
  leader(): Promise<number | undefined>;
  /** Whether all replicas serve. */
  isServing(): Promise<boolean>;
  /** Of all replicas; none from servers that do not tell. */
  digests(): Promise<readonly ReplicaDigest[]>;
  /**
   * Begins a fault; resolves as soon as it has begun, for "kill all" once the ensemble serves again, for a "change"
   * once it is done.
   */
  inject(fault: Fault): Promise<void>;
  /** For the report of a stall. */
  describe(): Promise<string>;
  stop(): Promise<void>;
}
