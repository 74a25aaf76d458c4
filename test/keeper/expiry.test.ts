/** Sessions whose clients are heard do not end, and silent ones do, whatever links, clocks and leaders do meanwhile. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { SESSION_LATE_MS_MAX } from "../../src/keeper/limits.ts";
import { connected, create, TestClient } from "./test-client.ts";
import { World } from "./world.ts";

const TIMEOUT_MS = 4000;
const EPHEMERAL = 1;
const HOUR_MS = 3_600_000;
/** One way between two replicas. */
const WAY_MS_MAX = 300;
/** A client waits this long for an answer before it tries another replica. */
const PATIENCE_MS = 1300;
const RUNS = Number(process.env["EXPIRY_RUNS"] ?? 40);

/** What is done to an ensemble: to which replica (the leader for 0), and how much. */
interface Trouble {
  readonly kind: "rate" | "jump" | "pause" | "crash" | "break" | "cut";
  readonly at: number;
  readonly size: number;
  readonly pauseMs: number;
}

function troubles(...kinds: readonly Trouble["kind"][]): fc.Arbitrary<readonly Trouble[]> {
  return fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      at: fc.nat(3),
      size: fc.double({ min: 0, max: 1, noNaN: true }),
      pauseMs: fc.integer({ min: 10, max: 3000 }),
    }),
    { minLength: 4, maxLength: 12 },
  );
}

/** A client with a session to keep: pings each so often, and moves on where it is not answered. */
class Keeping {
  readonly #world: World;
  #client: TestClient;
  #sid: Sid;
  #handover: { readonly session: bigint; readonly password: Uint8Array | null } | undefined;
  #sinceMs: number;
  #askedMs = 0;
  #asked: number[] = [];
  /** When the latest request left that was answered. */
  heardMs = 0;
  isExpired = false;

  readonly #everyMs: number;

  constructor(world: World, sid: Sid, everyMs: number) {
    this.#world = world;
    this.#everyMs = everyMs;
    this.#sid = sid;
    this.#sinceMs = world.nowMs;
    this.#client = this.#connect();
    this.#live();
  }

