/** Figures over time, as the page has seen them: nothing of it is kept anywhere else. */
import type { ReplicaFigures, ReplicaReport, StatusDocument } from "./documents.ts";

/** Half an hour of looks, one every two seconds. */
const SAMPLES_MAX = 900;

/** What one replica showed at one moment. */
interface Shown {
  readonly atMs: number;
  readonly instance: number;
  readonly status: ReplicaFigures;
}

/** One look at all replicas. */
interface Look {
  readonly atMs: number;
  readonly bySid: ReadonlyMap<number, Shown>;
}

/** A figure: of what a replica shows now, and before. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly of: (now: ReplicaFigures, before: ReplicaFigures, elapsedMs: number) => number | null;
}

/** What is drawn, in this order. */
export const FIGURES: readonly Figure[] = [
  {
    id: "commits",
    title: "Commits",
    unit: "per second",
    of: (now, before, ms) => rate(now.counters.commits - before.counters.commits, ms),
  },
  {
    id: "latency",
    title: "Mean latency of requests",
    unit: "ms",
    of: (now, before) => {
      const [late, early] = [answeredOf(now), answeredOf(before)];
      const count = late.count - early.count;
      return count <= 0 ? null : (late.sumMs - early.sumMs) / count;
    },
  },
  { id: "connections", title: "Client connections", unit: "open", of: ({ connections }) => connections },
  {
    id: "watchEvents",
    title: "Watch events",
    unit: "per second",
    of: (now, before, ms) => rate(now.counters.watchEvents - before.counters.watchEvents, ms),
  },
  {
    id: "outstanding",
    title: "Proposals not yet committed",
    unit: "at the leader",
    of: ({ outstandingProposals }) => outstandingProposals,
  },
  {
    id: "clientBytes",
    title: "Held for clients",
    unit: "KB in memory",
    of: ({ clientBytes }) => clientBytes / 1000,
  },
  { id: "znodes", title: "Znodes", unit: "in the tree", of: ({ znodes }) => znodes },
  {
    id: "database",
    title: "Database",
    unit: "MB on disk",
    of: ({ databaseBytes }) => databaseBytes / 1_000_000,
  },
];

/** Requests of connections and calls over HTTP alike. */
function answeredOf({ counters }: ReplicaFigures): { readonly count: number; readonly sumMs: number } {
  const { latencyCount, latencySumMs, callCount = 0, callSumMs = 0 } = counters;
  return { count: latencyCount + callCount, sumMs: latencySumMs + callSumMs };
}

function rate(count: number, elapsedMs: number): number | null {
  return count < 0 || elapsedMs <= 0 ? null : (count * 1000) / elapsedMs;
}

/** The looks so far. */
export class Samples {
  #looks: Look[] = [];

  /** Takes what replicas tell at a moment, in Unix milliseconds. */
  add({ replicas }: StatusDocument, atMs: number): void {
    const bySid = new Map(
      replicas.flatMap(({ sid, status }: ReplicaReport) =>
        status === null ? [] : [[sid, { atMs, instance: status.instance, status }] as const],
      ),
    );
    this.#looks.push({ atMs, bySid });
    if (this.#looks.length > SAMPLES_MAX) this.#looks = this.#looks.slice(-SAMPLES_MAX);
  }

  /** Every replica that was seen, in order. */
  get sids(): readonly number[] {
    return [...new Set(this.#looks.flatMap(({ bySid }) => [...bySid.keys()]))].toSorted((a, b) => a - b);
  }

  /** Times in seconds, then a line for each replica: null where it told nothing, or had just started. */
  linesOf({ of }: Figure): readonly (readonly (number | null)[])[] {
    const looks = this.#looks.slice(1);
    const times = looks.map(({ atMs }) => atMs / 1000);
    const lines = this.sids.map((sid) =>
      looks.map(({ atMs, bySid }, at) => {
        const now = bySid.get(sid);
        const before = this.#looks[at]?.bySid.get(sid);
        if (now === undefined || before === undefined || now.instance !== before.instance) return null;
        return of(now.status, before.status, atMs - before.atMs);
      }),
    );
    return [times, ...lines];
  }
}
