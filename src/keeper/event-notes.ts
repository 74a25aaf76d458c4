/** What a replica keeps beside its history so that events can be told from it: see tree/told-events.ts. */
import type { Zxid } from "../base/zxid.ts";
import type { EventNote } from "../tree/told-events.ts";

/** Notes of transactions that were applied here. They are durable with the tree that the transactions led to. */
export interface EventNotes {
  /** Of what is behind it every note is kept; of what is up to it none need be. */
  readonly base: Zxid;
  /** Keeps the note of a transaction that was applied; one that was not durable is applied again after a restart. */
  add(zxid: Zxid, note: EventNote): void;
  /** Those behind `after`, up to `upTo`, by zxidText. */
  read(range: { readonly after: Zxid; readonly upTo: Zxid }): ReadonlyMap<string, EventNote>;
}
