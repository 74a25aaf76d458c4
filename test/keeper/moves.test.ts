/**
 * A session that moves between replicas under load, its old connections lingering and writing on: each write is done at
 * most once and in the client's order, ephemerals stay, and watches that come along by setWatches miss nothing.
 */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { maxZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { ServerMessage } from "../../src/jute/responses.ts";
import { bytes, connected, create, TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import { World } from "./world.ts";

const SEEDS = Number(process.env["MOVES_SEEDS"] ?? 40);
const MOVES = 15;
const SEQUENTIAL = 2;
const EPHEMERAL_SEQUENTIAL = 3;
const WATCHED = ["/w/0", "/w/1", "/w/2", "/w/3"];

/** One client that moves, and whose older connections go on as ghosts until a replica closes them. */
class Mover {
  readonly world: World;
  moves = 0;
  /** What was sent by the connection that was the youngest then, in order. */
  readonly sent: string[] = [];
  readonly acknowledged: string[] = [];
  /** What ghosts sent after a younger connection was welcomed. */
  readonly ghostly: Set<string> = new Set();
  /** What it believes each watched znode to hold: read again at each event. */
  readonly believed: Map<string, string> = new Map();
  caught = 0;
  client: TestClient;
  readonly #watched: Set<string> = new Set();
  readonly #asked: Map<TestClient, string[]> = new Map();
  #seen: Zxid = ZXID_ZERO;
  #serial = 0;

  constructor(world: World) {
    this.world = world;
    this.client = this.#open({});
  }

  /** Leaves for another replica; the old connection stays, or hangs up, noticed or not. */
  move(): void {
    const { rng, sids } = this.world;
    const before = this.client;
    if (before.welcome === undefined) return;
    const { session } = before;
    const fate = rng.below(3);
    if (fate > 0) before.hangUp(fate === 1);
    this.moves++;
    this.client = this.#open({ ...before.handover, lastZxidSeen: this.#seen }, (client) => {
      expect(client.welcome?.sessionId).toBe(session);
      this.client = client;
      this.#watch(client);
    });
    const sid = must(sids[rng.below(sids.length)], "a sid");
    if (fate === 0) this.#haunt(before, 5 + sid);
  }

  /** Some writes in one piece. */
  write(): void {
    if (this.client.welcome === undefined || this.client.isClosed) return;
    for (let left = 1 + this.world.rng.below(5); left > 0; left--) {
      const marker = `m${++this.#serial}`;
      const flags = this.world.rng.below(4) === 0 ? EPHEMERAL_SEQUENTIAL : SEQUENTIAL;
      this.sent.push(marker);
      this.#ask(this.client, create("/m/n-", { flags, data: bytes(marker) }), marker);
    }
  }

  /** At a leader nearby the welcome may come before this returns. */
  #open(
    hello: Parameters<TestClient["hello"]>[0],
    welcomed: (client: TestClient) => void = () => undefined,
  ): TestClient {
    const { rng, sids } = this.world;
    const client = new TestClient(this.world, must(sids[rng.below(sids.length)], "a sid"));
    client.onWelcome = () => welcomed(client);
    client.onMessage = (message) => this.#on(client, message);
    return client.hello({ timeoutMs: 10_000, ...hello });
  }

  /** A ghost goes on to write until it is told. */
  #haunt(ghost: TestClient, left: number): void {
    if (left === 0) return;
    this.world.later(2, () => {
      if (ghost.isClosed) return;
      const marker = `g${++this.#serial}`;
      if (this.client.welcome !== undefined) this.ghostly.add(marker);
      this.#ask(ghost, create("/m/n-", { flags: SEQUENTIAL, data: bytes(marker) }), marker);
      this.#haunt(ghost, left - 1);
    });
  }

  #watch(client: TestClient): void {
    // What was never read, or whose event came and whose next reading was lost with the connection, is read anew.
    const unread = WATCHED.filter((path) => !this.#watched.has(path));
    client.send({
      op: "setWatches",
      relativeZxid: this.#seen,
      dataWatches: [...this.#watched],
      existWatches: [],
      childWatches: [],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    });
    for (const path of unread) this.#read(client, path);
  }

  watchFirst(): void {
    this.#watch(this.client);
  }

  #read(client: TestClient, path: string): void {
    this.#ask(client, { op: "getData", path, watch: true }, path);
  }

  /** Replies come in the order of the requests: what each is about waits in a queue. */
  #ask(client: TestClient, request: ClientRequest, about: string): void {
    const queue = this.#asked.get(client) ?? [];
    this.#asked.set(client, queue);
    queue.push(about);
    client.send(request);
  }

  #on(client: TestClient, message: ServerMessage): void {
    if (message.kind === "event") {
      if (client !== this.client) return;
      const { path } = message.event;
      this.caught++;
      this.#watched.delete(path);
      this.#read(client, path);
      return;
    }
    const { header, response } = message;
    expect(header.error).toBe(0);
    if (header.xid <= 0) return;
    const about = must(this.#asked.get(client)?.shift(), "a question");
    if (response.op === "path" && about.startsWith("m")) this.acknowledged.push(about);
    if (client !== this.client) return;
    this.#seen = maxZxid(this.#seen, header.zxid);
    if (response.op !== "getData") return;
    this.believed.set(about, textOf(response.data));
    this.#watched.add(about);
  }
}

