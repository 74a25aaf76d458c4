/** A process of the pool: plays what it is sent, one after another, and sends back what came of it. */
import type { Job, ToldShrunk } from "./pool.ts";
import type { RunResult } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate, storyOf } from "./simulate.ts";
import { planFor } from "./swarm.ts";

/** Runs that making one small may take: a minute or two. */
const SHRINK_RUNS_MAX = 200;

process.on("message", (job: Job) => {
  process.send?.(answer(job));
});

function answer(job: Job): RunResult | ToldShrunk | readonly string[] {
  switch (job.kind) {
    case "seed":
      return simulate(planFor(job.seed, job.shape));
    case "plan":
      return simulate(job.plan);
    case "story":
      return storyOf(job.plan);
    case "shrink": {
      const shrunk = shrink(planFor(job.seed, job.shape), job.failure, simulate, SHRINK_RUNS_MAX);
      return { ...shrunk, story: storyOf(shrunk.plan) };
    }
  }
}
