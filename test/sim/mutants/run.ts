/**
 * `npm run mutants`: makes each deliberate defect in a copy of the source, and sees whether the simulator finds it.
 *
 *   npm run mutants -- [--only ID[,ID]] [--seeds N] [--hunts N] [--jobs N] [--whole] [--table [--keep]]
 *                      [--results FILE] [--simulator "PROGRAM ARGUMENTS"]
 *
 * A defect compiles, gets past the unit tests, and must then be caught by a named check within so many seeds, in each
 * of several hunts that share no seed. Judgements are kept outside of the repository under the digest of the source, so
 * that a run which is broken off goes on where it was. --whole also runs all other pure tests over each defect. --table
 * writes docs/testing.md from what is known, and judges nothing; with --keep, a row of which nothing is known stays.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { OutOfTime } from "./failed-test.ts";
import { Judge, type JudgeOptions } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { isCaught, tableText, verdictText, withTable } from "./report.ts";
import { Results, sourceDigest } from "./results.ts";
import { SourceCopy } from "./source-copy.ts";
import { MUTANTS, UNIT_CAUGHT } from "./table.ts";
import { SEEDS_MAX } from "./verdict-on-mutant.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DOCUMENT = join(ROOT, "docs", "testing.md");

/** One run after the other: jobs are shared by defects. */
const SIMULATOR = `${process.execPath} --disable-warning=ExperimentalWarning test/sim/run.ts --jobs 1`;

/** Hunts of each: their middle is told. */
const HUNTS = 3;

const HELP = `usage: npm run mutants -- [options]

  --only ID,ID      these only; docs/testing.md lists them
  --seeds N         seeds of a hunt, ${SEEDS_MAX} unless told otherwise
  --hunts N         hunts for each, ${HUNTS} unless told otherwise: the table tells their middle
  --jobs N          mutants at once; as many as there are cores
  --whole           also runs all other pure tests over each
  --table           writes docs/testing.md from what is known, and judges nothing
  --keep            with --table: rows of defects that were not judged under the present source stay as they are
  --results FILE    where judgements are kept; a run that is broken off goes on there`;

// Broken off, it ends what it has started: exit handlers see to that.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      seeds: { type: "string", default: String(SEEDS_MAX) },
      hunts: { type: "string", default: String(HUNTS) },
      jobs: { type: "string", default: String(availableParallelism()) },
      whole: { type: "boolean", default: false },
      table: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      results: { type: "string" },
      simulator: { type: "string", default: SIMULATOR },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const place = join(tmpdir(), "edgekeeper-mutants");
  const results = new Results(values.results ?? join(place, `${sourceDigest(ROOT)}.json`));
  if (values.table) {
    const document = readFileSync(DOCUMENT, "utf8");
    const table = tableText(MUTANTS, UNIT_CAUGHT, (id) => results.of(id), values.keep ? document : "");
    writeFileSync(DOCUMENT, withTable(document, table));
    return 0;
  }
  const ids = values.only?.split(",");
  const unknown = ids?.filter((id) => !MUTANTS.some((mutant) => mutant.id === id)) ?? [];
  if (unknown.length > 0) {
    console.error(`no mutant is called ${unknown.join(", ")}; docs/testing.md lists them`);
    return 2;
  }
  const chosen = MUTANTS.filter(({ id }) => ids?.includes(id) ?? true);
  const options: JudgeOptions = {
    seeds: Number(values.seeds),
    hunts: Number(values.hunts),
    simulator: values.simulator.split(" "),
    runsOtherTests: values.whole,
  };
  await judgeAll({ chosen, options, results, place, jobs: Number(values.jobs) });
  const uncaught = chosen.filter(({ id }) => !isCaught(results.of(id)));
  console.log(`${chosen.length - uncaught.length} of ${chosen.length} mutants are caught`);
  for (const { id, what } of uncaught) console.log(`not caught: ${id}: ${what}`);
  return uncaught.length === 0 ? 0 : 1;
}

/** As many at a time as there are jobs, each in a copy of its own. */
async function judgeAll(work: {
  readonly chosen: readonly Mutant[];
  readonly options: JudgeOptions;
  readonly results: Results;
  readonly place: string;
  readonly jobs: number;
}): Promise<void> {
  const { chosen, options, results, place, jobs } = work;
  const waiting = [...chosen];
  let done = 0;
  const sound = new SourceCopy(ROOT, join(place, `sound-${process.pid}`));
  const worker = async (job: number): Promise<void> => {
    const copy = new SourceCopy(ROOT, join(place, `copy-${process.pid}-${job}`));
    const judge = new Judge({ copy, sound }, options);
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await verdictOn(mutant, judge, results);
      console.log(`[${++done}/${chosen.length}] ${mutant.id}: ${verdict}`);
    }
    copy.remove();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, chosen.length) }, (_, job) => worker(job)));
  sound.remove();
}

/** Judges it, as far as that is possible now: one whose tests run out of time stays as it was. */
async function verdictOn(mutant: Mutant, judge: Judge, results: Results): Promise<string> {
  try {
    await judge.judge(mutant, results.of(mutant.id), (judgement) => results.keep(judgement));
  } catch (error) {
    if (error instanceof OutOfTime) return `not judged: ${error.message}; the same command tries again`;
    throw error;
  }
  const judgement = results.of(mutant.id);
  return judgement === undefined ? "not judged" : verdictText(judgement);
}
