/**
 * The keepers of test/keeper/world.ts, and recipes as their clients. The world's time is a number; promises go on
 * between two of its events, so the same seed gives the same run.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { seededRng } from "../../src/base/rng.ts";
import { compareZxid } from "../../src/base/zxid.ts";
import type { Tree } from "../../src/tree/tree.ts";
import { EPOCH_MS, World } from "../keeper/world.ts";
import { DriftingClock } from "../sim/clients/client-clock.ts";
import { Recorder } from "../sim/clients/recorder.ts";
import type { ClientEnd, ClientPort, ClientSocket } from "../../src/world/client-port.ts";
import { SessionRecipeClient } from "./session-recipe-client.ts";

/** Until something is there, in ms of the world. */
const LIMIT_MS = 60_000;

/** What a promise came to so far. */
export interface Watched<T> {
  readonly promise: Promise<T>;
  outcome: { readonly value: T } | { readonly error: unknown } | undefined;
}

type One = SessionRecipeClient;

/** As many clients as were asked for. */
interface Counted {
  readonly 1: readonly [One];
  readonly 2: readonly [One, One];
  readonly 3: readonly [One, One, One];
  readonly 4: readonly [One, One, One, One];
  readonly 5: readonly [One, One, One, One, One];
}

/** See the file's comment. */
export class RecipeWorld implements ClientPort {
  readonly world: World;
  readonly recorder: Recorder;
  readonly sids: readonly Sid[];
  readonly #clients: SessionRecipeClient[] = [];
  #isDirty = false;
  #moments = 0;

  constructor(seed = 1, voters = 3) {
    this.world = new World({ voters, seed }).startAll();
    this.world.untilServing();
    this.sids = this.world.sids;
    this.recorder = new Recorder(this);
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  get moment(): number {
    return this.world.nowMs + ++this.#moments * 2 ** -30;
  }

  /** Whom clients may connect to: a replica that is down refuses. */
  connect(sid: Sid, end: ClientEnd): ClientSocket {
    let bytesRead = 0;
    let isOpen = true;
    const closed = (): void => {
      if (isOpen) end.onClosed();
      isOpen = false;
    };
    const id = this.world.connect(sid, {
      onBytes: (bytes) => {
        bytesRead += bytes.length;
        if (isOpen) end.onBytes(bytes);
      },
      takeRead: () => {
        const taken = bytesRead;
        bytesRead = 0;
        return taken;
      },
      onFlow: () => undefined,
      onClosed: closed,
    });
    if (id === undefined) this.world.later(1, closed);
    const leave = (isUnnoticed: boolean): void => {
      isOpen = false;
      if (id !== undefined) this.world.clientCloses(sid, id, isUnnoticed);
    };
    return {
      send: (bytes) => {
        if (id !== undefined && isOpen) this.world.clientSends(sid, id, bytes);
      },
      close: () => leave(false),
      vanish: () => leave(true),
    };
  }

  later(delayMs: number, act: () => void): void {
    this.world.later(delayMs, act);
  }

  /** The same for what settles promises. */
  laterFor(delayMs: number, act: () => void): void {
    this.world.later(delayMs, () => {
      this.#isDirty = true;
      act();
    });
  }

  /** A client that is connected. */
  async client(
    options: { readonly timeoutMs?: number; readonly sids?: readonly Sid[] } = {},
  ): Promise<SessionRecipeClient> {
    const number = this.#clients.length + 1;
    const { timeoutMs = 4000, sids = this.sids } = options;
    const client = new SessionRecipeClient({
      name: `r${number}`,
      port: this.#portTo(sids),
      clock: new DriftingClock(this, 1),
      epochMs: EPOCH_MS,
      rng: seededRng([number, 0x72, 0x63, 0x70]),
      recorder: this.recorder,
      timeoutMs,
      onSettled: () => {
        this.#isDirty = true;
      },
    }).start();
    this.#clients.push(client);
    await this.until("a client is connected", () => client.state === "connected");
    return client;
  }

  #portTo(sids: readonly Sid[]): ClientPort {
    const world = this.world;
    return {
      sids,
      get nowMs() {
        return world.nowMs;
      },
      moment: 0,
      later: (delayMs, act) => world.later(delayMs, act),
      connect: (sid, end) => this.connect(sid, end),
    };
  }

