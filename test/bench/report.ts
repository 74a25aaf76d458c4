/** What a benchmark came to: a table for people, a document for programs, a picture. */
import type { Figures, Shape } from "./measure.ts";
import type { TargetName } from "./targets.ts";
import type { WorkName } from "./work.ts";

/** One row: the medians of all rounds, by target. */
export interface Row {
  readonly work: WorkName;
  readonly shape: Shape;
  readonly bytes: number;
  readonly figures: Readonly<Partial<Record<TargetName, Figures>>>;
}

/** A whole run. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** The median of each figure. */
export function medians(rounds: readonly Figures[]): Figures {
  const of = (pick: (figures: Figures) => number): number => {
    const sorted = rounds.map(pick).toSorted((a, b) => a - b);
    const half = (sorted.length - 1) / 2;
    return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
  };
  return {
    requests: of((figures) => figures.requests),
    requestsPerSecond: of((figures) => figures.requestsPerSecond),
    p50Ms: of((figures) => figures.p50Ms),
    p99Ms: of((figures) => figures.p99Ms),
    cpuUs: of((figures) => figures.cpuUs),
    clientCores: of((figures) => figures.clientCores),
    changes: of((figures) => figures.changes),
  };
}

/** The heads of the table's columns. */
export const HEADER: string =
  `${"work".padEnd(14)}${"".padEnd(12)}${"per second".padStart(12)}${"p50 ms".padStart(9)}` +
  `${"p99 ms".padStart(9)}${"CPU us".padStart(9)}${"clients".padStart(9)}`;

/** The lines of a row: each target's figures, and Edgekeeper's throughput and latencies as multiples of ZooKeeper's. */
export function rowLines({ work, shape, figures }: Row): readonly string[] {
  const name = `${work} ${shape.sessions}x${shape.outstanding}`;
  const lines = Object.entries(figures).map(([target, found], index) => {
    const { requestsPerSecond, p50Ms, p99Ms, cpuUs, clientCores } = found;
    const numbers = [
      String(Math.round(requestsPerSecond)).padStart(12),
      p50Ms.toFixed(2).padStart(9),
      p99Ms.toFixed(2).padStart(9),
      cpuUs.toFixed(0).padStart(9),
      `${Math.round(clientCores * 100)}%`.padStart(9),
    ];
    return `${(index === 0 ? name : "").padEnd(14)}${target.padEnd(12)}${numbers.join("")}`;
  });
  const { zookeeper, edgekeeper } = figures;
  if (zookeeper === undefined || edgekeeper === undefined) return lines;
  const ratio = (pick: (one: Figures) => number): string =>
    `${(pick(edgekeeper) / pick(zookeeper)).toFixed(2)}x`;
  const ratios = [
    ratio((one) => one.requestsPerSecond).padStart(12),
    ratio((one) => one.p50Ms).padStart(9),
    ratio((one) => one.p99Ms).padStart(9),
    ratio((one) => one.cpuUs).padStart(9),
  ];
  return [...lines, `${"".padEnd(14)}${"ratio".padEnd(12)}${ratios.join("")}`];
}
