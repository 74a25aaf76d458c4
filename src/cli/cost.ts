/** `npm run cost`: what an ensemble costs in a month, from what was measured and the public prices. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Bill, billOf, type Measured, PRICES, type Prices, type Usage } from "./cost-model.ts";
import { MEASURED } from "./cost-measured.ts";
import { StartError } from "./start-error.ts";

const USAGE = `What an Edgekeeper ensemble costs in a month of thirty days, beside three machines with ZooKeeper.

  npm run cost -- --sessions 1000 --writes 10/s

  --sessions N        clients that hold a WebSocket (0)
  --writes RATE       by them, such as 10/s, 600/min, 100/h, 5/d (0)
  --reads RATE        by them (0)
  --http-writes RATE  by callers without a connection (0)
  --http-reads RATE   (0)
  --locks RATE        acquired and released over HTTP (0)
  --batched           writes come many at a time, and share their rows
  --hours N           in use, of a day: rates are of these hours, and the ensemble sleeps in the others (24)
  --wakes N           how often a day it is woken while it sleeps (0)
  --ping SECONDS      a connected client that asks for nothing sends a ping so often (a third of its timeout: 10)
  --dormant-after S   DORMANT_AFTER_MS, in seconds (60)
  --stored GB         in each replica (0.1)
  --voters N          (3)
  --observers N       (0)
  --vm USD            a small machine a month, of which ZooKeeper takes three: an assumption (15)
  --prices FILE       JSON of prices that are others by now: ${Object.keys(PRICES).slice(1, 4).join(", ")}, ...
  --json              the figures as JSON
  --help, -h          this text

docs/cost.md tells what is counted, and where the figures come from.
`;

const PER_SECOND: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

function main(args: readonly string[]): number {
  try {
    const values = parse(args);
    if (values.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    const usage = usageOf(values);
    const prices = readPrices(values.prices);
    const bill = billOf(usage, MEASURED, prices);
    const machinesUsd = 3 * numberOf("vm", values.vm ?? "15", 0);
    const told = values.json === true ? jsonOf(bill, machinesUsd, MEASURED) : tableOf(bill, machinesUsd);
    process.stdout.write(`${told}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`edgekeeper: ${error.message}`);
    return 1;
  }
}

/** What the command line may say. */
type Flags = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        sessions: { type: "string" },
        writes: { type: "string" },
        reads: { type: "string" },
        "http-writes": { type: "string" },
        "http-reads": { type: "string" },
        locks: { type: "string" },
        batched: { type: "boolean" },
        hours: { type: "string" },
        wakes: { type: "string" },
        ping: { type: "string" },
        "dormant-after": { type: "string" },
        stored: { type: "string" },
        voters: { type: "string" },
        observers: { type: "string" },
        vm: { type: "string" },
        prices: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

function usageOf(flags: Flags): Usage {
  const voters = numberOf("voters", flags.voters ?? "3", 1);
  if (![1, 3, 5, 7].includes(voters))
    throw new StartError(`--voters is "${voters}": it must be 1, 3, 5 or 7`);
  return {
    voters,
    observers: numberOf("observers", flags.observers ?? "0", 0),
    sessions: numberOf("sessions", flags.sessions ?? "0", 0),
    pingS: numberOf("ping", flags.ping ?? "10", 0.1),
    writesPerS: rateOf("writes", flags.writes),
    readsPerS: rateOf("reads", flags.reads),
    httpWritesPerS: rateOf("http-writes", flags["http-writes"]),
    httpReadsPerS: rateOf("http-reads", flags["http-reads"]),
    lockCyclesPerS: rateOf("locks", flags.locks),
    isBatched: flags.batched ?? false,
    hoursPerDay: numberOf("hours", flags.hours ?? "24", 0, 24),
    wakesPerDay: numberOf("wakes", flags.wakes ?? "0", 0),
    dormantAfterS: numberOf("dormant-after", flags["dormant-after"] ?? "60", 0),
    storedGb: numberOf("stored", flags.stored ?? "0.1", 0, 10),
  };
}

function numberOf(name: string, text: string, min: number, max = Number.MAX_VALUE): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_VALUE ? `from ${min} on` : `from ${min} to ${max}`;
  throw new StartError(`--${name} is "${text}": it must be a number ${range}`);
}

/** As a number a second. */
function rateOf(name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(?:\/(s|min|h|d))?$/.exec(text) ?? [];
  const seconds = PER_SECOND[unit];
  if (amount === undefined || seconds === undefined) {
    throw new StartError(`--${name} is "${text}": it must be a rate such as 10/s, 600/min, 100/h or 5/d`);
  }
  return Number(amount) / seconds;
}

function readPrices(file: string | undefined): Prices {
  if (file === undefined) return PRICES;
  let told: unknown;
  try {
    told = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new StartError(`--prices ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const known = new Set(Object.keys(PRICES));
  const entries = Object.entries(typeof told === "object" && told !== null ? told : { [String(told)]: told });
  for (const [name, value] of entries) {
    if (known.has(name) && typeof value === "number" && value >= 0) continue;
    throw new StartError(`--prices ${file}: "${name}" must be one of ${[...known].join(", ")}, and a number`);
  }
  return { ...PRICES, ...Object.fromEntries(entries) };
}

function jsonOf(bill: Bill, machinesUsd: number, measured: Measured): string {
  return JSON.stringify({ ...bill, machinesUsd, measured }, null, 2);
}

function tableOf({ charges, planUsd, totalUsd, awakeS, awakePart }: Bill, machinesUsd: number): string {
  const rows = charges.map(({ what, amount, included, usd }) => [
    what,
    short(amount),
    short(included),
    money(usd),
  ]);
  const table = [["a month", "used", "included", "USD"], ...rows, ["the plan", "", "", money(planUsd)]];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  "),
  );
  const awake = `in memory ${short(awakeS / 3600)} hours, ${(awakePart * 100).toFixed(1)}% of the time`;
  return [
    ...lines,
    "",
    `${money(totalUsd)} USD a month: each replica is ${awake}`,
    `${money(machinesUsd)} USD a month for three small machines with ZooKeeper (an assumption: --vm)`,
  ].join("\n");
}

function money(usd: number): string {
  return usd.toFixed(2);
}

/** Such as 12.3 M. */
function short(amount: number): string {
  if (amount >= 1e9) return `${(amount / 1e9).toFixed(1)} G`;
  if (amount >= 1e6) return `${(amount / 1e6).toFixed(1)} M`;
  if (amount >= 1e4) return `${(amount / 1e3).toFixed(1)} k`;
  return Number.isInteger(amount) ? String(amount) : amount.toFixed(amount < 10 ? 2 : 0);
}

process.exitCode = main(process.argv.slice(2));
