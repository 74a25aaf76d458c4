/** A run's verdict as lines for people. */
import type { ChaosReport } from "./chaos.ts";

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
export function reportLines({ faults, violations, totals }: ChaosReport): readonly string[] {
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
    ...totalLines(totals),
    ...violations.slice(0, SHOWN_MAX).flatMap(({ message }) => ["", `VIOLATION ${message}`]),
    "",
    verdictLine(violations.length),
    "",
  ];
}

/** The sums of several rounds. */
export function summaryLines(reports: readonly ChaosReport[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const { totals } of reports) {
    for (const [what, count] of Object.entries(totals)) sums.set(what, (sums.get(what) ?? 0) + count);
  }
  const faults = reports.reduce((sum, report) => sum + report.faults.length, 0);
  const violations = reports.reduce((sum, report) => sum + report.violations.length, 0);
  const heads = { rounds: reports.length, faults };
  return [...totalLines({ ...heads, ...Object.fromEntries(sums) }), "", verdictLine(violations)];
}

function totalLines(totals: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(totals).map(([what, count]) => `${what}: ${count}`);
}

function verdictLine(violations: number): string {
  if (violations > 0) return `${violations} violations`;
  return "nothing lost, nothing doubled, no lock held twice";
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
