/** What a write is billed for: rows. */
import { type Bench, withStarted } from "../bench.ts";
import { openSessions, passed, prepare, type Shape } from "../measure.ts";
import type { Metrics } from "../report.ts";
import { newTally } from "../session.ts";
import { type EdgekeeperTarget, type ReplicaFigures, startEdgekeeper } from "../targets/edgekeeper.ts";
import { Limited, Requests, type Work } from "../work.ts";

/** Where clients queue up, batches are large: it takes more sets to see what one costs. */
const SHAPES: readonly (Shape & { readonly times: number })[] = [
  { sessions: 1, outstanding: 1, times: 1 },
  { sessions: 50, outstanding: 4, times: 20 },
];

/** What was delivered reaches the database with the next batch, or after a second. */
const SETTLED_MS = 2500;

/** Measures it at an ensemble of its own. */
export async function runBill(bench: Bench): Promise<void> {
  const { bytes, znodes, scale } = bench.plan;
  bench.say("starting edgekeeper, for the bill");
  await withStarted(async (start) => {
    const target = await start(startEdgekeeper);
    const work: Work = { name: "set", root: "/bill", bytes, znodes };
    await prepare(target, work);
    if (bench.wants("bill")) {
      for (const { times, ...shape } of SHAPES) {
        const found = await measureSets(target, work, { shape, sets: scale.billedSets * times });
        bench.add("bill", {
          label: `set ${shape.sessions}x${shape.outstanding}`,
          figures: { edgekeeper: found },
        });
      }
    }
  });
}

async function measureSets(
  target: EdgekeeperTarget,
  work: Work,
  { shape, sets }: { readonly shape: Shape; readonly sets: number },
): Promise<Metrics> {
  const sessions = await openSessions(target, shape.sessions);
  await passed(SETTLED_MS);
  const [before, syncsBefore] = [await sumsOf(target), await target.syncs()];
  const tally = newTally();
  const requests = new Limited(new Requests(work, 1), sets);
  for (const session of sessions) session.start(requests, tally, shape.outstanding);
  await Promise.all(sessions.map(async (session) => await session.finished()));
  const syncsPerSet = ((await target.syncs()) - syncsBefore) / sets;
  await passed(SETTLED_MS);
  const after = await sumsOf(target);
  await Promise.all(sessions.map(async (session) => await session.end()));
  const perSet = (part: keyof Sums): number => (after[part] - before[part]) / after.replicas / sets;
  const batchesPerSet = perSet("logBatches");
  return {
    sets,
    rowsPerSet: perSet("rowsWritten"),
    transactionsPerSet: perSet("commits"),
    batchesPerSet,
    syncsPerSet,
    // Of one replica: all three sync each batch.
    syncsPerBatch: syncsPerSet / after.replicas / batchesPerSet,
  };
}

interface Sums {
  readonly replicas: number;
  readonly rowsWritten: number;
  readonly commits: number;
  readonly logBatches: number;
}

async function sumsOf(target: EdgekeeperTarget): Promise<Sums> {
  const all = await statusesOf(target);
  const sum = (of: (one: Status) => number): number => all.reduce((total, one) => total + of(one), 0);
  return {
    replicas: all.length,
    rowsWritten: sum((one) => one.rowsWritten),
    commits: sum((one) => one.commits),
    logBatches: sum((one) => one.logBatches),
  };
}

type Status = NonNullable<ReplicaFigures["status"]>;

async function statusesOf(target: EdgekeeperTarget): Promise<readonly Status[]> {
  const all = (await target.replicas()).flatMap(({ status }) => status ?? []);
  if (all.length !== target.addresses.length) throw new Error("a replica does not tell its status");
  return all;
}
