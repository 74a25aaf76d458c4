import { describe, expect, test } from "vitest";
import { Barrier } from "../../src/recipes/barrier.ts";
import { DistributedBarrier } from "../../src/recipes/distributed-barrier.ts";
import { DistributedDoubleBarrier } from "../../src/recipes/distributed-double-barrier.ts";
import { DoubleBarrier } from "../../src/recipes/double-barrier.ts";
import type { Children, RecipeClient, WatchListener } from "../../src/recipes/recipe-client.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/app/barrier";

const DOORS: readonly (readonly [string, (client: RecipeClient) => Door])[] = [
  [
    "DistributedBarrier",
    (client) => {
      const barrier = new DistributedBarrier(client, PATH);
      return {
        shut: async () => await barrier.setBarrier(),
        open: async () => await barrier.removeBarrier(),
        wait: async (timeoutMs) => await barrier.waitOnBarrier(timeoutMs === undefined ? {} : { timeoutMs }),
      };
    },
  ],
  [
    "Barrier",
    (client) => {
      const barrier = new Barrier(client, PATH);
      return {
        shut: async () => await barrier.create(),
        open: async () => await barrier.remove(),
        wait: async (timeoutMs) => await barrier.wait(timeoutMs === undefined ? {} : { timeoutMs }),
      };
    },
  ],
];

interface Door {
  shut(): Promise<void>;
  open(): Promise<unknown>;
  wait(timeoutMs?: number): Promise<void>;
}

describe.each(DOORS)("%s", (_name, doorOf) => {
  test("nobody goes through while it is shut", async () => {
    const world = new RecipeWorld(30);
    const [one, two] = await world.clients(2);
    await world.get(doorOf(two).wait());
    await world.get(doorOf(one).shut());
    await world.get(doorOf(one).shut());
    await expect(world.get(doorOf(two).wait(300))).rejects.toMatchObject({ fault: "timeout" });
    const waiting = world.watch(doorOf(two).wait());
    await world.run(1000);
    expect(waiting.outcome).toBeUndefined();
    await world.get(doorOf(one).open());
    await world.get(waiting.promise);
    await world.get(doorOf(one).open());
  });

  test("it stays shut when the one dies that set it, over the loss of each replica, and over a waiter's lost session", async () => {
    const world = new RecipeWorld(31);
    const [one, two, three] = await world.clients(3);
    await world.get(doorOf(one).shut());
    const waiting = world.watch(doorOf(two).wait());
    await world.run(500);
    one.abandon();
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    const session = two.session?.id;
    two.link.rest(12_000, true);
    await world.until(
      "its session is another one",
      () => two.session !== undefined && two.session.id !== session,
    );
    await world.run(1000);
    expect(waiting.outcome).toBeUndefined();
    await world.get(doorOf(three).open());
    await world.get(waiting.promise);
  });
});

const DOUBLES: readonly (readonly [string, (client: RecipeClient) => DistributedDoubleBarrier])[] = [
  ["DistributedDoubleBarrier", (client) => new DistributedDoubleBarrier(client, PATH, { memberCount: 3 })],
  ["DoubleBarrier", (client) => new DoubleBarrier(client, PATH, { numClients: 3, identifier: "me" })],
];

