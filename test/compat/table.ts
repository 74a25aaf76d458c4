/**
 * The table at the end of a run: one row per check, one column per server, messages of failures below, the
 * count last.
 */
import { ALL_CHECKS, SETUP_CHECK, START_CHECK } from "./checks.ts";
import type { ClientReport, Outcome } from "./checks.ts";
import { WORD_TITLES } from "./words.ts";

/** All that was done against one server. */
export interface ServerReport {
  readonly server: string;
  readonly reports: readonly ClientReport[];
}

const TITLES = new Map(
  [START_CHECK, SETUP_CHECK, ...ALL_CHECKS, ...WORD_TITLES].map((check) => [check.id, check.title]),
);

/** Renders the reports. Rows are in the order of the first server's. */
export function renderTable(servers: readonly ServerReport[]): string {
  const lines: string[] = [];
  const notes: string[] = [];
  const rows = rowsOf(servers);
  const width = Math.max(...rows.map((row) => titleOf(row.check).length)) + 4;
  const columns = servers.map((server) => server.server.padEnd(18)).join("");
  lines.push(" ".repeat(width) + columns.trimEnd());
  let client = "";
  for (const row of rows) {
    if (row.client !== client) {
      client = row.client;
      lines.push(client);
    }
    const outcomes = servers.map((server) => findOutcome(server, row));
    lines.push(`  ${titleOf(row.check)}`.padEnd(width) + outcomes.map(renderCell).join("").trimEnd());
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome?.verdict !== "fail") continue;
      notes.push(
        `FAIL ${servers[index]?.server ?? ""}: ${client}: ${titleOf(row.check)}\n${indent(outcome.detail)}`,
      );
    }
  }
  const reasons = rows.flatMap((row) => reasonsOf(row, servers));
  return [...lines, "", ...(reasons.length > 0 ? ["n/a:", ...reasons, ""] : []), ...notes].join("\n");
}

/** Passed and failed cells of all servers; a cell that is n/a is neither. */
export function count(servers: readonly ServerReport[]): { passed: number; failed: number } {
  const outcomes = servers.flatMap((server) => server.reports.flatMap((report) => report.outcomes));
  return {
    passed: outcomes.filter((outcome) => outcome.verdict === "ok").length,
    failed: outcomes.filter((outcome) => outcome.verdict === "fail").length,
  };
}

interface Row {
  readonly client: string;
  readonly check: string;
}

function rowsOf(servers: readonly ServerReport[]): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const report of servers.flatMap((server) => server.reports)) {
    for (const outcome of report.outcomes) {
      const row = { client: report.client, check: outcome.check };
      rows.set(`${row.client} ${row.check}`, row);
    }
  }
  return [...rows.values()];
}

function findOutcome(server: ServerReport, row: Row): Outcome | undefined {
  const report = server.reports.find((candidate) => candidate.client === row.client);
  return report?.outcomes.find((outcome) => outcome.check === row.check);
}

function titleOf(check: string): string {
  return TITLES.get(check) ?? check;
}

function renderCell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "-".padEnd(18);
  if (outcome.verdict === "n/a") return "n/a".padEnd(18);
  const word = outcome.verdict === "ok" ? "ok" : "FAIL";
  return `${word.padEnd(5)}${Math.round(outcome.elapsedMs)} ms`.padEnd(18);
}

/** The reason is the client's, the same at every server: said once. */
function reasonsOf(row: Row, servers: readonly ServerReport[]): readonly string[] {
  for (const server of servers) {
    const outcome = findOutcome(server, row);
    if (outcome?.verdict === "n/a") return [`  ${row.client}: ${titleOf(row.check)}: ${outcome.detail}`];
  }
  return [];
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}
