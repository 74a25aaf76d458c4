/** What a write costs while others hold sessions and watches that it has nothing to do with. */
import type { Bench } from "../bench.ts";
import { measure, openSessions, prepare } from "../measure.ts";
import { inTurn } from "../report.ts";
import { newTally } from "../session.ts";
import type { Kept } from "./kept.ts";
import type { Target } from "../targets/target.ts";
import { Watches, type Work } from "../work.ts";

const SHAPE = { sessions: 10, outstanding: 4 } as const;
const WATCHED = "/watched-by-others";

/** Watches of a session that are set at once. */
const WATCHES_OUTSTANDING = 10;

/** Measures it for each crowd of bystanders. */
export async function measureUntouched(bench: Bench, targets: readonly Target[], kept: Kept): Promise<void> {
  const { bytes, znodes, rounds, seconds, scale } = bench.plan;
  const work: Work = { name: "set", root: "/untouched", bytes, znodes };
  const watched = {
    root: WATCHED,
    bytes,
    znodes: Math.max(1, ...scale.untouched.map(([, watches]) => watches)),
  };
  for (const target of targets) {
    await prepare(target, work);
    await prepare(target, watched);
  }
  for (const [sessions, watches] of scale.untouched) {
    const crowds = await Promise.all(targets.map(async (target) => await openSessions(target, sessions)));
    for (const session of crowds.flat())
      session.start(new Watches(WATCHED, watches), newTally(), WATCHES_OUTSTANDING);
    await Promise.all(crowds.flat().map(async (session) => await session.finished()));
    const figures = await inTurn(targets, rounds, async (target) => {
      const found = await measure(target, { work, shape: SHAPE, seconds });
      kept.note(target, work, found.changes);
      return { ...found };
    });
    bench.add("untouched", { label: `${sessions} sessions x ${watches}`, figures });
    await Promise.all(crowds.flat().map(async (session) => await session.end()));
  }
}