function runSeed(seed: number): { readonly mover: Mover; readonly world: World } {
  const world = new World({ voters: 3, observers: seed % 2, seed }).startAll();
  const leader = world.untilServing();
  const writer = connected(world, leader);
  for (const path of ["/m", "/w", ...WATCHED]) writer.get(create(path, { data: bytes("0") }));
  world.untilEqual();
  world.delayMs = must([0, 4, 30, 120][seed % 4], "a delay");
  world.clientDelayMs = seed % 5;
  const mover = new Mover(world);
  world.until("it is connected", () => mover.client.welcome !== undefined);
  mover.watchFirst();
  world.until("it has read", () => mover.believed.size === WATCHED.length);
  let changes = 0;
  for (let round = 0; round < MOVES * 4; round++) {
    mover.write();
    const path = must(WATCHED[world.rng.below(WATCHED.length)], "a path");
    if (world.rng.below(2) === 0)
      writer.send({ op: "setData", path, data: bytes(`${++changes}`), version: -1 });
    world.run(world.rng.below(40));
    if (mover.client.isClosed || world.rng.below(4) === 0) mover.move();
  }
  world.until("it is connected", () => mover.client.welcome !== undefined || mover.client.isClosed);
  if (mover.client.isClosed) mover.move();
  world.run(2000);
  world.untilEqual();
  return { mover, world };
}

describe("a session that moves under load", () => {
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
  it.each([0, 1, 2, 3])(
    "each write once at most, in order; ephemerals stay; no change is missed (%i)",
    (part) => {
      const total = { moves: 0, acknowledged: 0, caught: 0, ghostly: 0 };
      for (const seed of seeds.filter((one) => one % 4 === part)) {
        const { mover, world } = runSeed(seed);
        const tree = world.tree(1);
        const made = tree.childNames("/m").map((name) => {
          const node = must(tree.get(`/m/${name}`), name);
          if (node.owner.mode === "ephemeral") expect(node.owner.session).toBe(mover.client.session);
          return { marker: textOf(node.data), sequence: Number(name.slice(2)) };
        });
        made.sort((a, b) => a.sequence - b.sequence);
        const order = made.map(({ marker }) => marker);
        const own = order.filter((marker) => marker.startsWith("m"));

        expect(new Set(order).size, `seed ${seed}: once`).toBe(order.length);
        expect(own, `seed ${seed}: in order`).toEqual(mover.sent.filter((marker) => own.includes(marker)));
        for (const marker of mover.acknowledged) expect(own, `seed ${seed}: done`).toContain(marker);
        expect(order.filter((marker) => mover.ghostly.has(marker))).toEqual([]);
        for (const path of WATCHED) {
          expect(mover.believed.get(path), `seed ${seed}: ${path}`).toBe(
            textOf(tree.get(path)?.data ?? null),
          );
        }
        total.moves += mover.moves;
        total.acknowledged += mover.acknowledged.length;
        total.caught += mover.caught;
        total.ghostly += mover.ghostly.size;
      }

      // Where messages take long, so does a handshake, and less is asked between two moves.
      expect(total.moves).toBeGreaterThan(SEEDS / 4);
      expect(total.acknowledged).toBeGreaterThan(SEEDS / 4);
      expect(total.caught).toBeGreaterThan(SEEDS / 4);
    },
  );
});

describe("a client that brings very many watches, in several setWatches frames", () => {
  it("has them all: those that missed something are told at once, the others when it happens", () => {
    const world = new World({ voters: 3 }).startAll();
    const leader = world.untilServing();
    const writer = connected(world, leader);
    writer.get(create("/w"));
    const { header } = writer.ask(create("/w/here"));
    const client = connected(
      world,
      must(
        world.sids.find((sid) => sid !== leader),
        "another",
      ),
    );
    const pathsOf = (frame: number): readonly string[] =>
      Array.from({ length: 3000 }, (_, index) => `/w/${frame}-${index}`);
    for (const frame of [1, 2, 3]) {
      client.send({
        op: frame === 2 ? "setWatches2" : "setWatches",
        relativeZxid: header.zxid,
        // Never there, or gone: each is an event at once.
        dataWatches: frame === 1 ? [...pathsOf(1), "/w/here"] : [],
        // Yet to come: each is a watch.
        existWatches: frame === 1 ? [] : pathsOf(frame),
        childWatches: frame === 3 ? ["/w"] : [],
        persistentWatches: [],
        persistentRecursiveWatches: frame === 2 ? ["/tree"] : [],
      });
    }
    world.run(100);
    const story = client.messages.map((message) => (message.kind === "event" ? message.event.type : "reply"));
    expect(story).toEqual([...Array.from({ length: 3000 }, () => 2), "reply", "reply", "reply"]);
    expect(world.keeper(client.sid).status().watches).toBe(1 + 3000 + 1 + 3000 + 1);

    client.messages.length = 0;
    for (const path of ["/w/2-0", "/w/2-2999", "/w/3-1500", "/tree", "/tree/leaf"]) writer.get(create(path));
    writer.get({ op: "setData", path: "/w/here", data: bytes("new"), version: -1 });
    world.run(100);
    const events = client.messages.map((message) =>
      message.kind === "event" ? `${message.event.type} ${message.event.path}` : "reply",
    );

    expect(events).toEqual([
      "1 /w/2-0",
      "4 /w",
      "1 /w/2-2999",
      "1 /w/3-1500",
      "1 /tree",
      "1 /tree/leaf",
      "3 /w/here",
    ]);
  });
});
