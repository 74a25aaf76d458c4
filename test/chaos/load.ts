/**
 * A steady load of sessions that write and read under faults and record every operation with its outcome.
 * Each client is one session with two lanes in its pipeline: one sets and reads a counter, the other creates
 * and deletes. Nothing is tried twice; after an unknown set the counter is read before it is set again.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest, MultiRequest } from "../../src/base/request.ts";
import { seededRng, type Rng } from "../../src/base/rng.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { WireClient } from "../client/wire-client.ts";
import type { RequestOutcome, ServerAddress } from "../client/wire-connection.ts";
import { RecordedClient, type Recorder } from "./recorded-client.ts";

/** How the load is made. */
export interface LoadSetup {
  readonly servers: readonly ServerAddress[];
  /** All paths lie below it; it must not exist yet. */
  readonly root: string;
  readonly clients: number;
  readonly sessionTimeoutMs: number;
  /** Between the operations of a lane, from end to start. */
  readonly paceMs: number;
  readonly seed: number;
  readonly recorder: Recorder;
}

/** An acknowledged write, for measuring gaps. */
export interface Acknowledged {
  readonly client: number;
  readonly atMs: number;
}

/** Children under one parent, at most: a listing must fit a frame. */
const CHILDREN_MAX = 2000;
/** Parents of sequential creates. */
const SEQUENCES = 8;
/** Ephemerals that a client holds at once. */
const EPHEMERALS_HELD = 10;
/** Out of 100 turns of the lane that creates. */
const SHARES = { create: 45, sequential: 60, delete: 80, multi: 88, ephemeral: 100 } as const;

/** Out of this many turns of the counter's lane, one finds the session at another server, if it is idle. */
const WANDER_ONE_IN = 20;

/** The running load. */
export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly #setup: LoadSetup;
  readonly #clients: LoadClient[];
  #lanes: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #sequentials = 0;

  constructor(setup: LoadSetup) {
    this.#setup = setup;
    this.#clients = Array.from({ length: setup.clients }, (_, client) => new LoadClient(this, setup, client));
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** How many sessions it has. */
  get clients(): number {
    return this.#clients.length;
  }

  /** Makes the parents that all share, and begins. */
  async start(): Promise<void> {
    const { root } = this.#setup;
    const first = this.#clients[0];
    if (first === undefined) throw new Error("a load has clients");
    await first.must(root);
    for (let index = 0; index < SEQUENCES; index++) await first.must(`${root}/sequence-${index}`);
    await Promise.all(this.#clients.map((client) => client.prepare()));
    this.#lanes = Promise.all(this.#clients.flatMap((client) => client.lanes()));
  }

  /** Brings sessions back to where they began, so that each replica has its share of them. */
  async spread(deadlineMs: number): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.goHome(deadlineMs)));
  }

  /** Has every session that is connected send one more write, whatever it waits for: a fault must not find all idle. */
  press(): void {
    this.#lanes = Promise.all([this.#lanes, ...this.#clients.map((client) => client.createMore())]);
  }

  /** Lets every lane end its operation; sessions stay open. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#lanes;
  }

  /** Waits until every session has been answered once more, or has expired; false at the deadline. */
  async settled(deadlineMs: number): Promise<boolean> {
    const answers = await Promise.all(this.#clients.map((client) => client.answered(deadlineMs)));
    return answers.every((isAnswered) => isAnswered);
  }

  /** Closes all sessions. */
  async close(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients.map((client) => client.wire.close()));
  }

  /** A parent of sequential creates; all clients share each. */
  sequenceParent(): string {
    return `${this.#setup.root}/sequence-${this.#sequentials++ % SEQUENCES}`;
  }

  /** Some client's counter, one's own included. */
  counterOf(client: number): string {
    return `${this.#setup.root}/counter-${client % this.#setup.clients}`;
  }
}

