/**
 * `npm run bench`: the same work for a real ZooKeeper ensemble of three and for Edgekeeper, on this machine, in turn
 * (A B A B), by the same clients. Medians of several rounds, their ratios, and the processor time that each took. In
 * the end both are killed at once, and must know every change that they acknowledged.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { changesSeen, type Figures, measure, prepare, type Shape } from "./measure.ts";
import { runProfiles } from "./profiles.ts";
import { HEADER, medians, type Report, type Row, rowLines } from "./report.ts";
import { startTarget, type Target, TARGET_NAMES, type TargetName } from "./targets.ts";
import { type Work, WORKS, type WorkName } from "./work.ts";

const USAGE = `npm run bench -- [options]
  --works ${WORKS.join(",")}   what is asked for; mixed is nine reads to a set, multi ten sets
  --shapes 1x1,10x4,50x4,10x100,500x1   sessions x requests outstanding of each
  --bytes 100       of a znode's data
  --znodes 1000     that are set and read
  --rounds 3        each shape is measured so often, in turn
  --seconds 3       each time for so long, after warming up
  --targets ${TARGET_NAMES.join(",")}
  --out FILE        writes all figures as JSON
  --profile DIR     instead: where Edgekeeper's time goes, as a table and as .cpuprofile files, which browsers'
                    developer tools and editors show
  --help`;

process.exitCode = await main();

/** What is to be done. */
interface Plan {
  readonly works: readonly WorkName[];
  readonly shapes: readonly Shape[];
  readonly bytes: number;
  readonly znodes: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly targets: readonly TargetName[];
  readonly out: string | undefined;
  readonly profile: string | undefined;
}

async function main(): Promise<number> {
  const plan = readPlan();
  if (plan === undefined) {
    console.log(USAGE);
    return process.argv.includes("--help") ? 0 : 2;
  }
  if (plan.profile !== undefined) {
    await runProfiles(plan, plan.profile);
    return 0;
  }
  const targets: Target[] = [];
  try {
    for (const name of plan.targets) {
      console.log(`starting ${name}`);
      targets.push(await startTarget(name));
    }
    return await run(plan, targets);
  } finally {
    for (const target of targets) await target.stop();
  }
}

async function run(plan: Plan, targets: readonly Target[]): Promise<number> {
  const { bytes, znodes, rounds, seconds } = plan;
  for (const target of targets) await prepare(target, { name: "set", bytes, znodes });
  const acknowledged = new Map<Target, number>(targets.map((target) => [target, 0]));
  const rows: Row[] = [];
  console.log(`\n${HEADER}`);
  for (const name of plan.works) {
    for (const shape of plan.shapes) {
      const found = new Map<Target, Figures[]>(targets.map((target) => [target, []]));
      for (let round = 0; round < rounds; round++) {
        for (const target of targets) {
          const figures = await measure(target, { work: { name, bytes, znodes }, shape, seconds });
          found.get(target)?.push(figures);
          acknowledged.set(target, (acknowledged.get(target) ?? 0) + figures.changes);
        }
      }
      const figures = Object.fromEntries([...found].map(([target, all]) => [target.name, medians(all)]));
      const row: Row = { work: name, shape, bytes, figures };
      rows.push(row);
      for (const line of rowLines(row)) console.log(line);
    }
  }
  const lost = await checkAcknowledged(acknowledged, { name: "set", bytes, znodes });
  if (plan.out !== undefined) await write(plan.out, reportOf(plan, targets, rows));
  return lost === 0 ? 0 : 1;
}

/** Kills each at once, starts it again, and counts what it still knows; gives how many changes are lost. */
async function checkAcknowledged(acknowledged: ReadonlyMap<Target, number>, work: Work): Promise<number> {
  let lost = 0;
  console.log();
  for (const [target, changes] of acknowledged) {
    await target.killAndRestart();
    const seen = await changesSeen(target, work);
    lost += Math.max(0, changes - seen);
    const verdict = seen >= changes ? "none lost" : `${changes - seen} LOST`;
    console.log(`${target.name}: ${changes} changes acknowledged, ${seen} there after kill -9: ${verdict}`);
  }
  return lost;
}

function reportOf({ rounds, seconds }: Plan, targets: readonly Target[], rows: readonly Row[]): Report {
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${memory} GiB`,
    versions: Object.fromEntries(targets.map(({ name, version }) => [name, version])),
    rounds,
    seconds,
    rows,
  };
}

async function write(file: string, report: Report): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`figures written to ${file}`);
}

/** undefined where the options make no sense, or ask for help. */
function readPlan(): Plan | undefined {
  const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
  const { values } = parseArgs({
    options: {
      works: text(WORKS.join(",")),
      shapes: text("1x1,10x4,50x4,10x100,500x1"),
      bytes: text("100"),
      znodes: text("1000"),
      rounds: text("3"),
      seconds: text("3"),
      targets: text(TARGET_NAMES.join(",")),
      out: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const works = WORKS.filter((name) => values.works.split(",").includes(name));
  const targets = TARGET_NAMES.filter((name) => values.targets.split(",").includes(name));
  const shapes = values.shapes.split(",").map((shape) => {
    const [, sessions = "0", outstanding = "0"] = /^(\d{1,5})x(\d{1,3})$/.exec(shape) ?? [];
    return { sessions: Number(sessions), outstanding: Number(outstanding) };
  });
  const [bytes, znodes] = [Number(values.bytes), Number(values.znodes)];
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const isSound =
    works.length > 0 &&
    targets.length > 0 &&
    shapes.every(({ sessions, outstanding }) => sessions > 0 && outstanding > 0) &&
    [bytes, znodes, rounds].every((value) => Number.isInteger(value) && value > 0) &&
    seconds > 0;
  if (values.help || !isSound) return undefined;
  const { out, profile } = values;
  return { works, shapes, bytes, znodes, rounds, seconds, targets, out, profile };
}
