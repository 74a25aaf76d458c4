/** `npm run plan`: what clients around the world would see of an ensemble that is placed so. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { forecast, type Forecast, type Placed } from "./predict.ts";
import { HINTS, ROUND_TRIPS, type RoundTrips } from "./round-trips.ts";

const USAGE = `What clients in each region would see of an ensemble that is placed so, by the simulator.

  npm run plan -- --placement weur,enam,apac

  --placement LIST    location hints of the voters, by sid from 1 on: 1, 3 or 5 of ${HINTS.join(", ")}
  --observers LIST    and of the observers (none)
  --leader HINT       which of the voters leads; each in turn unless given
  --clients LIST      regions of clients (all)
  --round-trips FILE  JSON such as {"weur-enam": 84}: round trips in ms that are known better
  --json              the figures as JSON
  --help, -h          this text

test/plan/round-trips.ts tells where the round trips come from: of other providers' regions, or reckoned.
`;

/** What the command line asks for. */
interface Order {
  readonly placed: Placed;
  readonly leaders: readonly number[];
  readonly clients: readonly string[];
  readonly trips: RoundTrips;
  readonly isJson: boolean;
}

function main(args: readonly string[]): number {
  let order: Order | undefined;
  try {
    order = orderOf(args);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    console.error(`plan: ${error.message}`);
    return 1;
  }
  if (order === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { placed, leaders, clients, trips } = order;
  const forecasts = leaders.map((leader) => forecast({ ...placed, leader }, clients, trips));
  const told = order.isJson ? JSON.stringify(forecasts, null, 2) : forecasts.map(tableOf).join("\n\n");
  process.stdout.write(`${told}\n`);
  return 0;
}

function orderOf(args: readonly string[]): Order | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      placement: { type: "string" },
      observers: { type: "string" },
      leader: { type: "string" },
      clients: { type: "string" },
      "round-trips": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return undefined;
  const voters = hints("--placement", values.placement ?? "");
  if (![1, 3, 5].includes(voters.length)) {
    throw new RangeError(
      `--placement lists ${voters.length} hints: voters are 1, 3 or 5, as in weur,enam,apac`,
    );
  }
  const observers = hints("--observers", values.observers ?? "");
  const clients = values.clients === undefined ? HINTS : hints("--clients", values.clients);
  const all = voters.map((_, at) => at);
  const leaders = values.leader === undefined ? all : all.filter((at) => voters[at] === values.leader);
  if (leaders.length === 0) {
    throw new RangeError(`--leader is "${values.leader ?? ""}": it must be one of --placement`);
  }
  const trips = { ...ROUND_TRIPS, ...readRoundTrips(values["round-trips"]) };
  // Two voters in one region lead alike.
  const distinct = leaders.filter((at) => voters.indexOf(voters[at] ?? "") === at);
  return { placed: { voters, observers }, leaders: distinct, clients, trips, isJson: values.json };
}

function hints(option: string, text: string): readonly string[] {
  const items = text.split(",").map((item) => item.trim());
  const known = items.filter((item) => item !== "");
  const wrong = known.find((item) => !HINTS.some((hint) => hint === item));
  if (wrong !== undefined) {
    throw new RangeError(`${option} has "${wrong}": the location hints are ${HINTS.join(", ")}`);
  }
  return known;
}

function readRoundTrips(file: string | undefined): RoundTrips {
  if (file === undefined) return {};
  let told: unknown;
  try {
    told = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new RangeError(`--round-trips ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const found: Record<string, number> = {};
  for (const [pair, ms] of Object.entries(typeof told === "object" && told !== null ? told : {})) {
    const [a = "", b = "", ...more] = pair.split("-");
    const isPair = more.length === 0 && [a, b].every((name) => HINTS.some((hint) => hint === name));
    if (!isPair || typeof ms !== "number" || !(ms >= 0 && ms < 10_000)) {
      throw new RangeError(
        `--round-trips ${file}: "${pair}" must be two hints, as in weur-enam, and its value ms`,
      );
    }
    for (const name of [`${a}-${b}`, `${b}-${a}`]) if (name in ROUND_TRIPS) found[name] = ms;
  }
  return found;
}

function tableOf({ leader, regions, gapAfterDeathMs, gapAfterSilenceMs }: Forecast): string {
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
  return [`${leader} leads: ${gaps}`, ...lines].join("\n");
}

function rounded(ms: number): string {
  return `${Math.round(ms)} ms`;
}

process.exitCode = main(process.argv.slice(2));