describe.each(DOUBLES)("%s", (_name, barrierOf) => {
  test("three go in together and out together, round after round", async () => {
    const world = new RecipeWorld(32);
    const clients = await world.clients(3);
    const barriers = clients.map(barrierOf);
    const inside: number[] = [0, 0, 0];
    const member = async (barrier: DistributedDoubleBarrier, index: number): Promise<void> => {
      for (let round = 1; round <= 3; round++) {
        await pause(world, 50 * index);
        await barrier.enter();
        inside[index] = round;
        // Whoever is in knows that all the others have come this far.
        expect(Math.min(...inside)).toBeGreaterThanOrEqual(round - 1);
        await pause(world, 70 * (3 - index));
        await barrier.leave();
        expect(Math.min(...inside)).toBe(round);
      }
    };
    await world.get(Promise.all(barriers.map(member)));
    expect(world.childrenOf(PATH)).toEqual([]);
  });

  test("two of three wait for ever; a member that dies meanwhile does not count", async () => {
    const world = new RecipeWorld(33);
    const [one, two, three, four] = await world.clients(4);
    const first = world.watch(barrierOf(one).enter());
    world.watch(barrierOf(two).enter());
    await world.until("two have come", () => world.childrenOf(PATH).length === 2);
    two.abandon();
    await world.until("one is gone", () => world.childrenOf(PATH).length === 1);
    const third = world.watch(barrierOf(three).enter());
    await world.run(2000);
    expect([first.outcome, third.outcome]).toEqual([undefined, undefined]);
    await expect(world.get(barrierOf(four).enter({ timeoutMs: 1 }))).rejects.toMatchObject({
      fault: "timeout",
    });
    await world.until("it is gone", () => world.childrenOf(PATH).length <= 2);
    const last = world.watch(barrierOf(four).enter());
    await world.get(Promise.all([first.promise, third.promise, last.promise]));
  });

  test("all die inside: what they leave behind opens the barrier for nobody", async () => {
    const world = new RecipeWorld(34);
    const first = await world.clients(3);
    await world.get(Promise.all(first.map(async (client) => await barrierOf(client).enter())));
    for (const client of first) client.abandon();
    const second = await world.clients(3);
    const [one, two, three] = second.map(barrierOf);
    const early = world.watch(Promise.all([one?.enter(), two?.enter()]));
    await world.run(10_000);
    expect(world.childrenOf(PATH)).toContain("ready");
    expect(early.outcome).toBeUndefined();
    await world.get(Promise.all([early.promise, three?.enter()]));
    await world.get(Promise.all([one?.leave(), two?.leave(), three?.leave()]));
    expect(world.childrenOf(PATH)).toEqual([]);
  });

  test("one dies inside: the others leave without it, and a next round can begin; replicas are lost meanwhile", async () => {
    const world = new RecipeWorld(35);
    const [one, two, three, four] = await world.clients(4, 6000);
    const barriers = [one, two, three].map(barrierOf);
    await world.get(Promise.all(barriers.map(async (barrier) => await barrier.enter())));
    three.abandon();
    world.loseLeader();
    await world.get(Promise.all([barriers[0]?.leave(), barriers[1]?.leave()]));
    const again = [barriers[0], barriers[1], barrierOf(four)];
    await world.get(Promise.all(again.map(async (barrier) => await barrier?.enter())));
    await world.get(Promise.all(again.map(async (barrier) => await barrier?.leave())));
    expect(world.childrenOf(PATH)).toEqual([]);
  });

  test("it is not opened by an old list of members: those who are gone by then do not count", async () => {
    const world = new RecipeWorld(37);
    const [one, two, three] = await world.clients(3);
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    // What it is told of the members reaches it late: the third is gone by then.
    const children = async (path: string, watch?: WatchListener): Promise<Children> => {
      const list = await one.children(path, watch);
      if (list.names.length >= 3) await gate;
      return list;
    };
    const slow = new Proxy(one, {
      get: (target, key): unknown => {
        if (key === "children") return children;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    await world.get(two.create("/app", { mode: "persistent", data: new Uint8Array(0) }));
    await world.get(two.create(PATH, { mode: "persistent", data: new Uint8Array(0) }));
    for (const [client, name] of [
      [two, "x"],
      [three, "y"],
    ] as const)
      await world.get(client.create(`${PATH}/${name}`, { mode: "ephemeral", data: new Uint8Array(0) }));
    const entering = world.watch(barrierOf(slow).enter());
    await world.until("it has come", () => world.childrenOf(PATH).length === 3);
    three.abandon();
    await world.until("the third is gone", () => world.childrenOf(PATH).length === 2);
    go();
    await world.run(2000);
    expect(entering.outcome).toBeUndefined();
    expect(world.childrenOf(PATH)).not.toContain("ready");
  });

  test("a member that loses its session is told, and is no member", async () => {
    const world = new RecipeWorld(36);
    const [one, two, three] = await world.clients(3);
    const barriers = [one, two, three].map(barrierOf);
    const [signal] = await world.get(Promise.all(barriers.map(async (barrier) => await barrier.enter())));
    one.link.rest(12_000, true);
    await world.until("it is told", () => signal?.aborted === true);
    await expect(world.get(barriers[0]?.leave() ?? Promise.resolve())).rejects.toMatchObject({
      fault: "sessionLost",
    });
    await world.get(Promise.all([barriers[1]?.leave(), barriers[2]?.leave()]));
  });
});

async function pause(world: RecipeWorld, durationMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    world.laterFor(durationMs, resolve);
  });
}
