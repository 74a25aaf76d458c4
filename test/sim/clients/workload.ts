/** What workers work with: markers that nobody else writes, data, chance, and the znodes that all share. */
import { OPEN_ACL } from "../../../src/base/acl.ts";
import type { Grant } from "../../../src/base/grant.ts";
import { must } from "../../../src/base/assert.ts";
import type { CreateRequest } from "../../../src/base/request.ts";
import type { Rng } from "../../../src/base/rng.ts";
import type { ClientPlan } from "./client-plan.ts";
import type { SessionClient } from "./session-client.ts";

/** One kind of work. */
export interface Workload {
  /** Asks for one thing, or for a few that belong together, by a session that is connected. */
  act(session: SessionClient): void;
}

/** The flags of a create. */
export const FLAGS = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  ttlSequential: 6,
} as const;

/** Where the znodes of each kind of work lie. All but the registers stand from the start. */
export const PLACES = {
  /** Set, created and deleted by all, one operation each. */
  registers: "/r",
  /** Parents of sequential and ephemeral znodes. */
  parents: "/q",
  /** Pairs of znodes that are only ever set both at once. */
  pairs: "/m",
  /** TTL znodes and containers. */
  idle: "/i",
  /** What is made by callers without a connection. */
  called: "/called",
  /** Queues for locks. */
  locks: "/locks",
  /** What the holder of a lock sets, each under the lock's number. */
  fenced: "/fenced",
} as const;

/** What callers contend for besides locks; the service makes both where they are missing. */
export const CONTESTS = { pool: "/called/pool", election: "/called/election" } as const;

/** What the tokens of a run let their bearers do. */
export const TOKEN_GRANTS: readonly Grant[] = [{ prefix: PLACES.called, permissions: ["read", "write"] }];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes. */
export function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? "(null)" : decoder.decode(bytes);
}

/** A create that everybody may read. */
export function createOf(path: string, data: Uint8Array, flags: number = FLAGS.persistent): CreateRequest {
  return { op: "create", path, data, acl: OPEN_ACL, flags, ttlMs: 0 };
}

/** The one with the number of all such znodes. */
export function numbered(place: string, index: number): string {
  return `${place}/${index}`;
}

/** What the work of one client has in common. */
export class WorkContext {
  readonly name: string;
  readonly plan: ClientPlan;
  readonly rng: Rng;
  #serial = 0;

  constructor(name: string, plan: ClientPlan, rng: Rng) {
    this.name = name;
    this.plan = plan;
    this.rng = rng;
  }

  /** A text that no other operation of the run writes: `c3.17`. */
  marker(): string {
    return `${this.name}.${++this.#serial}`;
  }

  /** Bytes that begin with a new marker; now and then very many. */
  data(): Uint8Array {
    return this.dataOf(this.marker());
  }

  /** Bytes that begin with the marker; now and then very many. */
  dataOf(marker: string): Uint8Array {
    const { largeEvery, largeBytes } = this.plan;
    const isLarge = largeEvery > 0 && this.rng.below(largeEvery) === 0;
    return bytesOf(isLarge ? `${marker} `.padEnd(largeBytes, "x") : marker);
  }

  /** One of the list. */
  pick<T>(list: readonly T[]): T {
    return must(list[this.rng.below(list.length)], "something to pick");
  }

  /** The path of one of the registers. */
  register(): string {
    return numbered(PLACES.registers, this.rng.below(this.plan.registers));
  }

  /** The path of one of the parents. */
  parent(): string {
    return numbered(PLACES.parents, this.rng.below(this.plan.parents));
  }
}

/** A list of the last few things that were put in. */
export class Recent<T> {
  readonly #items: T[] = [];
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    if (this.#items.length === this.#countMax) this.#items.shift();
    this.#items.push(item);
  }

  /** Takes one out, by its place from the oldest; undefined where there is none. */
  take(index: number): T | undefined {
    return this.#items.splice(index, 1)[0];
  }
}