  /** Several at once. */
  async clients<N extends keyof Counted>(count: N, timeoutMs?: number): Promise<Counted[N]> {
    const clients: SessionRecipeClient[] = [];
    for (let index = 0; index < count; index++) {
      clients.push(await this.client(timeoutMs === undefined ? {} : { timeoutMs }));
    }
    return clients as unknown as Counted[N];
  }

  /** Lets time pass until the condition holds; throws where it does not within the limit. */
  async until(what: string, condition: () => boolean, limitMs: number = LIMIT_MS): Promise<void> {
    const untilMs = this.nowMs + limitMs;
    for (;;) {
      await this.settle();
      if (condition()) return;
      if (this.nowMs >= untilMs)
        throw new Error(`not within ${limitMs} ms: ${what}\n${this.world.describe()}`);
      try {
        this.world.until(what, () => this.#isDirty || condition(), untilMs - this.nowMs);
      } catch (error) {
        if (this.nowMs < untilMs) throw error;
      }
    }
  }

  /** Lets so much time pass. */
  async run(durationMs: number): Promise<void> {
    const untilMs = this.nowMs + durationMs;
    let isOver = false;
    this.world.later(durationMs, () => {
      isOver = true;
    });
    await this.until("time passes", () => isOver && this.nowMs >= untilMs, durationMs + 1);
  }

  /** Lets time pass until the promise has settled; what it came to. */
  async get<T>(promise: Promise<T>, limitMs: number = LIMIT_MS): Promise<T> {
    const watched = this.watch(promise);
    await this.until("a promise settles", () => watched.outcome !== undefined, limitMs);
    return await promise;
  }

  /** Says what becomes of a promise, without waiting for it. */
  watch<T>(promise: Promise<T>): Watched<T> {
    const watched: Watched<T> = { promise, outcome: undefined };
    promise.then(
      (value) => {
        watched.outcome = { value };
      },
      (error: unknown) => {
        watched.outcome = { error };
      },
    );
    return watched;
  }

  /** Lets all promises go on that can, while the world stands still. */
  async settle(): Promise<void> {
    do {
      this.#isDirty = false;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    } while (this.#isDirty);
  }

  /** A replica's power fails, and it comes back after a while. */
  loseReplica(sid: Sid, downMs = 3000): void {
    this.world.crash(sid);
    this.world.later(downMs, () => this.world.start(sid));
  }

  /** The same for the replica that leads. */
  loseLeader(downMs = 3000): void {
    this.loseReplica(must(this.world.leader(), "a leader"), downMs);
  }

  /** The names of a znode's children, sorted, as the foremost replica has delivered them. */
  childrenOf(path: string): readonly string[] {
    const tree = this.#latestTree();
    return tree.get(path) === undefined ? [] : tree.childNames(path);
  }

  /**
   * A znode as the foremost replica has delivered it; undefined where there is none. `owner` is 0n where it is no
   * ephemeral.
   */
  nodeAt(path: string): { readonly data: Uint8Array | null; readonly owner: bigint } | undefined {
    const tree = this.#latestTree();
    const node = tree.get(path);
    return node && { data: node.data, owner: tree.stat(path)?.ephemeralOwner ?? 0n };
  }

  #latestTree(): Tree {
    const trees = [...this.world.replicas.values()].flatMap(({ tree }) => (tree === undefined ? [] : [tree]));
    trees.sort((a, b) => compareZxid(b.lastApplied, a.lastApplied));
    return must(trees[0], "a replica that is up");
  }
}