class LoadClient {
  #session: RecordedClient;
  readonly #load: Load;
  readonly #setup: LoadSetup;
  readonly #client: number;
  readonly #rng: Rng;
  #running = 0;
  /** Persistent znodes of ours whose create was acknowledged, to be deleted one day. */
  readonly #owned: string[] = [];
  #ephemerals: string[] = [];
  #parent = "";
  #children = 0;
  /** The counter's version, undefined where it must be read first. */
  #version: number | undefined = 0;

  constructor(load: Load, setup: LoadSetup, client: number) {
    this.#load = load;
    this.#setup = setup;
    this.#client = client;
    this.#rng = seededRng([setup.seed, client, 1, 2]);
    this.#session = this.#connect();
  }

  get wire(): WireClient {
    return this.#session.wire;
  }

  /** Creates what all the rest stands on; throws where that fails, as no fault is injected yet. */
  async must(path: string): Promise<void> {
    await this.#awaitSession();
    const outcome = await this.#write(create(path, path));
    if (outcome.kind !== "ok") throw new Error(`cannot create ${path}: ${JSON.stringify(outcome)}`);
  }

  async prepare(): Promise<void> {
    const path = this.#load.counterOf(this.#client);
    await this.#awaitSession();
    const outcome = await this.#write(create(path, "0"));
    if (outcome.kind !== "ok") throw new Error(`cannot create ${path}: ${JSON.stringify(outcome)}`);
    await this.#freshParent();
  }

  lanes(): readonly Promise<void>[] {
    return [this.#lane(() => this.#count()), this.#lane(() => this.#make())];
  }

  /** Whether the session, unless it has expired, still gets answers. */
  async answered(deadlineMs: number): Promise<boolean> {
    const untilMs = performance.now() + deadlineMs;
    for (;;) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return false;
      await this.wire.connected(leftMs);
      if (this.wire.state === "expired") return true;
      const { kind } = await this.wire.request({ op: "exists", path: this.#setup.root, watch: false });
      if (kind === "ok") return true;
    }
  }

  async goHome(deadlineMs: number): Promise<void> {
    const home = this.#client % this.#setup.servers.length;
    if (this.wire.state !== "connected" || this.wire.server === home) return;
    this.wire.moveTo(home);
    await this.answered(deadlineMs);
  }

  async createMore(): Promise<void> {
    if (this.wire.state === "connected") await this.#createPlain();
  }

  #connect(): RecordedClient {
    const { servers, sessionTimeoutMs, recorder } = this.#setup;
    return new RecordedClient(`client ${this.#client}`, recorder, {
      servers,
      first: this.#client,
      // Half of those that lose a server go one way around, half the other.
      stride: this.#client % 2 === 0 ? 1 : Math.max(1, servers.length - 1),
      timeoutMs: sessionTimeoutMs,
    });
  }

  async #lane(turn: () => Promise<void>): Promise<void> {
    while (!this.#load.isStopping) {
      if (await this.#awaitSession()) await turn();
      await new Promise((resolve) => setTimeout(resolve, this.#setup.paceMs));
    }
  }

  /** Waits for the session; a new one takes the place of one that expired. */
  async #awaitSession(): Promise<boolean> {
    if (this.wire.state === "connected") return true;
    if (this.wire.state === "expired") {
      this.#ephemerals = [];
      this.#session = this.#connect();
    }
    return await this.wire.connected(this.#setup.sessionTimeoutMs);
  }

  /** The lane of the counter. */
  async #count(): Promise<void> {
    const own = this.#load.counterOf(this.#client);
    // With what it has seen here, to a replica that may not have come as far.
    if (this.#rng.below(WANDER_ONE_IN) === 0 && this.wire.isIdle) {
      this.wire.moveTo(this.#rng.below(this.#setup.servers.length));
      await this.wire.connected(this.#setup.sessionTimeoutMs);
    }
    const dice = this.#rng.below(100);
    if (this.#version === undefined) {
      const outcome = await this.#readSynced(own);
      if (outcome.kind === "ok" && outcome.response.op === "getData") {
        this.#version = outcome.response.stat.version;
      }
    } else if (dice < 65) {
      const version: number = this.#version + 1;
      const data = bytes(String(version));
      const outcome = await this.#write({ op: "setData", path: own, data, version: version - 1 });
      this.#version = outcome.kind === "ok" ? version : undefined;
    } else if (dice < 85) {
      await this.#session.request({ op: "getData", path: own, watch: false });
    } else {
      await this.#readSynced(this.#load.counterOf(this.#client + 1 + this.#rng.below(this.#setup.clients)));
    }
  }

  /** Both in one pipeline: nothing comes between the sync and the read that it is for. */
  async #readSynced(path: string): Promise<RequestOutcome> {
    const sync = this.#session.request({ op: "sync", path });
    const read = await this.#session.request({ op: "getData", path, watch: false });
    const synced = await sync;
    return synced.kind === "ok" ? read : synced;
  }

  /** The lane that creates and deletes. */
  async #make(): Promise<void> {
    if (this.#children >= CHILDREN_MAX) await this.#freshParent();
    const dice = this.#rng.below(100);
    if (dice < SHARES.create) await this.#createPlain();
    else if (dice < SHARES.sequential) await this.#createSequential();
    else if (dice < SHARES.delete) await this.#deleteOldest();
    else if (dice < SHARES.multi) await this.#createTogether();
    else await this.#createEphemeral();
  }

  async #freshParent(): Promise<void> {
    const path = `${this.#setup.root}/client-${this.#client}-${this.#running++}`;
    const outcome = await this.#write(create(path, path));
    if (outcome.kind !== "ok") return;
    this.#parent = path;
    this.#children = 0;
  }

  #freshPath(): string {
    this.#children++;
    return `${this.#parent}/z${this.#running++}`;
  }

  async #createPlain(): Promise<void> {
    const path = this.#freshPath();
    const outcome = await this.#write(create(path, path));
    if (outcome.kind === "ok") this.#owned.push(path);
  }

