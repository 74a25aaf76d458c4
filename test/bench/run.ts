/**
 * `npm run bench`: the same work for a real ZooKeeper ensemble of three, a real etcd cluster of three and Edgekeeper,
 * on this machine, in turn (A B A B), by the same clients. Medians of several rounds, their ratios, and the processor
 * time that each took. In the end what was written to is killed at once, and must know every change that it
 * acknowledged.
 */
import { Bench } from "./bench.ts";
import { publish, writeReport } from "./docs/publish.ts";
import { readOptions, USAGE } from "./options.ts";
import { runProfiles } from "./profiles.ts";
import { provenance } from "./provenance.ts";
import type { Report } from "./report.ts";
import type { SectionName } from "./sections.ts";
import { runBill } from "./suites/bill.ts";
import { runFailover } from "./suites/failover.ts";
import { runLocks } from "./suites/locks.ts";
import { runRequests } from "./suites/requests.ts";
import { runScale } from "./suites/scale.ts";
import { runSleep } from "./suites/sleep.ts";
import { runCatchUp, runColdStart } from "./suites/starts.ts";

async function main(args: readonly string[]): Promise<number> {
  const order = readOptions(args);
  switch (order.kind) {
    case "help":
      console.log(USAGE);
      return order.isAsked ? 0 : 2;
    case "docs":
      await publish(order.file);
      return 0;
    case "profile":
      await runProfiles(order.plan, order.directory);
      return 0;
    case "measure": {
      const bench = new Bench(order.plan);
      const { lost, versions } = await run(bench);
      if (order.out !== undefined) {
        await writeReport(order.out, await reportOf(bench, versions, args));
        bench.say(`figures written to ${order.out}`);
      }
      return lost === 0 && bench.failures.length === 0 ? 0 : 1;
    }
    default:
      return order satisfies never;
  }
}

interface Outcome {
  readonly lost: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** Each part by itself: where one fails, what the others found is kept, and it is told. */
async function run(bench: Bench): Promise<Outcome> {
  const beganMs = performance.now();
  let outcome: Outcome = { lost: 0, versions: {} };
  await bench.attempt(async () => {
    outcome = await runRequests(bench);
  });
  if (bench.wants("locks")) {
    await bench.attempt(async () => {
      const etcd = await runLocks(bench);
      outcome = { ...outcome, versions: { ...outcome.versions, etcd } };
    });
  }
  for (const { sections, suite } of SUITES) {
    if (bench.wants(...sections)) await bench.attempt(async () => await suite(bench));
  }
  bench.say(`\n${((performance.now() - beganMs) / 60_000).toFixed(1)} minutes`);
  return outcome;
}

/** What starts ensembles of its own. */
const SUITES: readonly {
  readonly sections: readonly SectionName[];
  readonly suite: (bench: Bench) => Promise<void>;
}[] = [
  { sections: ["failover"], suite: runFailover },
  { sections: ["memory", "growth", "load", "listing"], suite: runScale },
  { sections: ["coldStart"], suite: runColdStart },
  { sections: ["catchUp"], suite: runCatchUp },
  { sections: ["bill"], suite: runBill },
  { sections: ["inMemory"], suite: runSleep },
];

async function reportOf(
  bench: Bench,
  versions: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<Report> {
  const { rounds, seconds } = bench.plan;
  const { date, machine, commit } = await provenance();
  return {
    format: 1,
    date,
    machine,
    versions: { ...versions, commit },
    options: args.filter((_, index) => args[index] !== "--out" && args[index - 1] !== "--out").join(" "),
    rounds,
    seconds,
    failures: bench.failures,
    sections: bench.sections,
  };
}

process.exitCode = await main(process.argv.slice(2));
