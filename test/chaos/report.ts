/** A run's verdict as lines for people. */
import { type ChaosReport, violationLines } from "./chaos.ts";

/** Violations told in full. */
const SHOWN_MAX = 20;

const HEADS = [
  "fault",
  "longest gap ms",
  "one client's",
  "recovered ms",
  "acked writes",
  "unknown",
  "no quorum ms",
];

/** A table of the faults, the totals, and what was broken. */
export function reportLines({ faults, violations, history, totals }: ChaosReport): readonly string[] {
  const rows = faults.map((fault) => [
    fault.fault,
    fault.ensembleMs.toFixed(0),
    fault.clientMs.toFixed(0),
    fault.recoveredMs.toFixed(0),
    String(fault.acknowledged),
    String(fault.unknown),
    fault.withoutQuorumMs === 0 ? "" : fault.withoutQuorumMs.toFixed(0),
  ]);
  return [
    "",
    ...tableLines([HEADS, ...rows]),
    "",
    ...Object.entries(totals).map(([what, count]) => `${what}: ${count}`),
    ...violations.slice(0, SHOWN_MAX).flatMap((broken) => ["", ...violationLines(broken, history)]),
    "",
    violations.length === 0 ? "nothing lost" : `${violations.length} violations`,
    "",
  ];
}

/** The first column stands left, numbers right. */
function tableLines(table: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADS.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return cells.join(" | ");
  });
}
