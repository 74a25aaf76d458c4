/**
 * How long a message takes there and back between Cloudflare's location hints, in ms. Cloudflare publishes no such
 * figures: these are of other providers' regions in the same places, as stand-ins. Who has measured better ones hands
 * them in by a file (`--round-trips`).
 *
 * Sources:
 *  - CloudPing, "AWS Region Latency Matrix" (cloudping.co, read in November 2026; medians over a day), all pairs with
 *    apac (ap-east-1, Hong Kong) or afr (af-south-1, Cape Town); the others' stand-ins there: wnam us-west-1, enam
 *    us-east-1, sam sa-east-1, weur eu-central-1, eeur eu-north-1, oc ap-southeast-2, me me-central-1;
 *  - IBM Cloud, "Network latency dashboards", average of 17 August to 15 September 2024: enam (Washington DC), weur
 *    (Frankfurt), sam (Sao Paulo), oc (Sydney) among each other;
 *  - all other pairs are reckoned: the great circle between the cities of src/base/placement.ts at 70 km for a ms, by
 *    1.25, which is the median of how much longer the measured ones take than that.
 */
import { LOCATIONS, type Location, roundTripMs } from "../../base/placement.ts";

/** Pairs, in the order of HINTS. */
export type RoundTrips = Readonly<Record<string, number>>;

/** All location hints. */
export const HINTS: readonly Location[] = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"];

const MEASURED: RoundTrips = {
  "wnam-apac": 155,
  "wnam-afr": 287,
  "enam-sam": 118,
  "enam-weur": 91,
  "enam-apac": 202,
  "enam-oc": 214,
  "enam-afr": 227,
  "sam-weur": 197,
  "sam-apac": 312,
  "sam-oc": 327,
  "sam-afr": 337,
  "weur-apac": 199,
  "weur-oc": 250,
  "weur-afr": 155,
  "eeur-apac": 213,
  "eeur-afr": 175,
  "apac-oc": 125,
  "apac-afr": 238,
  "apac-me": 121,
  "oc-afr": 295,
  "afr-me": 127,
};

/** What cables' detours add to the great circle. */
const DETOUR = 1.25;

/** Within a region: two data centers of one city, or of two that are near. */
const WITHIN_MS = 2;

/** All pairs that there are; a region with itself as well. */
export const ROUND_TRIPS: RoundTrips = Object.fromEntries(
  HINTS.flatMap((a, at) =>
    HINTS.slice(at).map((b) => {
      const reckoned = Math.round(roundTripMs(LOCATIONS[a], LOCATIONS[b]) * DETOUR);
      return [`${a}-${b}`, a === b ? WITHIN_MS : (MEASURED[`${a}-${b}`] ?? reckoned)];
    }),
  ),
);

/** Between two regions, whichever is named first. */
export function between(trips: RoundTrips, a: string, b: string): number {
  const found = trips[`${a}-${b}`] ?? trips[`${b}-${a}`];
  if (found === undefined) throw new RangeError(`nobody told the round trip between ${a} and ${b}`);
  return found;
}
