/**
 * What clients in each region would see of an ensemble that is placed so: the simulator runs the code that ships, with
 * the round trips of that placement between its replicas. A client's own way to its nearest replica is added, as the
 * gateway runs where the client is.
 */
import { must } from "../../base/assert.ts";
import { OPEN_ACL } from "../../base/acl.ts";
import type { Sid } from "../../base/ids.ts";
import { ZXID_ZERO } from "../../base/zxid.ts";
import type { CallAnswer, CallRequest } from "../../keeper/call.ts";
import { World } from "../../world/world.ts";
import { between, type RoundTrips } from "./round-trips.ts";

/** Where replicas are: voters first, by sid from 1 on. */
export interface Placed {
  readonly voters: readonly string[];
  readonly observers: readonly string[];
  /** Who leads, by its place among the voters; the last one unless told. */
  readonly leader?: number | undefined;
}

/** What clients of one region see, medians in ms. */
export interface RegionForecast {
  readonly region: string;
  /** The replica that is asked first, and the way there and back. */
  readonly nearest: string;
  readonly wayMs: number;
  readonly readMs: number;
  readonly linearizableMs: number;
  readonly writeMs: number;
}

/** See the file's comment. */
export interface Forecast {
  readonly leader: string;
  readonly regions: readonly RegionForecast[];
  /** From the leader's death, and from the moment when it falls silent, until another one has acknowledged a write. */
  readonly gapAfterDeathMs: number;
  readonly gapAfterSilenceMs: number;
}

const SAMPLES = 15;
const SERVE_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 30_000;
/** Between two attempts of who finds no leader. */
const RETRY_MS = 20;

/** Runs it. The clients' regions are those named. */
export function forecast(placed: Placed, regions: readonly string[], trips: RoundTrips): Forecast {
  const calm = new Trial(placed, trips);
  const nearest = regions.map((region) => ({ region, ...calm.nearestTo(region) }));
  const bySid = new Map<Sid, Omit<RegionForecast, "region" | "nearest" | "wayMs">>();
  for (const { sid } of nearest) if (!bySid.has(sid)) bySid.set(sid, calm.latencies(sid));
  const forecasts = nearest.map(({ region, sid, wayMs }) => {
    const own = must(bySid.get(sid), "what a replica takes");
    return {
      region,
      nearest: calm.regionOf(sid),
      wayMs,
      readMs: wayMs + own.readMs,
      linearizableMs: wayMs + own.linearizableMs,
      writeMs: wayMs + own.writeMs,
    };
  });
  const leader = calm.regionOf(calm.leader);
  calm.close();
  const gaps = (["crash", "freeze"] as const).map((kind) => {
    const trial = new Trial(placed, trips);
    const gapMs = placed.voters.length > 1 ? trial.gapAfter(kind) : Number.NaN;
    trial.close();
    return gapMs;
  });
  const [gapAfterDeathMs = Number.NaN, gapAfterSilenceMs = Number.NaN] = gaps;
  return { leader, regions: forecasts, gapAfterDeathMs, gapAfterSilenceMs };
}

/** One world that serves. */
class Trial {
  readonly #world: World;
  readonly #regions: readonly string[];
  readonly #trips: RoundTrips;
  #written = 0;

  constructor({ voters, observers, leader = voters.length - 1 }: Placed, trips: RoundTrips) {
    // Of equals the highest sid leads: who is to lead gets it.
    const chosen = must(voters[leader], "a voter");
    const ordered = [...voters.filter((_, at) => at !== leader), chosen];
    this.#regions = [...ordered, ...observers];
    this.#trips = trips;
    this.#world = new World({
      voters: voters.length,
      observers: observers.length,
      clientDelayMs: 0,
      // The register is asked once, at the first start: 0, wherever it is.
      roundTripMs: (a, b) => (a * b === 0 ? 0 : between(trips, this.regionOf(a), this.regionOf(b))),
    }).startAll();
    this.#world.until("serves", () => this.#world.isServing(), SERVE_LIMIT_MS);
  }

  get leader(): Sid {
    return must(this.#world.leader(), "a leader");
  }

  regionOf(sid: Sid): string {
    return must(this.#regions[sid - 1], `where replica ${sid} is`);
  }

  nearestTo(region: string): { readonly sid: Sid; readonly wayMs: number } {
    const ways = this.#world.sids.map((sid) => ({
      sid,
      wayMs: between(this.#trips, region, this.regionOf(sid)),
    }));
    return must(ways.toSorted((a, b) => a.wayMs - b.wayMs)[0], "a replica");
  }

  /** At one replica, from when a call is there until it is answered. */
  latencies(sid: Sid): {
    readonly readMs: number;
    readonly linearizableMs: number;
    readonly writeMs: number;
  } {
    const read = { op: "getData", path: "/", watch: false } as const;
    return {
      readMs: this.#medianMs(sid, () => ({ kind: "read", request: read, isLinearizable: false })),
      linearizableMs: this.#medianMs(sid, () => ({ kind: "read", request: read, isLinearizable: true })),
      writeMs: this.#medianMs(sid, () => this.#creation()),
    };
  }

  /** From a fault of the leader until a write is acknowledged by another. */
  gapAfter(kind: "crash" | "freeze"): number {
    const world = this.#world;
    const sid = this.leader;
    this.#medianMs(sid, () => this.#creation());
    const fromMs = world.nowMs;
    if (kind === "crash") world.apply({ kind, sid, kept: 0, downMs: SERVE_LIMIT_MS });
    else world.apply({ kind, sid, forMs: SERVE_LIMIT_MS });
    const asked = must(
      world.sids.find((other) => other !== sid),
      "another replica",
    );
    while (world.nowMs - fromMs < SERVE_LIMIT_MS) {
      const answer = this.#ask(asked, this.#creation());
      if (isDone(answer)) return world.nowMs - fromMs;
      world.run(RETRY_MS);
    }
    throw new Error("no leader within a minute");
  }

  close(): void {
    this.#world.close();
  }

  #creation(): CallRequest {
    const node = { path: `/${++this.#written}`, data: new Uint8Array(100), acl: OPEN_ACL };
    return { kind: "write", request: { op: "create", ...node, flags: 0, ttlMs: 0 } };
  }

  #medianMs(sid: Sid, request: () => CallRequest): number {
    const took = Array.from({ length: SAMPLES }, () => {
      const fromMs = this.#world.nowMs;
      if (!isDone(this.#ask(sid, request()))) throw new Error(`replica ${sid} does not answer`);
      return this.#world.nowMs - fromMs;
    });
    return must(took.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)], "a median");
  }

  #ask(sid: Sid, request: CallRequest): CallAnswer | "lost" | undefined {
    let told: CallAnswer | "lost" | undefined;
    this.#world.call(
      sid,
      { session: undefined, minZxid: ZXID_ZERO, request },
      { told: (one) => (told = one) },
    );
    this.#world.tryUntil(() => told !== undefined, ANSWER_LIMIT_MS);
    return told;
  }
}

function isDone(answer: CallAnswer | "lost" | undefined): boolean {
  return answer !== undefined && answer !== "lost" && answer.kind === "answered" && answer.code === 0;
}
