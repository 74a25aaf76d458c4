/** The figures of `npm run bench:ensembles`, and the table that docs/placement.md makes of them. */
import type { Provenance } from "./provenance.ts";

/** One number of ensembles. */
export interface EnsembleRow {
  readonly ensembles: number;
  readonly readyMs: number;
  readonly writesPerS: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPerWrite: number;
  readonly rssMb: number;
  /** Processors busy while nobody asks. */
  readonly idleAwake: number;
  readonly idleAsleep: number;
}

/** All of one run. */
export interface EnsembleFigures extends Provenance {
  /** Requests outstanding at any time. */
  readonly callers: number;
  readonly rows: readonly EnsembleRow[];
}

/** Lines of Markdown. */
export function ensemblesTable({ rows }: EnsembleFigures): readonly string[] {
  return [
    "| ensembles | ready after | writes a second | p50 | processor time of a write | memory " +
      "| busy while nobody asks, awake | asleep |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => {
      const percent = (part: number): string => `${(part * 100).toFixed(1)}% of a core`;
      const cells = [
        row.ensembles,
        `${(row.readyMs / 1000).toFixed(1)} s`,
        Math.round(row.writesPerS),
        `${row.p50Ms.toFixed(0)} ms`,
        `${row.cpuMsPerWrite.toFixed(2)} ms`,
        `${row.rssMb.toFixed(0)} MB`,
        percent(row.idleAwake),
        percent(row.idleAsleep),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
}