  get session(): bigint {
    return must(this.#handover, "a session").session;
  }

  get isConnected(): boolean {
    return this.#client.welcome !== undefined && !this.#client.isClosed;
  }

  #connect(): TestClient {
    const client = new TestClient(this.#world, this.#sid);
    const sentMs = this.#world.nowMs;
    this.#sinceMs = this.#askedMs = sentMs;
    this.#asked = [];
    client.onWelcome = (welcome) => {
      if (client !== this.#client) return;
      if (welcome.timeoutMs === 0) this.isExpired = true;
      else {
        this.#handover = { session: welcome.sessionId, password: welcome.password };
        this.heardMs = Math.max(this.heardMs, sentMs);
      }
    };
    client.onMessage = () => {
      if (client === this.#client) this.heardMs = this.#asked.shift() ?? this.heardMs;
    };
    this.#client = client;
    return client.hello({ timeoutMs: TIMEOUT_MS, ...this.#handover });
  }

  /** Looks after it every 10 ms. */
  #live(): void {
    this.#world.later(10, () => {
      if (this.isExpired) return;
      const { nowMs } = this.#world;
      const waitedMs = nowMs - (this.isConnected ? (this.#asked[0] ?? nowMs) : this.#sinceMs);
      if (this.#client.isClosed || waitedMs > PATIENCE_MS) {
        this.#client.hangUp(nowMs % 2 === 0);
        this.#sid = (this.#sid % this.#world.sids.length) + 1;
        this.#connect();
      } else if (this.isConnected && nowMs - this.#askedMs >= this.#everyMs) {
        this.#askedMs = nowMs;
        this.#asked.push(nowMs);
        this.#client.send({ op: "ping" });
      }
      this.#live();
    });
  }
}

function inflict(world: World, { kind, at, size }: Trouble): void {
  const leader = world.leader();
  const sid = at === 0 && leader !== undefined ? leader : Math.max(1, at);
  const replica = world.replica(sid);
  if (kind === "rate") replica.setRate(0.5 * 4 ** size, world.nowMs);
  else if (kind === "jump") replica.skewMs += Math.round((size - 0.5) * 8 * HOUR_MS);
  else if (kind === "break") world.breakLinks(sid, leader ?? 1);
  else if (kind === "crash") {
    world.crash(sid);
    world.later(size * 2000, () => world.startAll());
  } else if (kind === "cut") {
    world.cut(sid);
    world.later(size * 2500, () => world.heal());
  } else {
    const { instance } = replica;
    world.freeze(sid);
    world.later(size * 1200, () => {
      if (replica.instance === instance) world.thaw(sid);
    });
  }
}

function prepare(
  everyMs: number,
  wayMs: number,
  seed: number,
): { world: World; clients: readonly Keeping[] } {
  const world = new World({ voters: 3, seed }).startAll();
  world.untilServing();
  const clients = world.sids.map((sid) => new Keeping(world, sid, everyMs));
  world.until("all are connected", () => clients.every((client) => client.isConnected));
  // A replica that has this has had all the sessions.
  connected(world, 1).get(create("/begun"));
  world.delayMs = wayMs - 1;
  return { world, clients };
}

/** Whether some replica has delivered the session's end: one that has /begun has had its beginning. */
function isOver(world: World, session: bigint): boolean {
  return world.sids.some((sid) => {
    const { tree } = world.replica(sid);
    return tree?.get("/begun") !== undefined && tree.sessions.get(session) === undefined;
  });
}

function end(world: World): void {
  world.heal();
  for (const sid of world.sids) {
    if (world.replica(sid).frozen !== undefined) world.thaw(sid);
  }
  world.startAll();
}

describe("a session whose client is heard", () => {
  it("goes on, on its connection, over slow links and with clocks that run from half to twice as fast or jump", () => {
    const plans = fc.tuple(
      fc.nat(1_000_000),
      fc.integer({ min: 1, max: WAY_MS_MAX }),
      troubles("rate", "jump"),
    );
    fc.assert(
      fc.property(plans, ([seed, wayMs, plan]) => {
        const { world, clients } = prepare(TIMEOUT_MS / 3, wayMs, seed);
        const leader = must(world.leader(), "a leader");
        for (const trouble of plan) {
          inflict(world, trouble);
          world.run(trouble.pauseMs);
        }
        world.run(10_000);

        expect(clients.filter((client) => client.isExpired)).toHaveLength(0);
        for (const client of clients) expect(world.tree(leader).sessions.get(client.session)).toBeDefined();
      }),
      { numRuns: RUNS },
    );
  });

  it("is never over before it was silent for its timeout, whoever leads, stands still, dies or is cut off", () => {
    const plans = fc.tuple(
      fc.nat(1_000_000),
      fc.integer({ min: 1, max: WAY_MS_MAX }),
      troubles("jump", "pause", "crash", "break", "cut"),
      fc.integer({ min: TIMEOUT_MS / 4, max: TIMEOUT_MS - 20 }),
    );
    fc.assert(
      fc.property(plans, ([seed, wayMs, plan, everyMs]) => {
        const { world, clients } = prepare(everyMs, wayMs, seed);
        const silentMs = new Map<Keeping, number>();
        const check = (): void => {
          for (const client of clients) {
            if (silentMs.has(client) || !isOver(world, client.session)) continue;
            silentMs.set(client, world.nowMs - client.heardMs);
          }
        };
        const live = (durationMs: number): void => {
          for (const untilMs = world.nowMs + durationMs; world.nowMs < untilMs;) {
            world.run(50);
            check();
          }
        };
        for (const trouble of plan) {
          inflict(world, trouble);
          live(trouble.pauseMs);
        }
        end(world);
        live(8000);
        expect([...silentMs.values()].filter((ms) => ms < TIMEOUT_MS)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a replica that does not know yet that it is lost", () => {
  it("may answer a client until it does: that session has its whole timeout from then on", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World({ voters: 3, seed }).startAll();
      const old = world.untilServing();
      const others = world.sids.filter((sid) => sid !== old);
      const client = connected(world, old);
      client.get(create("/begun"));
      world.untilEqual();
      // Nobody tells it that its links are gone, and the others go on without it.
      world.replica(old).links.clear();
      for (const sid of others) world.crash(sid);
      world.cut(old);
      for (const sid of others) world.start(sid);
      const serves = (): boolean => others.every((sid) => world.keeper(sid).serving);
      world.until("the others serve", serves);
      const electedMs = world.nowMs;
      let heardMs = 0;
      client.onMessage = () => {
        heardMs = world.nowMs;
      };
      const ping = (): void => {
        client.send({ op: "ping" });
        if (!client.isClosed) world.later(10, ping);
      };
      ping();
      world.until("the session ends", () => isOver(world, client.session), 30_000);

      expect(heardMs - electedMs).toBeGreaterThan(500);
      expect(world.nowMs - heardMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
    }
  });
});

describe("a replica that was started anew before its leader noticed that it was gone", () => {
  it("had heard clients of which it told nobody: they have their whole timeout from then on", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World({ voters: 3, seed }).startAll();
      const leader = world.untilServing();
      const sid = must(world.sids[leader % 3], "a follower");
      const client = connected(world, sid);
      client.get(create("/begun"));
      world.untilEqual();
      world.run(TIMEOUT_MS - 1000);
      // Its last words, and that its link is gone, never get to the leader.
      world.muteLinks(sid, leader);
      client.ask({ op: "ping" });
      const heardMs = world.nowMs;
      world.replica(sid).links.clear();
      world.crash(sid);
      world.start(sid);
      world.until("the session ends", () => isOver(world, client.session), 30_000);

      expect(world.nowMs - heardMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
    }
  });
});

describe("a session whose client vanished", () => {
  it("is over SESSION_LATE_MS_MAX and two round trips after its timeout, at the latest", () => {
    const lasted: number[] = [];
    for (let seed = 1; seed <= 30; seed++) {
      const world = new World({ voters: 3, seed }).startAll();
      const leader = world.untilServing();
      const sid = must(world.sids[seed % 3], "a sid");
      const client = connected(world, sid);
      client.get(create("/e", { flags: EPHEMERAL }));
      world.delayMs = WAY_MS_MAX - 1;
      world.run(2000 + seed * 41);
      client.ask({ op: "ping" });
      client.hangUp(seed % 2 === 0);
      const sinceMs = world.nowMs;
      const isOver = (): boolean => world.tree(leader).sessions.get(client.session) === undefined;
      world.until("the session ends", isOver, 30_000);
      lasted.push(world.nowMs - sinceMs);
    }
    // To the farthest replica and back twice, and a commit.
    const waysMs = 6 * WAY_MS_MAX + 20;

    expect(Math.min(...lasted)).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(Math.max(...lasted)).toBeLessThanOrEqual(TIMEOUT_MS + SESSION_LATE_MS_MAX + waysMs);
  });
});
