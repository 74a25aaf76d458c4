/**
 * `npm run differential`: random streams of operations, each played to a real ZooKeeper server and to Edgekeeper. A
 * stream that is answered differently is made small and shown. In the end stands a table of what the streams brought
 * about; where there were enough of them, whatever they should have and did not counts as a failure.
 */
import { parseArgs } from "node:util";

import { Coverage } from "./coverage.ts";
import { generateStream } from "./generate.ts";
import { differenceLines, reportLines } from "./report.ts";
import { ENOUGH_REQUESTS, missingIn } from "./required.ts";
import { Session } from "./session.ts";
import { startTargets } from "./targets.ts";

const USAGE = `npm run differential -- [options]
  --seeds N   how many streams (50)
  --seed S    the first stream's seed (1); with it alone, that stream only
  --ops M     requests in a stream (480)
  --parallel P  streams at the same time (6)
  --shrink N  attempts to make a difference smaller (200)
  --help`;

/** Differences that are made small and shown: one mistake is seen by many seeds. */
const SHOWN_MAX = 5;

/** How long they are made smaller, all of them, so that a run that fails ends, too. */
const SHRINK_MS = 60_000;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      ops: { type: "string", default: "480" },
      parallel: { type: "string", default: "6" },
      shrink: { type: "string", default: "200" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const first = Number(values.seed ?? 1);
  const seeds = Number(values.seeds ?? (values.seed === undefined ? 50 : 1));
  const [operations, parallel, attempts] = [
    Number(values.ops),
    Number(values.parallel),
    Number(values.shrink),
  ];
  if (
    ![first, seeds, operations, parallel, attempts].every((value) => Number.isInteger(value) && value >= 0)
  ) {
    console.error(USAGE);
    return 2;
  }
  const startMs = performance.now();
  const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(1);
  const targets = await startTargets();
  console.log(`${targets.zookeeper.name} and ${targets.edgekeeper.name} serve after ${seconds()} s`);
  try {
    const session = new Session(targets);
    const pending = Array.from({ length: seeds }, (_, index) => first + index);
    const different = new Map<number, readonly string[]>();
    const coverage = new Coverage();
    const work = async (): Promise<void> => {
      for (let seed = pending.shift(); seed !== undefined; seed = pending.shift()) {
        const stream = generateStream(seed, operations);
        const played = await session.play(stream);
        coverage.add(stream, played.expected);
        if (played.difference !== undefined) different.set(seed, differenceLines(played));
      }
    };
    await Promise.all(Array.from({ length: parallel }, async () => await work()));
    const { requests, events } = coverage;
    console.log(
      `${requests} requests answered and ${events} events in ${seeds} streams after ${seconds()} s`,
    );
    for (const line of coverage.lines()) console.log(line);
    const missing = requests < ENOUGH_REQUESTS ? [] : missingIn(coverage);
    for (const line of missing) console.log(`NOT SEEN, so nothing is shown of it: ${line}`);
    await show(session, different, { operations, attempts });
    const failed = different.size + missing.length;
    console.log(`\n${seeds - different.size} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    await targets.stop();
  }
}

/** Tells the first of the differences in full, each by the smallest stream that shows it. */
async function show(
  session: Session,
  different: ReadonlyMap<number, readonly string[]>,
  { operations, attempts }: { readonly operations: number; readonly attempts: number },
): Promise<void> {
  const deadlineMs = performance.now() + SHRINK_MS;
  const bounds = { attemptsMax: attempts, isLate: () => performance.now() >= deadlineMs };
  // One at a time, so that a small stream is small for its own reasons.
  for (const [seed, lines] of [...different].toSorted(([a], [b]) => a - b).slice(0, SHOWN_MAX)) {
    console.log(`\nseed ${seed} differs; again: npm run differential -- --seed ${seed} --ops ${operations}`);
    for (const line of lines) console.log(line);
    const small = await session.smallest(generateStream(seed, operations), bounds);
    if (small.difference === undefined) console.log("  played alone, it does not differ again");
    else for (const line of reportLines(small)) console.log(line);
  }
}
