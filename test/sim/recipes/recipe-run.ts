/**
 * A run of recipes in the simulated world, under the faults that a seed deals: all that clients are told is judged
 * as in every run, and what recipes promise besides.
 */
import { must } from "../../../src/base/assert.ts";
import { type Rng, seededRng } from "../../../src/base/rng.ts";
import { zxidToBigInt } from "../../../src/base/zxid.ts";
import { SESSION_LATE_MS_MAX } from "../../../src/keeper/limits.ts";
import { CuratorCache } from "../../../src/recipes/curator-cache.ts";
import { DistributedAtomicLong } from "../../../src/recipes/distributed-atomic-long.ts";
import { SimpleDistributedQueue } from "../../../src/recipes/simple-distributed-queue.ts";
import { SessionRecipeClient } from "../../recipes/session-recipe-client.ts";
import { DriftingClock } from "../clients/client-clock.ts";
import { Recorder } from "../clients/recorder.ts";
import type { JumpAhead } from "../history/check-sessions.ts";
import { judge } from "../history/judge.ts";
import { invariants } from "../invariants/invariants.ts";
import { planFor } from "../swarm.ts";
import { Violation } from "../verdict.ts";
import { World } from "../../../src/world/world.ts";
import { judgeBarrier, RecipeBook } from "./recipe-book.ts";
import {
  LEASES_MAX,
  MEMBER_COUNT,
  OTHER_KINDS,
  RECIPE_KINDS,
  RECIPE_PLACES,
  RecipeMember,
} from "./recipe-member.ts";

const EPOCH_MS = 1_800_000_000_000;
const START_LIMIT_MS = 30_000;
const CONVERGE_LIMIT_MS = 60_000;
/** From the end of the last fault until every kind of work has gone on: a session may have to expire first. */
const GO_ON_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 60_000;
const NETWORK_LATE_MS = 1000;
/**
 * Members never rest: a shorter log would be cut off before who was sent a snapshot has caught up, again and again.
 */
const LOG_ROWS_MIN = 256;
const RECENT_BYTES_MIN = 64 * 1024;
const TIMEOUTS_MS: readonly number[] = [4000, 5000, 8000];
const RATES: readonly number[] = [1, 0.99, 1.01];
/** Between two things that happen to a client besides the world's faults. */
const DISTURB_MS = 1500;

/**
 * Where the search gives up the log has judged every reply. And a queue's container goes when it has been emptied:
 * in the next one numbers begin anew.
 */
const NOT_JUDGED: ReadonlySet<string> = new Set(["LinearizabilityUndecided", "SequencesFollowTime"]);

/** What came of a run. */
export interface RecipeResult {
  readonly seed: number;
  readonly failure: { readonly check: string; readonly what: string } | undefined;
  /** By kind, how often work came to its end. */
  readonly progress: ReadonlyMap<string, number>;
  /** Nobody could be elected any more, rightly. */
  readonly isLost: boolean;
}

/** What is asked of a run besides its seed. */
export interface RecipeShape {
  /** It goes on until each of the recipes has come to its end at least once. */
  readonly hasAll?: boolean;
}

/** Plays the run of a seed. */
export async function simulateRecipes(seed: number, shape: RecipeShape = {}): Promise<RecipeResult> {
  return await new RecipeRun(seed, shape).play();
}

class RecipeRun {
  readonly #seed: number;
  readonly #hasAll: boolean;
  readonly #plan: ReturnType<typeof planFor>;
  readonly #world: World;
  readonly #rng: Rng;
  readonly #recorder: Recorder;
  readonly #invariants: ReturnType<typeof invariants>;
  readonly #book: RecipeBook;
  readonly #members: RecipeMember[] = [];
  readonly #clients: SessionRecipeClient[] = [];
  readonly #jumpsAhead: JumpAhead[] = [];
  #isDirty = false;
  #isOver = false;
  #error: { readonly error: unknown } | undefined;

