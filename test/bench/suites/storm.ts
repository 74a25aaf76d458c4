/** A connect storm: all clients of a fleet at once. */
import { type Bench, withStarted } from "../bench.ts";
import { startFloor } from "../targets/floor.ts";
import { inTurn, median, type Metrics } from "../report.ts";
import { BenchSession } from "../session.ts";
import { addressOf, type Served } from "../targets/target.ts";
import { cpuSeconds } from "../usage.ts";

/** Measures it, at the empty door too. */
export async function measureStorm(bench: Bench, targets: readonly Served[]): Promise<void> {
  const { rounds, scale } = bench.plan;
  await withStarted(async (start) => {
    const floor = await start(startFloor);
    const count = scale.stormSessions;
    const figures = await inTurn([...targets, floor], rounds, async (target) => await storm(target, count));
    bench.add("storm", { label: `${count} sessions`, figures });
  });
}

async function storm(target: Served, count: number): Promise<Metrics> {
  const cpuBefore = await cpuSeconds(target.processes());
  const beganMs = performance.now();
  const tookMs: number[] = [];
  const sessions = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const session = await BenchSession.open(addressOf(target, index));
      tookMs.push(performance.now() - beganMs);
      return session;
    }),
  );
  const allMs = performance.now() - beganMs;
  const cpuUs = (((await cpuSeconds(target.processes())) - cpuBefore) * 1e6) / count;
  await Promise.all(sessions.map(async (session) => await session.end()));
  return { allMs, p50Ms: median(tookMs), cpuUs };
}
