/** What is measured, one section each: what it is called, how it is done, which figures it has. */
import type { Metrics, Row } from "./report.ts";

/** A figure of a row. */
export interface Column {
  readonly metric: string;
  readonly head: string;
  /** Behind the point. */
  readonly digits: number;
}

/** A table. */
export interface Section {
  readonly title: string;
  /** How it is measured, for who reads the figures. */
  readonly how: string;
  readonly columns: readonly Column[];
  /** Whose figures Edgekeeper's are divided by. */
  readonly against: string | undefined;
}

const THROUGHPUT: readonly Column[] = [
  { metric: "requestsPerSecond", head: "per second", digits: 0 },
  { metric: "p50Ms", head: "p50 ms", digits: 2 },
  { metric: "p99Ms", head: "p99 ms", digits: 2 },
  { metric: "cpuUs", head: "CPU us", digits: 0 },
  { metric: "syncsPerChange", head: "syncs", digits: 2 },
  { metric: "clientCores", head: "clients", digits: 2 },
];

const THROUGHPUT_HOW =
  "CPU is the processor time of the whole ensemble for a request, syncs those of files by all three replicas for an " +
  "acknowledged change, clients the part of a core that the load generator took.";

/** All of them, in the order in which they are measured. */
export const SECTION_NAMES = [
  "ceiling",
  "throughput",
  "sizes",
  "fanout",
  "storm",
  "untouched",
  "kept",
  "locks",
  "failover",
  "memory",
  "growth",
  "load",
  "listing",
  "coldStart",
  "catchUp",
  "bill",
  "inMemory",
] as const;

/** The name of one. */
export type SectionName = (typeof SECTION_NAMES)[number];

/** What each is. */
export const SECTIONS: Readonly<Record<SectionName, Section>> = {
  ceiling: {
    title: "The load generator's own ceiling",
    how:
      "Against a program in a process of its own that answers at once and does nothing: where a figure " +
      "below comes near to these, the generator is what was measured.",
    columns: [
      { metric: "requestsPerSecond", head: "per second", digits: 0 },
      { metric: "clientCores", head: "clients", digits: 2 },
    ],
    against: undefined,
  },
  throughput: {
    title: "Requests of sessions",
    how:
      "Sessions x requests outstanding of each, spread over the three replicas. `mixed` is nine reads " +
      `to a set, \`multi\` ten sets. ${THROUGHPUT_HOW}`,
    columns: THROUGHPUT,
    against: "zookeeper",
  },
  sizes: {
    title: "Larger values",
    how: `As above, with 1 KB and 100 KB of data. ${THROUGHPUT_HOW}`,
    columns: THROUGHPUT,
    against: "zookeeper",
  },
  fanout: {
    title: "Watch fan-out",
    how:
      "So many sessions, spread over the replicas, each with one watch of one znode (getData, set again " +
      "each time); time from the set until the last of them has its event.",
    columns: [{ metric: "lastMs", head: "last event ms", digits: 1 }],
    against: "zookeeper",
  },
  storm: {
    title: "Connect storm",
    how:
      "2,000 sessions at once over the three doors; time until the last one is made. `floor` is the " +
      "same runtime with an empty door: it passes each connection to an object that answers the " +
      "handshake from memory, one object a door.",
    columns: [
      { metric: "allMs", head: "all ms", digits: 0 },
      { metric: "p50Ms", head: "p50 ms", digits: 0 },
      { metric: "cpuUs", head: "CPU us", digits: 0 },
    ],
    against: "zookeeper",
  },
  untouched: {
    title: "What a write costs beside sessions and watches that it does not touch",
    how:
      "Sets at 10x4 while so many other sessions are open and idle, each with so many watches of other " +
      `znodes. ${THROUGHPUT_HOW}`,
    columns: THROUGHPUT,
    against: "zookeeper",
  },
  kept: {
    title: "What was acknowledged is there",
    how: "After all of the above every process is killed at once (SIGKILL) and started again on its data.",
    columns: [
      { metric: "acknowledged", head: "acknowledged", digits: 0 },
      { metric: "there", head: "there", digits: 0 },
      { metric: "lost", head: "lost", digits: 0 },
    ],
    against: undefined,
  },
  locks: {
    title: "Lock cycles over HTTP",
    how:
      "A cycle is two requests, acquire and release, and each is one committed transaction; so many " +
      "locks at once, each with a keep-alive connection of its own, nobody contends. `etcd` is a " +
      "transaction that puts the lock's key, with a lease, if it is not there, and one that deletes it " +
      "if it is the same: the cheapest lock that its JSON gateway has. `etcd-lock` is its lock service " +
      "(v3/lock), with a lease that is granted once. `floor` is an empty Worker, asked twice, on the " +
      "same runtime.",
    columns: [
      { metric: "cyclesPerSecond", head: "cycles/s", digits: 0 },
      { metric: "p50Ms", head: "p50 ms", digits: 2 },
      { metric: "p99Ms", head: "p99 ms", digits: 2 },
      { metric: "cpuUs", head: "CPU us", digits: 0 },
      { metric: "clientCores", head: "clients", digits: 2 },
    ],
    against: "etcd",
  },
  failover: {
    title: "Write gap when the leader fails",
    how:
      "Nine sessions write without a pause, three at each replica; the longest time without an " +
      "acknowledged write of any of them. `abort`: the leader's object is aborted, its JVM killed by " +
      "SIGKILL. `freeze`: it stands still, with all its connections open (SIGSTOP of the JVM).",
    columns: [{ metric: "gapMs", head: "gap ms", digits: 0 }],
    against: "zookeeper",
  },
  memory: {
    title: "Memory",
    how:
      "Of all processes together, in MiB, with so many znodes of 200 bytes and 100 clients that set and " +
      "read. RSS counts shared pages once for each process, PSS once; servers is the RSS of the servers " +
      "alone, without the program of `npm start` that waits for them; heap is V8's, of all isolates, " +
      "after a collection. The inspector is open, but not with `--processes 1`, where all replicas are in one.",
    columns: [
      { metric: "rssMiB", head: "RSS MiB", digits: 0 },
      { metric: "pssMiB", head: "PSS MiB", digits: 0 },
      { metric: "serversMiB", head: "servers MiB", digits: 0 },
      { metric: "heapMiB", head: "heap MiB", digits: 0 },
    ],
    against: "zookeeper",
  },
  growth: {
    title: "Throughput as the tree grows",
    how:
      "The same work at 50x4 in trees of so many znodes of 200 bytes, any of which is as likely to be asked for as " +
      `another, or only the first 1,000 of them. ${THROUGHPUT_HOW}`,
    columns: THROUGHPUT,
    against: "zookeeper",
  },
  load: {
    title: "Loading a tree",
    how: "Creates in multis of 100, by three sessions with four of them outstanding each.",
    columns: [{ metric: "createsPerSecond", head: "znodes/s", digits: 0 }],
    against: "zookeeper",
  },
  listing: {
    title: "Listing children",
    how: "getChildren of one znode with so many children.",
    columns: [{ metric: "ms", head: "ms", digits: 1 }],
    against: "zookeeper",
  },
  coldStart: {
    title: "Cold start",
    how:
      "From the start of the processes until a client's first write is acknowledged, on new data and on " +
      "the same data.",
    columns: [{ metric: "ms", head: "ms", digits: 0 }],
    against: "zookeeper",
  },
  catchUp: {
    title: "Catching up",
    how:
      "A replica that does not lead is away (its object is aborted, its JVM killed) while sets go on; " +
      "time from when it may start again until a read there shows the last of them.",
    columns: [
      { metric: "ms", head: "ms", digits: 0 },
      { metric: "missed", head: "missed", digits: 0 },
    ],
    against: "zookeeper",
  },
  bill: {
    title: "What a set costs a replica",
    how:
      "Rows of SQLite written for each set (`cursor.rowsWritten`, index rows included, which is what is " +
      "billed), transactions of the database and rows of the log, each the mean of the three replicas; " +
      "syncs of all three.",
    columns: [
      { metric: "sets", head: "sets", digits: 0 },
      { metric: "rowsPerSet", head: "rows", digits: 3 },
      { metric: "transactionsPerSet", head: "transactions", digits: 3 },
      { metric: "batchesPerSet", head: "batches", digits: 3 },
      { metric: "syncsPerSet", head: "syncs", digits: 3 },
      { metric: "syncsPerBatch", head: "syncs/batch", digits: 2 },
    ],
    against: undefined,
  },
  inMemory: {
    title: "Time in memory",
    how:
      "Replicas fall asleep when nobody asks for anything (here after 10 s; DORMANT_AFTER_MS), and are " +
      "then in memory only while something wakes them. With nobody connected, and with so many sessions " +
      "of the SDK, each with a watch: seconds until all three sleep, 30 where they do not; then the " +
      "part of the time in which one does not, seen once a second; and how many of the watches are told " +
      "when their znode is set at last, and how long that set takes.",
    columns: [
      { metric: "awakeSeconds", head: "awake s", digits: 1 },
      { metric: "part", head: "part after", digits: 3 },
      { metric: "told", head: "told", digits: 0 },
      { metric: "wakeMs", head: "wake ms", digits: 0 },
    ],
    against: undefined,
  },
};

