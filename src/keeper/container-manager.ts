/**
 * Removes what ends by itself: containers that have lost their children, and TTL znodes whose time is over. It lives as
 * long as its leader's desk, so that only the leader looks. It finds candidates by an index, page by page, and proposes
 * them one after the other no faster than it may; each is checked once more where it is prepared, so that what was used
 * again meanwhile stays. Source: ZooKeeper ContainerManager.
 */
import type { ZnodeSettings } from "../base/znode-settings.ts";
import { dueMarks, type IdleZnode, isDue, type MarkRange } from "../tree/idle.ts";
import type { Tree } from "../tree/tree.ts";
import { SWEEP_BURST_MS, SWEEP_PAGE } from "./limits.ts";

const MINUTE_MS = 60_000;

/** See the file's comment. */
export class ContainerManager {
  readonly #tree: Pick<Tree, "get" | "idle">;
  readonly #settings: ZnodeSettings;
  readonly #propose: (path: string) => void;
  #lastMs: number;
  #sweptMs: number;
  /** The marks that this sweep looks for; undefined between two sweeps. */
  #marks: MarkRange | undefined;
  #last: IdleZnode | undefined;
  #page: readonly IdleZnode[] = [];
  #at = 0;
  /** How many may be removed now; a fraction of one is kept. */
  #allowance = 0;

  /** `propose` is to prepare a deleteContainer of the path. The first sweep comes after an interval, or at once. */
  constructor(options: {
    readonly tree: Pick<Tree, "get" | "idle">;
    readonly settings: ZnodeSettings;
    readonly nowMs: number;
    readonly propose: (path: string) => void;
    /** Whether the first sweep comes at once. */
    readonly isDue?: boolean;
  }) {
    this.#tree = options.tree;
    this.#settings = options.settings;
    this.#propose = options.propose;
    this.#lastMs = options.nowMs;
    this.#sweptMs = options.isDue === true ? Number.NEGATIVE_INFINITY : options.nowMs;
  }

  /** Whether a sweep is under way. */
  get isSweeping(): boolean {
    return this.#marks !== undefined;
  }

  /** Lets time pass, by the leader's wall clock, which may jump. */
  tick(nowMs: number): void {
    const { sweepIntervalMs, sweepsPerMinute, neverUsedMs } = this.#settings;
    const elapsedMs = Math.min(Math.max(0, nowMs - this.#lastMs), SWEEP_BURST_MS);
    this.#lastMs = nowMs;
    if (nowMs < this.#sweptMs) this.#sweptMs = nowMs;
    const perMs = sweepsPerMinute / MINUTE_MS;
    this.#allowance = Math.min(this.#allowance + elapsedMs * perMs, Math.max(1, SWEEP_BURST_MS * perMs));
    if (this.#marks === undefined) {
      if (nowMs - this.#sweptMs < sweepIntervalMs) return;
      this.#sweptMs = nowMs;
      this.#marks = dueMarks(nowMs, neverUsedMs);
      this.#last = undefined;
      this.#page = [];
      this.#at = 0;
    }
    while (this.#allowance >= 1) {
      const candidate = this.#next(this.#marks);
      if (candidate === undefined) {
        this.#marks = undefined;
        return;
      }
      const node = this.#tree.get(candidate.path);
      if (node === undefined || !isDue(node, nowMs, neverUsedMs)) continue;
      this.#allowance -= 1;
      this.#propose(candidate.path);
    }
  }

  #next(marks: MarkRange): IdleZnode | undefined {
    if (this.#at === this.#page.length) {
      this.#page = this.#tree.idle(marks, this.#last, SWEEP_PAGE);
      this.#at = 0;
      this.#last = this.#page.at(-1);
    }
    return this.#page[this.#at++];
  }
}
