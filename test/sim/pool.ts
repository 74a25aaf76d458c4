/** Runs in processes of their own, as many at once as there are cores, so that one that hangs can be ended. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { must } from "../../src/base/assert.ts";
import { NO_COUNTS } from "./counts.ts";
import type { Failure, RunResult, SimPlan } from "./plan.ts";
import type { Shrunk } from "./shrink.ts";
import type { Shape } from "./swarm.ts";

/** A run takes about a second: one that takes so long does not end. Real time; shrinking may take longer. */
const RUN_LIMIT_MS = 120_000;
const SHRINK_LIMIT_MS = 300_000;

/** Most of what a run makes is gone a moment later: room enough that it is not copied to and fro until then. */
const YOUNG_SPACE_MB = 32;

export type SeedJob = { readonly kind: "seed"; readonly seed: number; readonly shape: Shape };
export type PlanJob = { readonly kind: "plan"; readonly plan: SimPlan };
export type StoryJob = { readonly kind: "story"; readonly plan: SimPlan };
export type ShrinkJob = {
  readonly kind: "shrink";
  readonly seed: number;
  readonly shape: Shape;
  readonly failure: Failure;
};

/** What a process of the pool can be asked for. */
export type Job = SeedJob | PlanJob | StoryJob | ShrinkJob;

/** A failing run made small, with its story. */
export interface ToldShrunk extends Shrunk {
  readonly story: readonly string[];
}

/** See the file's comment. */
export class Pool {
  readonly #idle: ChildProcess[] = [];
  readonly #all: Set<ChildProcess> = new Set();
  readonly #size: number;
  readonly #waiting: ((child: ChildProcess) => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** One run; a process that hangs or dies over it is the run's failure. */
  async run(job: SeedJob | PlanJob): Promise<RunResult> {
    const answer = await this.#ask(job, RUN_LIMIT_MS);
    if (typeof answer !== "string") return answer as RunResult;
    const seed = job.kind === "seed" ? job.seed : job.plan.seed;
    return { seed, failure: { kind: "stuck", check: "ends", what: answer, atMs: 0 }, counts: NO_COUNTS };
  }

  /** Makes a failing run small. A run that hangs cannot be made small: it is told as it is. */
  async shrink(job: ShrinkJob): Promise<ToldShrunk | string> {
    return (await this.#ask(job, SHRINK_LIMIT_MS)) as ToldShrunk | string;
  }

  /** The lines of a run, to be read. */
  async story(job: StoryJob): Promise<readonly string[]> {
    const answer = await this.#ask(job, RUN_LIMIT_MS);
    return typeof answer === "string" ? [answer] : (answer as readonly string[]);
  }

  /** Ends all processes. */
  close(): void {
    for (const child of this.#all) child.kill("SIGKILL");
    this.#all.clear();
  }

  /** The process's answer, or why there is none. */
  async #ask(job: Job, limitMs: number): Promise<unknown> {
    const child = await this.#take();
    const aborter = new AbortController();
    const { signal } = aborter;
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    try {
      child.send(job);
      const ended = await Promise.race([
        once(child, "message", { signal }),
        once(child, "exit", { signal }).then(() => undefined),
      ]);
      if (ended !== undefined) {
        this.#giveBack(child);
        return ended[0];
      }
      this.#all.delete(child);
      if (child.signalCode === "SIGKILL") return `does not end within ${limitMs / 1000} s`;
      return `the process ended with ${child.exitCode ?? child.signalCode}`;
    } finally {
      clearTimeout(timer);
      aborter.abort();
    }
  }

  async #take(): Promise<ChildProcess> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.size < this.#size) {
      const child = fork(fileURLToPath(new URL("pool-process.ts", import.meta.url)), {
        serialization: "advanced",
        execArgv: [
          ...process.execArgv,
          `--min-semi-space-size=${YOUNG_SPACE_MB}`,
          `--max-semi-space-size=${YOUNG_SPACE_MB}`,
        ],
      });
      this.#all.add(child);
      return must(child, "a process");
    }
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(child: ChildProcess): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(child);
    else next(child);
  }
}
