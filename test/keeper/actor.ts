/**
 * A client that works at random, keeps its session over lost connections, and checks what it is told: replies come once
 * and in order, what it reads never goes back, no change shows before its watch event, and its session lives.
 */
import { must } from "../../src/base/assert.ts";
import type { NodeData } from "../../src/base/request.ts";
import { maxZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { ServerMessage } from "../../src/jute/responses.ts";
import { bytes, create, TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import type { World } from "./world.ts";

const PING_MS = 500;
/** Requests that wait for their replies at most. */
const UNANSWERED_MAX = 6;

interface Asked {
  readonly xid: number;
  readonly request: ClientRequest;
  /** What it sets or creates, or reads of whom. */
  readonly marker: string;
}

/** See the file's comment. */
export class Actor {
  readonly name: string;
  readonly acknowledged: string[] = [];
  readonly issued: Set<string> = new Set();
  readonly actors: readonly Actor[];
  /** The highest number it was told it has set, and the highest read by anybody in its session. */
  acknowledgedNumber = 0;
  issuedNumber = 0;
  expiries = 0;
  moves = 0;
  answered = 0;
  events = 0;
  readonly #world: World;
  #client: TestClient | undefined;
  #asked: Asked[] = [];
  #handover: { readonly session: bigint; readonly password: NodeData } | undefined;
  #seen: Zxid = ZXID_ZERO;
  #heardAtMs = 0;
  #timeoutMs = 0;
  #serial = 0;
  #isStopped = false;
  #asleepUntilMs = 0;
  /** What each actor's register held when it was last read, within the session. */
  readonly #read: Map<string, number> = new Map();
  /** Registers watched on this connection, with the number they held. */
  readonly #watched: Map<string, number> = new Map();

  constructor(world: World, name: string, actors: readonly Actor[]) {
    this.#world = world;
    this.name = name;
    this.actors = actors;
    this.#pingOn();
  }

  get isConnected(): boolean {
    return this.#client?.isClosed === false && (this.#client.welcome?.timeoutMs ?? 0) > 0;
  }

  get session(): bigint | undefined {
    return this.#handover?.session;
  }

  /** Does something: connects, asks, moves. */
  act(): void {
    const { rng } = this.#world;
    if (this.#world.nowMs < this.#asleepUntilMs) return undefined;
    if (this.#client === undefined || this.#client.isClosed) return this.#connect();
    if (!this.isConnected) return undefined;
    const choice = rng.below(100);
    if (choice < 4) return this.#move();
    if (choice === 4) return this.#sleep();
    if (this.#asked.length >= UNANSWERED_MAX) return undefined;
    if (choice < 34) return this.#ask(...this.#newSequential());
    if (choice < 42) return this.#ask(...this.#newEphemeral());
    if (choice < 65) return this.#set();
    if (choice < 70) return this.#ask({ op: "sync", path: "/" }, "sync");
    const other = must(this.actors[rng.below(this.actors.length)], "an actor");
    const path = `/reg/${other.name}`;
    return this.#ask({ op: "getData", path, watch: rng.below(2) === 0 }, other.name);
  }

  /** Takes the last replies, and does no more. */
  stop(): void {
    this.#isStopped = true;
  }

  #connect(): void {
    const { sids, rng } = this.#world;
    this.#asked = [];
    this.#watched.clear();
    const client = new TestClient(this.#world, must(sids[rng.below(sids.length)], "a sid"));
    this.#client = client;
    client.onMessage = (message) => this.#on(message);
    client.onWelcome = ({ sessionId, password, timeoutMs }) => {
      if (client !== this.#client) return;
      if (timeoutMs === 0) return this.#expired();
      this.#handover = { session: sessionId, password };
      this.#timeoutMs = timeoutMs;
      this.#heardAtMs = this.#world.nowMs;
    };
    client.hello({ timeoutMs: 4000, lastZxidSeen: this.#seen, ...this.#handover });
  }

  #expired(): void {
    const silentMs = this.#world.nowMs - this.#heardAtMs;
    const allowanceMs = PING_MS + 250 * this.#world.clockJumps;
    if (silentMs < this.#timeoutMs - allowanceMs) {
      throw new Error(`${this.name} was heard ${silentMs} ms ago, and its session has expired`);
    }
    this.expiries++;
    this.#handover = undefined;
    this.#read.clear();
  }

  /** Leaves its connection, sometimes without the replica's notice. */
  #move(): void {
    this.moves++;
    this.#client?.hangUp(this.#world.rng.below(2) === 0);
    this.#connect();
  }

  /** Is silent for long enough to lose its session, or not quite. */
  #sleep(): void {
    this.#client?.hangUp(this.#world.rng.below(2) === 0);
    this.#asleepUntilMs = this.#world.nowMs + 1000 + this.#world.rng.below(6000);
  }

  #newSequential(): [ClientRequest, string] {
    const marker = `${this.name}.${++this.#serial}`;
    return [create("/m/n-", { flags: 2, data: bytes(marker) }), marker];
  }

  #newEphemeral(): [ClientRequest, string] {
    const marker = `${this.name}.${++this.#serial}`;
    return [create("/m/e-", { flags: 3, data: bytes(marker) }), `${marker}e`];
  }

  #set(): void {
    const number = ++this.issuedNumber;
    const path = `/reg/${this.name}`;
    this.#ask({ op: "setData", path, data: bytes(`${number}`), version: -1 }, `${number}`);
  }

  #ask(request: ClientRequest, marker: string): void {
    this.issued.add(marker);
    const [xid] = must(this.#client, "a connection").send(request);
    this.#asked.push({ xid: must(xid, "an xid"), request, marker });
  }

  #pingOn(): void {
    this.#world.later(PING_MS, () => {
      if (this.#isStopped) return;
      if (this.isConnected) this.#ask({ op: "ping" }, "ping");
      this.#pingOn();
    });
  }

  #on(message: ServerMessage): void {
    this.#heardAtMs = this.#world.nowMs;
    if (message.kind === "event") {
      this.events++;
      this.#watched.delete(message.event.path.slice("/reg/".length));
      return;
    }
    const { header } = message;
    const asked = this.#asked.shift();
    if (asked?.xid !== header.xid) {
      throw new Error(`${this.name} got reply ${header.xid}, and ${asked?.xid} is the next`);
    }
    this.answered++;
    if (header.error !== 0) {
      const isExpected = [-112, -118].includes(header.error);
      if (!isExpected) throw new Error(`${asked.request.op} of ${this.name} is answered ${header.error}`);
      return;
    }
    this.#seen = maxZxid(this.#seen, header.zxid);
    this.#onAnswer(asked, message.response.op === "getData" ? message.response.data : null);
  }

  #onAnswer({ request, marker }: Asked, data: NodeData): void {
    if (request.op === "create") this.acknowledged.push(marker);
    if (request.op === "setData") {
      this.acknowledgedNumber = Number(marker);
      this.#onRead(this.name, Number(marker));
    }
    if (request.op !== "getData") return;
    const number = Number(textOf(data));
    this.#onRead(marker, number);
    const watched = this.#watched.get(marker);
    if (watched !== undefined && watched !== number) {
      throw new Error(
        `${this.name} read ${number} of ${marker} before the event of a change from ${watched}`,
      );
    }
    if (request.watch) this.#watched.set(marker, number);
  }

  #onRead(of: string, number: number): void {
    const before = this.#read.get(of) ?? 0;
    if (number < before) throw new Error(`${this.name} read ${number} of ${of} after ${before}`);
    this.#read.set(of, number);
  }
}
