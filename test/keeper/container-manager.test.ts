/** Which znodes a leader removes by itself, when, and how fast. */
import { describe, expect, test } from "vitest";
import { ZNODE_SETTINGS, type ZnodeSettings } from "../../src/base/znode-settings.ts";
import { ContainerManager } from "../../src/keeper/container-manager.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { create, freshTree, Leader } from "../tree/harness.ts";
import { connected, create as make } from "./test-client.ts";
import { World } from "./world.ts";

const TICK_MS = 50;

/** A store that counts how often it is asked, and for how much. */
class CountingStore extends MapNodeStore {
  readonly asked: number[] = [];

  override idle(...query: Parameters<MapNodeStore["idle"]>): ReturnType<MapNodeStore["idle"]> {
    const found = super.idle(...query);
    this.asked.push(found.length);
    return found;
  }
}

/** A manager over a tree, whose proposals are noted; time begins where the tree's last write was. */
class Subject {
  readonly store: CountingStore = new CountingStore();
  readonly leader: Leader = new Leader(freshTree(this.store));
  readonly removed: string[] = [];
  nowMs = 0;
  #manager: ContainerManager | undefined;

  constructor(requests: Parameters<Leader["write"]>[0][]) {
    for (const request of requests) this.leader.write(request);
  }

  start(settings: Partial<ZnodeSettings>): this {
    this.nowMs = 1000 * this.leader.counter;
    this.#manager = new ContainerManager({
      tree: this.leader.tree,
      settings: { ...ZNODE_SETTINGS, ...settings },
      nowMs: this.nowMs,
      propose: (path) => this.removed.push(path),
    });
    return this;
  }

  /** Lets time pass tick by tick. */
  pass(durationMs: number): this {
    for (let passed = 0; passed < durationMs; passed += TICK_MS) {
      this.nowMs += TICK_MS;
      this.#manager?.tick(this.nowMs);
    }
    return this;
  }
}

function emptied(count: number): Parameters<Leader["write"]>[0][] {
  return Array.from({ length: count }, (_, index) => [
    create(`/c${index}`, { op: "createContainer", flags: 4 }),
    create(`/c${index}/kid`),
    { op: "delete", path: `/c${index}/kid`, version: -1 } as const,
  ]).flat();
}

describe("a leader's sweep", () => {
  test("comes an interval after the leader began, and each interval from then on", () => {
    const subject = new Subject(emptied(1)).start({ sweepIntervalMs: 1000 });

    expect(subject.pass(950).removed).toEqual([]);
    expect(subject.pass(50).removed).toEqual(["/c0"]);
    expect(subject.pass(950).removed).toHaveLength(1);
    expect(subject.pass(50).removed).toHaveLength(2);
  });

  test("removes no more in a minute than it may, and never two at once of few", () => {
    const subject = new Subject(emptied(50)).start({ sweepIntervalMs: 100, sweepsPerMinute: 600 });
    const counts: number[] = [];
    for (let index = 0; index < 40; index++) {
      const before = subject.removed.length;
      subject.pass(TICK_MS);
      counts.push(subject.removed.length - before);
    }

    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    expect(subject.removed.length).toBeLessThanOrEqual(2000 / 100 + 1);
    expect(subject.removed.length).toBeGreaterThan(15);
  });

  test("takes each candidate once, page by page, and asks the index alone", () => {
    const subject = new Subject(emptied(600)).start({ sweepIntervalMs: 60_000, sweepsPerMinute: 600_000 });
    subject.pass(62_000);

    expect(new Set(subject.removed).size).toBe(600);
    expect(subject.removed).toHaveLength(600);
    expect(subject.store.asked).toEqual([256, 256, 88, 0]);
  });

  test("leaves what was used again or is gone when its turn comes", () => {
    const subject = new Subject(emptied(5)).start({ sweepIntervalMs: 100, sweepsPerMinute: 60 });
    subject.pass(100);
    subject.leader.write(create("/c3/again"));
    subject.leader.write({ op: "delete", path: "/c2", version: -1 });
    subject.pass(20_000);

    expect(new Set(subject.removed)).toEqual(new Set(["/c0", "/c1", "/c4"]));
  });

  test("makes no burst of the time for which the leader stood still, and none of a clock that went back", () => {
    const subject = new Subject(emptied(50)).start({ sweepIntervalMs: 100, sweepsPerMinute: 6000 });
    subject.nowMs += 3_600_000;
    const behind = subject.pass(TICK_MS).removed.length;
    subject.nowMs -= 7_200_000;
    subject.pass(TICK_MS);
    const back = subject.removed.length;

    expect(behind).toBeLessThanOrEqual(25);
    expect(back - behind).toBeLessThanOrEqual(5);
  });

  test("takes containers that were never used only where their age is set", () => {
    const container = create("/c", { op: "createContainer", flags: 4 });
    const never = new Subject([container]).start({ sweepIntervalMs: 100 });
    const soon = new Subject([container]).start({ sweepIntervalMs: 100, neverUsedMs: 2000 });

    expect(never.pass(10_000).removed).toEqual([]);
    expect(soon.pass(2000).removed).toEqual([]);
    expect(soon.pass(100).removed).toEqual(["/c"]);
  });
});

describe("an ensemble", () => {
  const znodes = { ...ZNODE_SETTINGS, sweepIntervalMs: 500 };

  test("removes TTL znodes and emptied containers, tells their watchers, and does so under the next leader too", () => {
    const world = new World({ voters: 3, znodes }).startAll();
    const leader = world.untilServing();
    const client = connected(world, (leader % 3) + 1, { timeoutMs: 40_000 });
    const at = world.nowMs;
    client.get({ ...make("/ttl"), op: "createTTL", flags: 5, ttlMs: 2000 });
    client.get({ ...make("/later"), op: "createTTL", flags: 5, ttlMs: 8000 });
    client.get({ ...make("/box"), op: "createContainer", flags: 4 });
    client.get({ ...make("/unused"), op: "createContainer", flags: 4 });
    client.get(make("/box/kid"));
    client.get({ op: "exists", path: "/ttl", watch: true });
    client.get({ op: "getChildren", path: "/", watch: true });

    world.until("the TTL znode is gone", () => world.tree(leader).get("/ttl") === undefined);
    const goneAfterMs = world.nowMs - at;
    client.get({ op: "delete", path: "/box/kid", version: -1 });
    world.run(1000);
    world.untilEqual();
    const left = world.tree(1).childNames("/");

    world.crash(leader);
    world.until("another leads", () => (world.leader() ?? leader) !== leader && world.isServing());
    world.startAll().untilServing();
    world.until("the other is gone", () => world.tree(1).get("/later") === undefined);
    const lastAfterMs = world.nowMs - at;
    world.untilEqual();

    expect(goneAfterMs).toBeGreaterThan(2000);
    expect(goneAfterMs).toBeLessThan(3000);
    expect(lastAfterMs).toBeGreaterThan(8000);
    expect(left).toEqual(["later", "unused", "zookeeper"]);
    expect(client.messages.filter(({ kind }) => kind === "event").slice(0, 2)).toMatchObject([
      { event: { type: 2, path: "/ttl" } },
      { event: { type: 4, path: "/" } },
    ]);
    for (const sid of world.sids) expect(world.tree(sid).childNames("/")).toEqual(["unused", "zookeeper"]);
  });
});