  async #createSequential(): Promise<void> {
    const parent = this.#load.sequenceParent();
    const prefix = `c${this.#client}-${this.#running++}-`;
    const outcome = await this.#write(create(`${parent}/${prefix}`, prefix, SEQUENTIAL));
    if (outcome.kind !== "ok" || outcome.response.op !== "create2") return;
    if (this.#rng.below(2) === 0) this.#owned.push(outcome.response.path);
  }

  async #deleteOldest(): Promise<void> {
    const path = this.#owned.shift();
    if (path !== undefined) await this.#write({ op: "delete", path, version: -1 });
  }

  async #createTogether(): Promise<void> {
    const paths = [this.#freshPath(), this.#freshPath(), this.#freshPath()];
    const fails = this.#rng.below(4) === 0;
    await this.#write(createsTogether(paths, fails));
  }

  async #createEphemeral(): Promise<void> {
    const { session } = this.wire;
    const path = this.#freshPath();
    const outcome = await this.#write(create(path, path, EPHEMERAL));
    if (outcome.kind !== "ok" || this.wire.session !== session) return;
    this.#ephemerals.push(path);
    const oldest = this.#ephemerals.length > EPHEMERALS_HELD ? this.#ephemerals.shift() : undefined;
    if (oldest !== undefined) await this.#write({ op: "delete", path: oldest, version: -1 });
  }

  async #write(request: ClientRequest): Promise<RequestOutcome> {
    const outcome = await this.#session.request(request);
    if (outcome.kind === "ok") {
      this.#load.acknowledged.push({ client: this.#client, atMs: performance.now() });
    }
    return outcome;
  }
}

const EPHEMERAL = 1;
const SEQUENTIAL = 2;

function create(path: string, data: string, flags = 0): CreateRequest {
  return { op: "create2", path, data: bytes(data), acl: OPEN_ACL, flags, ttlMs: 0 };
}

/** All of them or none; with `fails` one more operation makes it none. */
function createsTogether(paths: readonly string[], fails: boolean): MultiRequest {
  const creates = paths.map((path): CreateRequest => ({ ...create(path, "multi"), op: "create" }));
  const doomed = { op: "check", path: "/there-is-no-such-znode", version: 0 } as const;
  return { op: "multi", operations: fails ? [...creates, doomed] : creates };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
