/** What is aimed at, and what must hold; a page of figures says for each how it came out. */
import { figure, type Report } from "../report.ts";
import type { SectionName } from "../sections.ts";

/** One of them. */
export interface Goal {
  readonly what: string;
  /** undefined where it was not measured. */
  readonly measured: (report: Report) => number | undefined;
  readonly better: "more" | "less";
  /** undefined where what must hold is all that is asked. */
  readonly aim: number | undefined;
  readonly must: number;
  /** Behind the number. */
  readonly unit: string;
}

/** How one came out. */
export type Verdict = "aim met" | "holds" | "missed" | "not measured";

/** Says it. */
export function verdictOf({ measured, better, aim, must }: Goal, report: Report): Verdict {
  const value = measured(report);
  if (value === undefined) return "not measured";
  const reaches = (bound: number): boolean => (better === "more" ? value >= bound : value <= bound);
  if (aim !== undefined && reaches(aim)) return "aim met";
  if (!reaches(must)) return "missed";
  return aim === undefined ? "aim met" : "holds";
}

const ZOOKEEPER = "zookeeper";
const EDGEKEEPER = "edgekeeper";

/** All of them. Ratios are of medians of one run. */
export const GOALS: readonly Goal[] = [
  throughput("Sets a second at 50x4", "set 50x4"),
  throughput("Sets a second at 10x100", "set 10x100"),
  throughput("Gets a second at 50x4", "get 50x4"),
  throughput("Gets a second at 10x100", "get 10x100"),
  latency("p50 of a set at 1x1", ["set 1x1", "p50Ms"], 0.7),
  latency("p50 of a get at 1x1", ["get 1x1", "p50Ms"], 0.7),
  latency("p99 of sets at 50x4", ["set 50x4", "p99Ms"], undefined),
  latency("p99 of gets at 50x4", ["get 50x4", "p99Ms"], undefined),
  {
    what: "Time of a watch fan-out to 5,000, to ZooKeeper's",
    measured: ratio("fanout", ["5000 watchers", "lastMs"]),
    better: "less",
    aim: undefined,
    must: 1,
    unit: "x",
  },
  {
    what: "Time of a connect storm of 2,000, to ZooKeeper's",
    measured: ratio("storm", ["2000 sessions", "allMs"]),
    better: "less",
    aim: 1,
    must: 2,
    unit: "x",
  },
  {
    what: "Lock cycles a second at 64 at once, to those of the quicker lock of etcd",
    measured: lockRatio,
    better: "more",
    aim: 4,
    must: 2,
    unit: "x",
  },
  {
    what: "Write gap after the leader's abort",
    measured: (report) => figure(report, "failover", ["abort", EDGEKEEPER, "gapMs"]),
    better: "less",
    aim: 200,
    must: 500,
    unit: " ms",
  },
  {
    what: "Memory at 100,000 znodes of one process with three replicas (RSS), to the three JVMs'",
    measured: ratio("memory", ["100000, one process", "rssMiB"]),
    better: "less",
    aim: undefined,
    must: 0.5,
    unit: "x",
  },
  {
    what: "Memory at 100,000 znodes of a process for each replica (RSS of all), to the three JVMs'",
    measured: ratio("memory", ["100000 znodes", "rssMiB"]),
    better: "less",
    aim: undefined,
    must: 0.5,
    unit: "x",
  },
  rows("Rows written for a set at 1x1, each replica", "set 1x1", 2.1),
  rows("Rows written for a set at 50x4, each replica", "set 50x4", 1.2),
  growth("Sets a second among 1,000,000 znodes, to those among 1,000", "set"),
  growth("Gets a second among 1,000,000 znodes, to those among 1,000", "get"),
  {
    what: "CPU of a set beside 1,000 sessions with 100,000 watches, to that beside none",
    measured: quotient("untouched", "cpuUs", ["1000 sessions x 100", "0 sessions x 0"]),
    better: "less",
    aim: undefined,
    must: 1.2,
    unit: "x",
  },
  asleep("Part of the time in memory while nobody is connected, once asleep", "nobody connected"),
  asleep("Part of the time in memory with 1,000 idle sessions of the SDK", "1000 sessions"),
  {
    what: "Acknowledged changes that are gone after kill -9",
    measured: (report) => figure(report, "kept", ["changes", EDGEKEEPER, "lost"]),
    better: "less",
    aim: undefined,
    must: 0,
    unit: "",
  },
];

function throughput(what: string, label: string): Goal {
  const measured = ratio("throughput", [label, "requestsPerSecond"]);
  return { what: `${what}, to ZooKeeper's`, measured, better: "more", aim: 3, must: 1.5, unit: "x" };
}

function latency(what: string, place: readonly [string, string], aim: number | undefined): Goal {
  return {
    what: `${what}, to ZooKeeper's`,
    measured: ratio("throughput", place),
    better: "less",
    aim,
    must: 1,
    unit: "x",
  };
}

function rows(what: string, label: string, must: number): Goal {
  const measured = (report: Report): number | undefined =>
    figure(report, "bill", [label, EDGEKEEPER, "rowsPerSet"]);
  return { what, measured, better: "less", aim: undefined, must, unit: "" };
}

function asleep(what: string, label: string): Goal {
  const measured = (report: Report): number | undefined =>
    figure(report, "inMemory", [label, EDGEKEEPER, "part"]);
  return { what, measured, better: "less", aim: undefined, must: 0.05, unit: "" };
}

function growth(what: string, work: string): Goal {
  const labels = [`${work}, 1000000 znodes`, `${work}, 1000 znodes`] as const;
  const measured = quotient("growth", "requestsPerSecond", labels);
  return { what, measured, better: "more", aim: undefined, must: 0.8, unit: "x" };
}

/** Edgekeeper's to ZooKeeper's. */
function ratio(section: SectionName, [label, metric]: readonly [string, string]): Goal["measured"] {
  return (report) => {
    const ours = figure(report, section, [label, EDGEKEEPER, metric]);
    return divided(ours, figure(report, section, [label, ZOOKEEPER, metric]));
  };
}

/** Of two rows of Edgekeeper's. */
function quotient(
  section: SectionName,
  metric: string,
  [over, under]: readonly [string, string],
): Goal["measured"] {
  return (report) => {
    const above = figure(report, section, [over, EDGEKEEPER, metric]);
    return divided(above, figure(report, section, [under, EDGEKEEPER, metric]));
  };
}

function lockRatio(report: Report): number | undefined {
  const of = (target: string): number | undefined =>
    figure(report, "locks", ["64 at once", target, "cyclesPerSecond"]);
  const theirs = Math.max(of("etcd") ?? 0, of("etcd-lock") ?? 0);
  return theirs === 0 ? undefined : divided(of(EDGEKEEPER), theirs);
}

function divided(over: number | undefined, under: number | undefined): number | undefined {
  return over === undefined || under === undefined || under === 0 ? undefined : over / under;
}