const OURS = "edgekeeper";
const LABEL_WIDTH = 22;
const TARGET_WIDTH = 12;

/** The head of a section's table, for a terminal. */
export function headerLine({ columns }: Section): string {
  const heads = columns.map(({ head }) => head.padStart(widthOf(head)));
  return " ".repeat(LABEL_WIDTH + TARGET_WIDTH) + heads.join("");
}

/** A row of it: a line for each target, and Edgekeeper's figures as multiples of the other's. */
export function rowLines({ columns, against }: Section, { label, figures }: Row): readonly string[] {
  const lineOf = (first: string, second: string, texts: readonly string[]): string =>
    first.padEnd(LABEL_WIDTH) +
    second.padEnd(TARGET_WIDTH) +
    texts.map((text, index) => text.padStart(widthOf(columns[index]?.head ?? ""))).join("");
  const lines = Object.entries(figures).map(([target, metrics], index) =>
    lineOf(index === 0 ? label : "", target, cells(columns, metrics)),
  );
  const ratios = ratiosOf(columns, figures[OURS], against === undefined ? undefined : figures[against]);
  return ratios === undefined ? lines : [...lines, lineOf("", "ratio", ratios)];
}

/** The figures as text; nothing where there is none. */
export function cells(columns: readonly Column[], metrics: Metrics): readonly string[] {
  return columns.map(({ metric, digits }) => metrics[metric]?.toFixed(digits) ?? "");
}

/** Multiples, as text; undefined where one of the two was not measured. */
export function ratiosOf(
  columns: readonly Column[],
  ours: Metrics | undefined,
  other: Metrics | undefined,
): readonly string[] | undefined {
  if (ours === undefined || other === undefined) return undefined;
  return columns.map(({ metric }) => {
    const [mine = 0, theirs = 0] = [ours[metric], other[metric]];
    return mine === 0 || theirs === 0 ? "" : `${(mine / theirs).toFixed(2)}x`;
  });
}

function widthOf(head: string): number {
  return Math.max(10, head.length + 2);
}
