/**
 * Clients that queue for one lock, by ZooKeeper's recipe: an ephemeral sequential znode each, the lowest holds, the
 * others watch the one before theirs. The czxid of a holder's znode is its token, which what it writes carries. The
 * znodes are named as Curator names them, so that callers of the HTTP API stand in the same queue.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest } from "../../src/base/request.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { RequestOutcome, ServerAddress } from "../client/wire-connection.ts";
import { until } from "../compat/servers.ts";
import type { Guard } from "../sim/history/check-locks.ts";
import type { Operation } from "../sim/history/types.ts";
import { Violation } from "../sim/verdict.ts";
import { RecordedClient, type Recorder } from "./recorded-client.ts";

/** How the queue is made. */
export interface LockQueueSetup {
  readonly servers: readonly ServerAddress[];
  /** Exists, and is where the lock lies. */
  readonly root: string;
  readonly clients: number;
  readonly seed: number;
  readonly recorder: Recorder;
}

/** Short, so that holders do lose their sessions: the shortest that is granted. */
const SESSION_TIMEOUT_MS = 4000;
/** A holder stops to believe so long before its session can be over. */
const MARGIN_MS = 200;
const HOLD_MS_MAX = 60;
/** One in so many holds lasts so long that faults find it. */
const LONG_ONE_IN = 15;
const LONG_HOLD_MS_MAX = 3000;
/** One holder in so many goes without a word: the others wait until its session is over. */
const VANISH_ONE_IN = 60;
/** Looks again after this long, whatever its watch says: watches are lost with connections. */
const LOOK_AGAIN_MS = 1000;
const RETRY_MS = 50;

/** A znode in the queue. */
interface Place {
  readonly path: string;
  readonly token: Zxid;
}

/** The clients, all of one lock. */
export class LockQueue {
  readonly #setup: LockQueueSetup;
  #lanes: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #acquired = 0;
  #lost = 0;
  #sessions = 0;

  constructor(setup: LockQueueSetup) {
    this.#setup = setup;
  }

  /** How often the lock was taken, and how often not given back: its holder vanished, or its session may be over. */
  get counts(): { readonly acquired: number; readonly lost: number } {
    return { acquired: this.#acquired, lost: this.#lost };
  }

  /** Makes the lock and what it protects; then all queue. */
  async start(): Promise<void> {
    const client = this.#connect(0);
    await client.wire.connected(SESSION_TIMEOUT_MS);
    for (const path of [this.#lock, this.#guarded]) {
      const outcome = await client.request(create(path, 0));
      if (outcome.kind !== "ok") throw new Error(`cannot create ${path}: ${JSON.stringify(outcome)}`);
    }
    await client.wire.close();
    this.#lanes = Promise.all(Array.from({ length: this.#setup.clients }, (_, index) => this.#lane(index)));
  }

  /**
   * Everybody lets go; resolves when the queue is empty: who vanished is in it until its session is over. Tells what is
   * wrong where it does not get there.
   */
  async stop(deadlineMs: number): Promise<readonly Violation[]> {
    this.#isStopping = true;
    await this.#lanes;
    const client = this.#connect(0);
    let left: readonly string[] | undefined;
    try {
      await until(deadlineMs, "all places in the queue are gone", async () => {
        left = await this.#children(client);
        return left?.length === 0;
      });
      return [];
    } catch (error) {
      return [new Violation("EphemeralsAsSessions", `${left?.join(", ")} stay: ${String(error)}`)];
    } finally {
      await client.wire.close();
    }
  }

  get #lock(): string {
    return `${this.#setup.root}/lock`;
  }

  get #guarded(): string {
    return `${this.#setup.root}/guarded`;
  }

