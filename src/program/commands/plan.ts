/** `edgekeeper plan`: what clients around the world would see of an ensemble that is placed so. */
import { type Command, Option } from "commander";

import { ProgramError } from "../exit-code.ts";
import { Output } from "../output.ts";
import type { Forecast, forecast as ForecastFunction } from "../plan/forecast.ts";
import { placementOrder, type PlanOptions } from "../plan/placement-order.ts";
import { HINTS } from "../plan/round-trips.ts";

const ABOUT =
  "Predict what clients around the world would see of an ensemble before it is deployed: the replicas' own code is " +
  "run here, in simulated time, with the round trips between their regions. These are of other providers' regions in " +
  "the same places, or reckoned from the distance, unless --round-trips tells better ones.";

/** Adds the command to the program. */
export function addPlanCommand(program: Command): void {
  program
    .command("plan")
    .summary("predict latencies of a placement")
    .description(ABOUT)
    .requiredOption(
      "--placement <hints>",
      `where the voters are, by sid from 1 on: 1, 3 or 5 of ${HINTS.join(", ")}`,
    )
    .option("--observers <hints>", "where the observers are (default: there are none)")
    .addOption(
      new Option("--leader <hint>", "which of the voters leads (default: each in turn)").choices(HINTS),
    )
    .option("--clients <hints>", "where clients are (default: all)")
    .option("--round-trips <file>", 'JSON such as {"weur-enam": 84}: round trips in ms that are known better')
    .option("--json", "print JSON, for programs")
    .action(plan);
}

async function plan(options: PlanOptions): Promise<void> {
  const { placed, leaders, clients, trips } = await placementOrder(options);
  const forecast = await simulation();
  const forecasts = leaders.map((leader) => forecast({ ...placed, leader }, clients, trips));
  const lines = forecasts.flatMap((one, at) => [...(at === 0 ? [] : [""]), ...tableOf(one)]);
  new Output(options).print(forecasts, lines);
}

/** Loaded where it is asked for: younger runtimes alone have what it takes. Throws ProgramError. */
async function simulation(): Promise<typeof ForecastFunction> {
  // Nothing else warns here, and that Node calls its SQLite experimental is nobody's concern: it is a disk in memory.
  process.removeAllListeners("warning");
  try {
    return (await import("../plan/forecast.ts")).forecast;
  } catch (error) {
    const isMissing =
      error instanceof Error && "code" in error && error.code === "ERR_UNKNOWN_BUILTIN_MODULE";
    if (!isMissing) throw error;
    throw new ProgramError(
      `plan runs the replicas on node:sqlite, which Node 22.13 and later have: this is ${process.version}`,
      { cause: error },
    );
  }
}

function tableOf({ leader, regions, gapAfterDeathMs, gapAfterSilenceMs }: Forecast): readonly string[] {
  const header = ["clients in", "nearest", "read", "linearizable", "write"];
  const rows = regions.map(({ region, nearest, readMs, linearizableMs, writeMs }) => [
    region,
    nearest,
    ...[readMs, linearizableMs, writeMs].map(rounded),
  ]);
  const widths = header.map((_, at) => Math.max(...[header, ...rows].map((row) => (row[at] ?? "").length)));
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  "),
  );
  const gaps = Number.isNaN(gapAfterDeathMs)
    ? "no other voter: without it nothing is written"
    : `no write for ${rounded(gapAfterDeathMs)} where it dies, ${rounded(gapAfterSilenceMs)} where it falls silent`;
  return [`${leader} leads: ${gaps}`, ...lines];
}

function rounded(ms: number): string {
  return `${Math.round(ms)} ms`;
}
