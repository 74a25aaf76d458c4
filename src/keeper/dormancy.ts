/**
 * One replica's part in falling asleep: it knows for how long nobody has wanted anything of it, and, once the leader's
 * dormant transaction is delivered, whether it sleeps. ARCHITECTURE.md, "Dormancy", says why that is safe.
 */
import type { DormantTxn } from "../base/txn.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import type { Tree } from "../tree/tree.ts";
import type { LogReader } from "../zab/config.ts";
import { QUIET_MS_MAX } from "./limits.ts";
import type { KeeperInput } from "./keeper-input.ts";
import type { SleptThrough } from "./link-message.ts";

/** When an ensemble falls asleep. */
export interface DormancySettings {
  /** Nobody has wanted anything for so long. */
  readonly afterMs: number;
  /** It would not have to wake by itself any sooner than this. */
  readonly worthMs: number;
  /** With clients that are parked it wakes so often by itself; 0, or unset: connected clients keep it awake. */
  readonly parkedWakeMs?: number | undefined;
}

/** How a replica fell asleep, as its disk tells. */
export interface Slept {
  /** The dormant transaction, the last of its history. */
  readonly zxid: Zxid;
  /** Unix milliseconds of its own clock, as are these: when it has to wake by itself, undefined for never. */
  readonly sleptAtMs: number;
  readonly wakeAtMs: number | undefined;
}

/** How a replica began to run. */
export interface Started {
  /** By the clock that never goes back. */
  readonly clockMs: number;
  /** For how long it had slept, by its own clock; null where it had not. */
  readonly sleptMs: number | null;
}

/** What decides whether a replica sleeps now. */
export interface Bedside {
  readonly isLeading: boolean;
  readonly lastZxid: Zxid;
  /** Links to others. */
  readonly hasLinks: boolean;
  /** Whether it is the only member. */
  readonly isAlone: boolean;
  /** Whether all that are connected may be parked. */
  readonly isRestful?: boolean;
  /** After how long it must wake for those that are parked; undefined for never. */
  readonly wakeWithinMs?: number | undefined;
  /** Whether to break off now, if that is to be: not in the turn that delivered the word to sleep. */
  readonly isLater: boolean;
  readonly nowMs: number;
}

const STIRRING: ReadonlySet<KeeperInput["kind"]> = new Set<KeeperInput["kind"]>([
  "clientOpened",
  "calls",
  "stream",
  "operation",
  "restoreStep",
  "stir",
]);

/** See the file's comment. */
export class Dormancy {
  readonly #settings: DormancySettings | undefined;
  readonly #slept: Slept | undefined;
  /** A leader waits for the others' links to be gone for so long. */
  readonly #waitMs: number;
  #clockMs = 0;
  /** When somebody wanted something last; who was woken was wanted for that alone. */
  #activeMs: number | undefined;
  /** When the leader was told last who was heard. */
  #toldMs = Number.NEGATIVE_INFINITY;
  /** The last poll that was answered with sessions, by its leader's clock. */
  #touchedAtPollMs = -1;
  #order: (DormantTxn & { readonly zxid: Zxid; readonly atMs: number }) | undefined;

  constructor(parts: {
    readonly settings: DormancySettings | undefined;
    readonly slept: Slept | undefined;
    readonly waitMs: number;
  }) {
    this.#settings = parts.settings;
    this.#slept = parts.slept;
    this.#waitMs = parts.waitMs;
    if (parts.slept !== undefined) this.#activeMs = Number.NEGATIVE_INFINITY;
  }

  /** Sets the time of this turn, by a clock that never goes back. */
  at(clockMs: number): void {
    this.#clockMs = clockMs;
    this.#activeMs ??= clockMs;
  }

  /** Something happens: by a client, a caller or an operator somebody wants something. */
  see({ kind }: KeeperInput): void {
    if (STIRRING.has(kind)) this.stir();
  }

  /** Somebody wants something, or is there. */
  stir(): void {
    this.#activeMs = this.#clockMs;
  }

