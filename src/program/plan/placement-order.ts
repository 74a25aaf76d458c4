/** What `edgekeeper plan` is asked for, read from its options. */
import { readText } from "../files.ts";
import { usageError } from "../exit-code.ts";
import type { Placed } from "./forecast.ts";
import { HINTS, ROUND_TRIPS, type RoundTrips } from "./round-trips.ts";

/** As commander reads them. */
export interface PlanOptions {
  readonly placement: string;
  readonly observers?: string | undefined;
  readonly leader?: string | undefined;
  readonly clients?: string | undefined;
  readonly roundTrips?: string | undefined;
  readonly json?: boolean | undefined;
}

/** A placement, and what is to be told of it. */
export interface PlacementOrder {
  readonly placed: Placed;
  /** Who leads in each forecast, by its place among the voters. */
  readonly leaders: readonly number[];
  readonly clients: readonly string[];
  readonly trips: RoundTrips;
}

/** More than this between two places of the earth, in ms, is no round trip. */
const ROUND_TRIP_MAX_MS = 10_000;

/** Reads the options. Throws usage errors. */
export async function placementOrder(options: PlanOptions): Promise<PlacementOrder> {
  const voters = hints("--placement", options.placement);
  if (![1, 3, 5].includes(voters.length)) {
    throw usageError(`--placement lists ${voters.length} hints: voters are 1, 3 or 5, as in weur,enam,apac`);
  }
  const observers = hints("--observers", options.observers ?? "");
  const clients = options.clients === undefined ? HINTS : hints("--clients", options.clients);
  const { leader } = options;
  const all = voters.map((_, at) => at);
  const leaders = leader === undefined ? all : all.filter((at) => voters[at] === leader);
  if (leaders.length === 0) throw usageError(`--leader is "${leader}": it must be one of --placement`);
  const trips = { ...ROUND_TRIPS, ...(await readRoundTrips(options.roundTrips)) };
  // Two voters in one region lead alike.
  const distinct = leaders.filter((at) => voters.indexOf(voters[at] ?? "") === at);
  return { placed: { voters, observers }, leaders: distinct, clients, trips };
}

function hints(option: string, text: string): readonly string[] {
  const items = text.split(",").map((item) => item.trim());
  const known = items.filter((item) => item !== "");
  const wrong = known.find((item) => !HINTS.some((hint) => hint === item));
  if (wrong !== undefined) {
    throw usageError(`${option} has "${wrong}": the location hints are ${HINTS.join(", ")}`);
  }
  return known;
}

async function readRoundTrips(file: string | undefined): Promise<RoundTrips> {
  if (file === undefined) return {};
  const text = await readText(file);
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`--round-trips ${file}: ${why}`, error);
  }
  const found: Record<string, number> = {};
  for (const [pair, ms] of Object.entries(typeof told === "object" && told !== null ? told : {})) {
    const [a = "", b = "", ...more] = pair.split("-");
    const isPair = more.length === 0 && [a, b].every((name) => HINTS.some((hint) => hint === name));
    if (!isPair || typeof ms !== "number" || !(ms >= 0 && ms < ROUND_TRIP_MAX_MS)) {
      throw usageError(
        `--round-trips ${file}: "${pair}" must be two hints, as in weur-enam, and its value ms`,
      );
    }
    for (const name of [`${a}-${b}`, `${b}-${a}`]) if (name in ROUND_TRIPS) found[name] = ms;
  }
  return found;
}