  #connect(index: number): RecordedClient {
    const { recorder, servers } = this.#setup;
    return new RecordedClient(`locker ${index}`, recorder, {
      servers,
      first: index + this.#sessions++,
      timeoutMs: SESSION_TIMEOUT_MS,
    });
  }

  async #lane(index: number): Promise<void> {
    const rng = seededRng([this.#setup.seed, index, 3, 4]);
    let client = this.#connect(index);
    for (let attempt = 0; !this.#isStopping; attempt++) {
      if (!(await client.wire.connected(SESSION_TIMEOUT_MS))) {
        if (client.wire.state === "expired") client = this.#connect(index);
        continue;
      }
      const place = await this.#enqueue(client, `${this.#lock}/locker-${index}-${attempt}-lock-`);
      if (place === undefined || !(await this.#comesFirst(client, place))) {
        if (place !== undefined) await this.#leave(client, place);
        continue;
      }
      if (await this.#hold(client, place, rng)) await this.#leave(client, place);
      else client = this.#connect(index);
    }
    await client.wire.close();
  }

  /** The client's znode in the queue; undefined where its session is over or it does not know. */
  async #enqueue(client: RecordedClient, prefix: string): Promise<Place | undefined> {
    const { session } = client.wire;
    const outcome = await client.request(create(prefix, 3));
    if (outcome.kind === "ok" && outcome.response.op === "create2") {
      return { path: outcome.response.path, token: outcome.response.stat.czxid };
    }
    if (outcome.kind !== "unknown") return undefined;
    // It may have been done: whoever forgets its znode would block the queue for as long as its session lives.
    for (;;) {
      const children = await this.#children(client);
      if (client.wire.session !== session || client.wire.state === "expired") return undefined;
      if (children === undefined) continue;
      const name = children.find((child) => `${this.#lock}/${child}`.startsWith(prefix));
      if (name === undefined) return undefined;
      const path = `${this.#lock}/${name}`;
      const found = await client.request({ op: "exists", path, watch: false });
      if (found.kind === "ok" && found.response.op === "stat")
        return { path, token: found.response.stat.czxid };
      if (found.kind === "error") return undefined;
    }
  }

  /** Waits until no lower znode is left; false where its own is gone, or nothing is to be begun any more. */
  async #comesFirst(client: RecordedClient, { path }: Place): Promise<boolean> {
    while (client.wire.state !== "expired" && !this.#isStopping) {
      const children = await this.#children(client);
      if (children === undefined) continue;
      const inOrder = children.toSorted((a, b) => numberOf(a) - numberOf(b));
      const own = inOrder.findIndex((child) => `${this.#lock}/${child}` === path);
      if (own < 0) return false;
      const before = inOrder[own - 1];
      // The answer may have been on its way for so long that the session is over.
      if (before === undefined) return performance.now() < client.leaseEndMs - MARGIN_MS;
      await this.#until(client, `${this.#lock}/${before}`);
    }
    return false;
  }

  /** Waits for the end of a znode, as far as a watch tells, or a while. */
  async #until(client: RecordedClient, path: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOOK_AGAIN_MS);
    const stop = client.onEvent((event) => {
      if (event.path === path) resolve();
    });
    const outcome = await client.request({ op: "exists", path, watch: true });
    if (outcome.kind === "ok") await promise;
    clearTimeout(timer);
    stop();
  }

  /** Asks behind a sync: in the replica's memory a znode that is older than its own must not be missing. */
  async #children(client: RecordedClient): Promise<readonly string[] | undefined> {
    if (!(await client.wire.connected(SESSION_TIMEOUT_MS))) return undefined;
    const sync = client.request({ op: "sync", path: this.#lock });
    const outcome = await client.request({ op: "getChildren", path: this.#lock, watch: false });
    const synced = await sync;
    if (synced.kind !== "ok" || outcome.kind !== "ok" || outcome.response.op !== "children") {
      await pause(RETRY_MS);
      return undefined;
    }
    return outcome.response.children;
  }

  /** Holds the lock for a while and writes under it; false where the client went without a word. */
  async #hold(client: RecordedClient, place: Place, rng: Rng): Promise<boolean> {
    const fromMs = performance.now();
    this.#acquired++;
    const { recorder } = this.#setup;
    const { session } = client.wire;
    const parts = { lock: this.#lock, client: client.name, session, token: place.token, fromMs };
    await this.#writeUnder(client, place);
    const untilMs = fromMs + rng.below(rng.below(LONG_ONE_IN) === 0 ? LONG_HOLD_MS_MAX : HOLD_MS_MAX);
    while (performance.now() < Math.min(untilMs, client.leaseEndMs - MARGIN_MS)) await pause(1);
    const leaseMs = client.leaseEndMs - MARGIN_MS;
    const toMs = Math.max(fromMs, Math.min(performance.now(), leaseMs));
    const isVanishing = rng.below(VANISH_ONE_IN) === 0;
    if (leaseMs <= toMs || isVanishing) this.#lost++;
    recorder.holds.push({ ...parts, toMs });
    if (isVanishing) await client.wire.abandon();
    return !isVanishing;
  }

  /** On the condition that its znode is still there. */
  async #writeUnder(client: RecordedClient, { path, token }: Place): Promise<RequestOutcome> {
    const data = new TextEncoder().encode(zxidText(token));
    return await client.request({
      op: "multi",
      operations: [
        { op: "check", path, version: 0 },
        { op: "setData", path: this.#guarded, data, version: -1 },
      ],
    });
  }

  /** Asks until it is sure that its znode is gone, or its session. */
  async #leave(client: RecordedClient, { path }: Place): Promise<void> {
    while (client.wire.state !== "expired") {
      await client.wire.connected(SESSION_TIMEOUT_MS);
      const { kind } = await client.request({ op: "delete", path, version: -1 });
      if (kind === "ok" || kind === "error") return;
      await pause(RETRY_MS);
    }
  }
}

/** The guard of a holder's write: the lock, by what it protects, and the token that the data tell. */
export function guardOf({ request }: Operation): Guard | undefined {
  const write = request.op === "multi" ? request.operations[1] : request;
  if (write?.op !== "setData" || !write.path.endsWith("/guarded") || write.data === null) return undefined;
  const [epoch, counter] = new TextDecoder().decode(write.data).split(":").map(Number);
  if (epoch === undefined || counter === undefined) return undefined;
  return { lock: write.path, token: { epoch, counter } };
}

function create(path: string, flags: number): CreateRequest {
  return { op: "create2", path, data: new Uint8Array(0), acl: OPEN_ACL, flags, ttlMs: 0 };
}

function numberOf(child: string): number {
  return Number(child.slice(-10));
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
