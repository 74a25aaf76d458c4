/** Where replicas are to live, and how far that is from a caller. */
import type { Sid } from "./ids.ts";
import type { Variables } from "./variables.ts";

/**
 * Where each of Cloudflare's location hints is, by latitude and longitude of one city in it: what a hint names is a
 * region, so a distance from here is a guess, good for saying which of several is the nearest.
 * Source: Cloudflare, Durable Objects, "Data location", the list of hints.
 */
export const LOCATIONS: Readonly<Record<Location, Point>> = {
  wnam: { latitude: 37, longitude: -122 },
  enam: { latitude: 39, longitude: -77 },
  sam: { latitude: -23, longitude: -47 },
  weur: { latitude: 50, longitude: 8 },
  eeur: { latitude: 52, longitude: 21 },
  apac: { latitude: 22, longitude: 114 },
  oc: { latitude: -34, longitude: 151 },
  afr: { latitude: -26, longitude: 28 },
  me: { latitude: 25, longitude: 55 },
};

/** A location hint. */
export type Location = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

/** A place on Earth, in degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Where replicas are asked to be made; those that are not named are made near whoever asks first. */
export type Placement = ReadonlyMap<Sid, Location>;

/** A round trip over so many kilometres takes a millisecond, detours of cables included. */
const KILOMETRES_PER_MS = 70;

const EARTH_RADIUS_KM = 6371;

/** About how long a message takes there and back, in ms. */
export function roundTripMs(from: Point, to: Point): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const haversine = (angle: number): number => Math.sin(angle / 2) ** 2;
  const turn = radians(to.longitude - from.longitude);
  const squared = haversine(b - a) + Math.cos(a) * Math.cos(b) * haversine(turn);
  return (2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, squared)))) / KILOMETRES_PER_MS;
}

/**
 * Reads PLACEMENT, such as `1=weur,2=enam`. Throws what `refuse` makes of it where an item is no `sid=hint`, or a sid
 * stands there twice.
 */
export function readPlacementWith(
  variables: Pick<Variables, "PLACEMENT">,
  refuse: (name: "PLACEMENT", value: string, remedy: string) => Error,
): Placement {
  const text = variables.PLACEMENT ?? "";
  const placement = new Map<Sid, Location>();
  for (const item of text.split(",").map((part) => part.trim())) {
    if (item === "") continue;
    const [, sid, location] = /^(\d{1,3})\s*=\s*([a-z]+)$/.exec(item) ?? [];
    if (sid === undefined || location === undefined || !isLocation(location) || placement.has(Number(sid))) {
      const hints = Object.keys(LOCATIONS).join(", ");
      throw refuse("PLACEMENT", text, `it must list sid=hint, such as "1=weur,2=enam"; hints are ${hints}`);
    }
    placement.set(Number(sid), location);
  }
  return placement;
}

function isLocation(text: string): text is Location {
  return Object.hasOwn(LOCATIONS, text);
}
