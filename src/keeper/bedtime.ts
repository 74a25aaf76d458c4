/**
 * The leader's part in falling asleep and waking: when all replicas have been quiet for long enough, when the ensemble
 * would have to wake by itself, and what sessions have left once all have told how they slept.
 */
import type { Sid } from "../base/ids.ts";
import type { DormantTxn, SessionLeft } from "../base/txn.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import type { ZnodeSettings } from "../base/znode-settings.ts";
import type { Tree } from "../tree/tree.ts";
import type { DormancySettings } from "./dormancy.ts";
import { QUIET_REPORT_AGE_MS_MAX } from "./limits.ts";
import type { SleptThrough } from "./link-message.ts";

/** For how long each replica has been quiet, by its latest word. */
export class QuietReports {
  readonly #reports = new Map<Sid, { readonly quietMs: number; readonly atMs: number }>();

  heard(from: Sid, quietMs: number, clockMs: number): void {
    this.#reports.set(from, { quietMs, atMs: clockMs });
  }

  lost(sid: Sid): void {
    this.#reports.delete(sid);
  }

  /** Whether all of these have been quiet for so long, by a word that is not old. */
  areQuiet(sids: readonly Sid[], afterMs: number, clockMs: number): boolean {
    return sids.every((sid) => {
      const report = this.#reports.get(sid);
      return (
        report !== undefined && report.quietMs >= afterMs && clockMs - report.atMs <= QUIET_REPORT_AGE_MS_MAX
      );
    });
  }
}

/**
 * After how long an ensemble that falls asleep now has to wake by itself: for a session, a TTL znode or a container;
 * undefined for never. "awake" where it is not worth to sleep, or nobody could tell when to wake.
 */
export function wakeIn(
  { worthMs }: DormancySettings,
  state: {
    readonly sessions: readonly SessionLeft[];
    readonly tree: Pick<Tree, "idle">;
    readonly znodes: Pick<ZnodeSettings, "neverUsedMs">;
    readonly nowMs: number;
    /** What a wake leaves each session at least. */
    readonly graceMs: number;
  },
): number | undefined | "awake" {
  const { sessions, tree, znodes, nowMs, graceMs } = state;
  const max = Number.MAX_SAFE_INTEGER;
  // Their marks are in the order of their ages the wrong way round: none says which is next.
  if (znodes.neverUsedMs > 0 && tree.idle({ from: -max, to: -1 }, undefined, 1).length > 0) return "awake";
  let firstMs = Number.POSITIVE_INFINITY;
  for (const { leftMs } of sessions) firstMs = Math.min(firstMs, leftMs);
  // One that a wake has left its grace ends in this day, or it would be given another at the next.
  if (firstMs < worthMs || firstMs <= 2 * graceMs) return "awake";
  const [idle] = tree.idle({ from: 0, to: max }, undefined, 1);
  // Sweeps come seldom anyway: for one that is due sooner nobody stays up.
  if (idle !== undefined) firstMs = Math.min(firstMs, Math.max(idle.mark + 1 - nowMs, worthMs));
  return Number.isFinite(firstMs) ? firstMs : undefined;
}

/** A wake, until all members have told that they slept through. */
export class Waking {
  readonly #dormant: DormantTxn & { readonly zxid: Zxid };
  readonly #elapsedMs = new Map<Sid, number>();

  constructor(dormant: DormantTxn & { readonly zxid: Zxid }) {
    this.#dormant = dormant;
  }

  /** What each session had left. */
  get sessions(): readonly SessionLeft[] {
    return this.#dormant.sessions;
  }

  /** A replica says how it slept; one that was awake at any time since is never heard to say so. */
  heard(from: Sid, slept: SleptThrough | undefined): void {
    if (slept === undefined || !equalZxid(slept.zxid, this.#dormant.zxid)) return;
    this.#elapsedMs.set(from, slept.elapsedMs);
  }

  /** Whether this one has said so. */
  has(sid: Sid): boolean {
    return this.#elapsedMs.has(sid);
  }

  /** How long all of these have slept at least, by the clock of each; undefined before all have said so. */
  sleptMs(members: readonly Sid[]): number | undefined {
    if (!members.every((sid) => this.#elapsedMs.has(sid))) return undefined;
    return Math.min(...members.map((sid) => this.#elapsedMs.get(sid) ?? 0));
  }
}