  /** For how long nobody has wanted anything. */
  get quietMs(): number {
    return Math.min(this.#clockMs - (this.#activeMs ?? this.#clockMs), QUIET_MS_MAX);
  }

  /** The leader's poll is answered, with or without sessions. */
  told(polledAtMs: number, hasSessions: boolean): void {
    this.#toldMs = this.#clockMs;
    if (hasSessions) this.#touchedAtPollMs = polledAtMs;
  }

  /**
   * How it slept, for a leader; undefined where it did not. It may have served since: then the leader finds something
   * behind the dormant transaction in its history, and asks nobody.
   */
  sleptThrough(nowMs: number): SleptThrough | undefined {
    if (this.#slept === undefined) return undefined;
    const { zxid, sleptAtMs } = this.#slept;
    return { zxid, elapsedMs: Math.max(0, nowMs - sleptAtMs) };
  }

  /**
   * The first tick: one that sleeps has none, whatever else happens to it (a link that ends, say): its time begins as
   * it wakes.
   */
  begin(nowMs: number): Started {
    return { clockMs: this.#clockMs, sleptMs: this.sleptThrough(nowMs)?.elapsedMs ?? null };
  }

  /** A dormant transaction is delivered while this replica serves. */
  deliver(zxid: Zxid, txn: DormantTxn): void {
    this.#order = { ...txn, zxid, atMs: this.#clockMs };
  }

  /** The leader is lost: what it said is void, and its clock with it. */
  suspend(): void {
    this.#order = undefined;
    this.#touchedAtPollMs = -1;
  }

  /** Whether there is something to decide. */
  get isOrdered(): boolean {
    return this.#order !== undefined;
  }

  /** Whether to sleep now, and how; or not after all; undefined where there is nothing to decide yet. */
  decide(bedside: Bedside): Slept | "breaks off" | "stays awake" | undefined {
    const order = this.#order;
    if (order === undefined) return undefined;
    const isLast = equalZxid(order.zxid, bedside.lastZxid);
    if (!isLast || bedside.isRestful === false || !this.#maySleep(order)) {
      if (!bedside.isLater) return undefined;
      this.#order = undefined;
      // Others may be asleep, which this one needs or keeps waiting. A follower whose leader goes on stays with it.
      const concernsOthers = !bedside.isAlone && (isLast || bedside.isLeading);
      return concernsOthers ? "breaks off" : "stays awake";
    }
    if (bedside.isLeading && bedside.hasLinks) return undefined;
    const { nowMs } = bedside;
    const wakeInMs = Math.min(order.wakeInMs ?? Infinity, bedside.wakeWithinMs ?? Infinity);
    const wakeAtMs = Number.isFinite(wakeInMs) ? nowMs + wakeInMs : undefined;
    return { zxid: order.zxid, sleptAtMs: nowMs, wakeAtMs };
  }

  #maySleep({ horizonMs, atMs }: { readonly horizonMs: number; readonly atMs: number }): boolean {
    const { afterMs = Number.POSITIVE_INFINITY } = this.#settings ?? {};
    const isKnownToLeader = (this.#activeMs ?? 0) < this.#toldMs && this.#touchedAtPollMs <= horizonMs;
    const isInTime = this.#clockMs - atMs <= this.#waitMs;
    return this.quietMs >= afterMs && isKnownToLeader && isInTime;
  }
}

/** The dormant transaction that history ends with, if it does, all of it applied. */
export function dormantAtEnd(log: LogReader, tree: Tree): (DormantTxn & { readonly zxid: Zxid }) | undefined {
  const zxid = tree.lastApplied;
  if (!equalZxid(log.last, zxid) || equalZxid(log.base, zxid)) return undefined;
  const after = { epoch: zxid.epoch, counter: zxid.counter - 1 };
  const [last] = log.read({ after, upTo: zxid, bytesMax: 0 });
  if (last === undefined) return undefined;
  const { txn } = decodeTxn(last.payload);
  return txn.kind === "dormant" ? { ...txn, zxid } : undefined;
}