  constructor(seed: number, { hasAll = false }: RecipeShape) {
    this.#seed = seed;
    this.#hasAll = hasAll;
    this.#plan = planFor(seed);
    const { logRowsMax = LOG_ROWS_MIN } = this.#plan.world;
    this.#world = new World({
      ...this.#plan.world,
      logRowsMax: Math.max(LOG_ROWS_MIN, logRowsMax),
      timing: { recentBytesMax: RECENT_BYTES_MIN },
    });
    this.#rng = seededRng([seed, 0x72656369, 0x70657300, 0x9e3779b9]);
    this.#recorder = new Recorder(this.#world);
    this.#book = new RecipeBook(this.#recorder);
    this.#invariants = invariants(this.#world, {});
    this.#world.observers.push(this.#invariants.observer, {
      fault: (fault) => {
        if (fault.kind === "clockJump" && fault.byMs > 0)
          this.#jumpsAhead.push({ sid: fault.sid, atMs: this.#world.nowMs });
      },
    });
  }

  async play(): Promise<RecipeResult> {
    let failure: RecipeResult["failure"];
    let isLost = false;
    try {
      await this.#live();
      this.#invariants.finish();
      this.#judge();
      const [crash] = this.#world.crashes;
      if (crash !== undefined) throw crash;
    } catch (error) {
      isLost = error instanceof Violation && error.check === "converges" && this.#world.isLost();
      const check = error instanceof Violation ? error.check : "crash";
      if (!isLost)
        failure = { check, what: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    this.#isOver = true;
    return { seed: this.#seed, failure, progress: this.#book.progress, isLost };
  }

  async #live(): Promise<void> {
    const world = this.#world;
    const { faults, faultsUntilMs } = this.#plan;
    world.startAll();
    await this.#until("converges", () => world.isServing(), START_LIMIT_MS);
    for (const { atMs, fault } of faults) world.later(atMs, () => world.apply(fault));
    for (let index = 0; index < MEMBER_COUNT; index++) this.#join(index);
    const reader = this.#client("reader", 0);
    const cache = new CuratorCache(reader, RECIPE_PLACES.root);
    const caching = cache.start();
    caching.catch(() => undefined);
    this.#disturb();
    await this.#pass(faultsUntilMs);
    world.healAll();
    await this.#until("converges", () => world.isServing(), CONVERGE_LIMIT_MS);
    await this.#goOn();
    this.#isOver = true;
    const stopping = Promise.all(this.#members.map(async (member) => await member.stop()));
    await this.#settled(stopping, "RecipesEnd", STOP_LIMIT_MS);
    await this.#settled(caching, "CacheIsFilled", STOP_LIMIT_MS);
    await this.#lookAtAll(cache);
  }

  /** Every kind of work comes to its end once more; where that is asked for, each of the other recipes has, too. */
  async #goOn(): Promise<void> {
    const before = new Map(this.#book.progress);
    const now = this.#book.progress;
    const stuck = (): readonly string[] => [
      ...RECIPE_KINDS.filter((kind) => (now.get(kind) ?? 0) <= (before.get(kind) ?? 0)),
      ...OTHER_KINDS.filter((kind) => this.#hasAll && !now.has(kind)),
    ];
    try {
      await this.#until("RecipesGoOn", () => stuck().length === 0, GO_ON_LIMIT_MS);
    } catch (error) {
      if (stuck().length === 0 || this.#error !== undefined) throw error;
      throw new Violation("RecipesGoOn", `${stuck().join("; ")}\n${this.#world.describe()}`);
    }
  }

  /** What is there in the end is what all have done. */
  async #lookAtAll(cache: CuratorCache): Promise<void> {
    const client = this.#client("last", 1);
    const count = await this.#settled(
      new DistributedAtomicLong(client, RECIPE_PLACES.counter).get(),
      "Last",
      STOP_LIMIT_MS,
    );
    const left: string[] = [];
    const queue = new SimpleDistributedQueue(client, RECIPE_PLACES.queue);
    for (;;) {
      const data = await this.#settled(queue.poll(), "Last", STOP_LIMIT_MS);
      if (data === undefined) break;
      left.push(new TextDecoder().decode(data));
    }
    this.#book.judgeSums(count, left);
    for (const { node, client: owner, name } of this.#members) {
      const isThere = (): boolean => this.#ownerOf(node.actualPath ?? "") === owner.session?.id;
      await this.#until("NodeIsKept", () => owner.session !== undefined && isThere(), STOP_LIMIT_MS);
      if (node.actualPath !== `${RECIPE_PLACES.nodes}/${name}`) throw new Violation("NodeIsKept", name);
    }
    await this.#until("CacheShowsAll", () => this.#shown(cache) === this.#actual(), STOP_LIMIT_MS);
    await this.#until("converges", () => this.#world.isConverged(), CONVERGE_LIMIT_MS);
  }

  #judge(): void {
    const { clockRateMax, jumpsAhead } = { clockRateMax: this.#clockRateMax(), jumpsAhead: this.#jumpsAhead };
    const committed = this.#invariants.committed();
    const history = { ...this.#recorder.history(), committed };
    const expiryLateMs = SESSION_LATE_MS_MAX + NETWORK_LATE_MS;
    for (const violation of judge(history, { clockRateMax, jumpsAhead, expiryLateMs, calm: [] })) {
      if (!NOT_JUDGED.has(violation.check)) throw violation;
    }
    judgeBarrier(RECIPE_PLACES.barrier, MEMBER_COUNT, committed);
    this.#book.judgeLeases(LEASES_MAX, committed);
  }

  #clockRateMax(): number {
    return Math.max(
      1,
      ...this.#plan.faults.map(({ fault }) => (fault.kind === "clockRate" ? fault.rate : 1)),
    );
  }

  #join(index: number): void {
    const name = `m${this.#clients.length + 1}`;
    const member = new RecipeMember({
      name,
      client: this.#client(name, index),
      book: this.#book,
      rng: seededRng([this.#rng.uint32(), this.#rng.uint32(), 1, 2]),
      first: Math.floor((this.#clients.length * OTHER_KINDS.length) / MEMBER_COUNT),
      onError: (error) => {
        this.#error ??= { error };
        this.#isDirty = true;
      },
    });
    this.#members.push(member);
    member.start();
  }

  #client(name: string, index: number): SessionRecipeClient {
    const client = new SessionRecipeClient({
      name,
      port: this.#world,
      clock: new DriftingClock(this.#world, must(RATES[index % RATES.length], "a rate")),
      epochMs: EPOCH_MS,
      rng: seededRng([this.#rng.uint32(), this.#rng.uint32(), 3, 4]),
      recorder: this.#recorder,
      timeoutMs: must(TIMEOUTS_MS[this.#rng.below(TIMEOUTS_MS.length)], "a timeout"),
      onSettled: () => {
        this.#isDirty = true;
      },
    }).start();
    this.#clients.push(client);
    return client;
  }

  /** Clients lose their connections, are away, and die; another one takes the place of who dies. */
  #disturb(): void {
    this.#world.later(DISTURB_MS / 2 + this.#rng.below(DISTURB_MS), () => {
      if (this.#isOver) return;
      this.#isDirty = true;
      const index = this.#rng.below(this.#members.length);
      const member = must(this.#members[index], "a member");
      const kind = this.#rng.below(8);
      if (kind < 3) member.client.link.move(kind === 0);
      else if (kind === 3) member.client.link.rest(this.#rng.below(12_000), true);
      else if (kind === 4) {
        this.#members.splice(index, 1);
        member.kill();
        this.#join(index);
      }
      this.#disturb();
    });
  }

  /** Lets so much time pass. */
  async #pass(durationMs: number): Promise<void> {
    let isPast = false;
    this.#world.later(durationMs, () => {
      isPast = true;
    });
    await this.#until("time passes", () => isPast, durationMs + 1);
  }

  async #settled<T>(promise: Promise<T>, what: string, limitMs: number): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
      this.#isDirty = true;
    };
    promise.then(settle, settle);
    await this.#until(what, () => isSettled, limitMs);
    return await promise;
  }

  async #until(what: string, condition: () => boolean, limitMs: number): Promise<void> {
    const world = this.#world;
    const untilMs = world.nowMs + limitMs;
    for (;;) {
      await this.#drain();
      if (this.#error !== undefined) throw this.#error.error;
      if (condition()) return;
      if (world.nowMs >= untilMs)
        throw new Violation(
          what,
          `not within ${limitMs} ms\n${[...this.#book.progress].join(" ")}\n${world.describe()}`,
        );
      world.tryUntil(() => this.#isDirty || condition(), untilMs - world.nowMs);
    }
  }

  /** Lets all promises go on that can, while the world stands still. */
  async #drain(): Promise<void> {
    do {
      this.#isDirty = false;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    } while (this.#isDirty);
  }

  #ownerOf(path: string): bigint | undefined {
    return this.#tree().stat(path)?.ephemeralOwner;
  }

  #tree(): ReturnType<World["tree"]> {
    return this.#world.tree(must(this.#world.members[0], "a member"));
  }

  #shown(cache: CuratorCache): string {
    return cache
      .entries()
      .map(({ path, stat }) => `${path} ${stat.mzxid}`)
      .join("\n");
  }

  #actual(): string {
    const tree = this.#tree();
    const lines: string[] = [];
    const walk = (path: string): void => {
      const stat = tree.stat(path);
      if (stat === undefined) return;
      lines.push(`${path} ${zxidToBigInt(stat.mzxid)}`);
      for (const name of tree.childNames(path)) walk(`${path}/${name}`);
    };
    walk(RECIPE_PLACES.root);
    return lines.toSorted((a, b) => ((a.split(" ")[0] ?? "") < (b.split(" ")[0] ?? "") ? -1 : 1)).join("\n");
  }
}
