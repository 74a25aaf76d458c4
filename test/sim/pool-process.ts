/** A process of the pool: plays what it is sent, one after another, and sends back what came of it. */
import type { Job, ToldShrunk } from "./pool.ts";
import type { RunResult, SimPlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate, storyOf } from "./simulate.ts";
import { planFor } from "./swarm.ts";

/** Runs that making one small may take: a minute or two. */
const SHRINK_RUNS_MAX = 200;
/** There is news of it after every so many. */
const SHRINK_NEWS_RUNS = 10;

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
      const shrunk = shrink(planFor(job.seed, job.shape), job.failure, withNews(), SHRINK_RUNS_MAX);
      return { ...shrunk, story: storyOf(shrunk.plan) };
    }
  }
}

/** Plays, and says now and then how far it is. */
function withNews(): (plan: SimPlan) => RunResult {
  let runs = 0;
  return (plan) => {
    runs++;
    const { faults, clients } = plan;
    if (runs % SHRINK_NEWS_RUNS === 0)
      console.error(`  run ${runs}: ${faults.length} faults, ${clients.operations} operations`);
    return simulate(plan);
  };
}
