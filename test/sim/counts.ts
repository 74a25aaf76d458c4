/** What runs did, in numbers: of one, and of many together. */

/** Counted in each run. */
export interface RunCounts {
  /** Requests of clients that were answered, those of them that write, and requests that never were. */
  readonly operations: number;
  readonly writes: number;
  readonly unknown: number;
  /** Watch events. */
  readonly events: number;
  /** Events that readers of them were told. */
  readonly streamed: number;
  /** Sessions that their clients were told are expired. */
  readonly expiries: number;
  /** Holds of locks. */
  readonly holds: number;
  /** Changes of the members that an operator was told are done. */
  readonly reconfigurations: number;
  /** Runs whose search for a linear order was given up: the log alone has judged them. */
  readonly undecided: number;
  /** Runs that ended without an ensemble, rightly: who the members are only replicas knew that lost their disks. */
  readonly lost: number;
  readonly faults: number;
  /** Starts of objects. */
  readonly starts: number;
  readonly snapshots: number;
  /** Leaderships begun. */
  readonly elections: number;
  /** Turns of all replicas. */
  readonly steps: number;
  readonly committed: number;
  readonly simulatedMs: number;
}

/** Nothing counted. */
export const NO_COUNTS: RunCounts = {
  operations: 0,
  writes: 0,
  unknown: 0,
  events: 0,
  streamed: 0,
  expiries: 0,
  holds: 0,
  reconfigurations: 0,
  undecided: 0,
  lost: 0,
  faults: 0,
  starts: 0,
  snapshots: 0,
  elections: 0,
  steps: 0,
  committed: 0,
  simulatedMs: 0,
};

const NAMES = Object.keys(NO_COUNTS) as readonly (keyof RunCounts)[];

/** Sums, name by name. */
export function sumOf(all: readonly RunCounts[]): RunCounts {
  const sums = { ...NO_COUNTS };
  for (const counts of all) for (const name of NAMES) sums[name] += counts[name];
  return sums;
}
