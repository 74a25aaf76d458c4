/**
 * What may go wrong in a simulated world, as data: a run is a seed and a list of these, so that a failing run can be
 * made smaller by leaving some out. Each names its own end; none needs another to make sense.
 */
import type { Sid } from "../base/ids.ts";

/** One fault. Times in ms of the world's clock. */
export type Fault =
  /** Power fails: of the transactions that are not durable yet the oldest `kept` survive. Comes back after `downMs`. */
  | { readonly kind: "crash"; readonly sid: Sid; readonly kept: number; readonly downMs: number }
  /** All power fails at once; each loses what is not durable. */
  | { readonly kind: "crashAll"; readonly downMs: number }
  /** Dies before it performs its so-many-th effect from now: between any two of a turn. */
  | { readonly kind: "crashWithin"; readonly sid: Sid; readonly effects: number; readonly downMs: number }
  /** The next transaction fails, which aborts the object. */
  | { readonly kind: "failWrite"; readonly sid: Sid }
  /** Transactions take up to `ms` to be durable. */
  | { readonly kind: "slowDisk"; readonly sid: Sid; readonly ms: number; readonly forMs: number }
  /** No transaction becomes durable. */
  | { readonly kind: "stuckDisk"; readonly sid: Sid; readonly forMs: number }
  /** The replica stands still; what happens to it waits. */
  | { readonly kind: "freeze"; readonly sid: Sid; readonly forMs: number }
  /** These and the others cannot reach each other; links between them close. */
  | { readonly kind: "partition"; readonly sids: readonly Sid[]; readonly forMs: number }
  /** Nothing goes from one to the other: links between them go silent without closing, new ones fail. */
  | { readonly kind: "block"; readonly from: Sid; readonly to: Sid; readonly forMs: number }
  /** Links between the two close; of what is under way only the first `kept` frames arrive, in each direction. */
  | { readonly kind: "breakLinks"; readonly a: Sid; readonly b: Sid; readonly kept: number }
  /** Links between the two carry nothing more, and neither end is told. */
  | { readonly kind: "muteLinks"; readonly a: Sid; readonly b: Sid }
  /** Messages between replicas take up to `delayMs`. */
  | { readonly kind: "slowNetwork"; readonly delayMs: number; readonly forMs: number }
  /** Of election notifications one in `lose` is lost, one in `repeat` comes twice; all may overtake each other. */
  | {
      readonly kind: "badNotifications";
      readonly lose: number;
      readonly repeat: number;
      readonly delayMs: number;
      readonly forMs: number;
    }
  /** The replica's clock jumps, back where negative. */
  | { readonly kind: "clockJump"; readonly sid: Sid; readonly byMs: number }
  /** The replica's clock runs at another speed. */
  | { readonly kind: "clockRate"; readonly sid: Sid; readonly rate: number; readonly forMs: number }
  /** The interval timer does not fire; the alarm is all that is left. */
  | { readonly kind: "stallTimer"; readonly sid: Sid; readonly forMs: number }
  /** The next alarm comes so much late, and so many times. */
  | { readonly kind: "badAlarm"; readonly sid: Sid; readonly lateMs: number; readonly times: number }
  /** A second instance of the same object is started while the first lives on, unable to write, for a moment. */
  | { readonly kind: "supersede"; readonly sid: Sid; readonly forMs: number }
  /** The object leaves memory without a trace; the next event (peer, client, alarm) brings it back. */
  | { readonly kind: "evict"; readonly sid: Sid }
  /** The disk is lost, and an empty object stands in; only where the quorum rule of the world allows it. */
  | { readonly kind: "wipe"; readonly sid: Sid }
  /** The log forgets what the tree on disk holds already: whoever lags behind that needs a snapshot. */
  | { readonly kind: "trim"; readonly sid: Sid }
  /** A znode changes on disk: the digests differ. Only where a quorum stays whole. */
  | { readonly kind: "corrupt"; readonly sid: Sid }
  /** All clients of the replica lose their connections, noticed by the replica or not. */
  | { readonly kind: "dropClients"; readonly sid: Sid; readonly isUnnoticed: boolean };

/** A fault and when it begins, in ms from the moment the ensemble first served. */
export interface TimedFault {
  readonly atMs: number;
  readonly fault: Fault;
}
