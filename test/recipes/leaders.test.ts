import { describe, expect, test } from "vitest";
import { Election } from "../../src/recipes/election.ts";
import { LeaderLatch } from "../../src/recipes/leader-latch.ts";
import { LeaderSelector } from "../../src/recipes/leader-selector.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/election";

describe("LeaderLatch", () => {
  test("one leads; when it closes the next one does; all are listed", async () => {
    const world = new RecipeWorld(20);
    const [one, two] = await world.clients(2);
    const first = new LeaderLatch(one, PATH, { id: "one" }).start();
    const leadership = await world.get(first.await());
    const second = new LeaderLatch(two, PATH, { id: "two" }).start();
    await world.until("both take part", () => world.childrenOf(PATH).length === 2);
    expect(await world.get(second.participants())).toEqual(["one", "two"]);
    expect([first.hasLeadership, second.hasLeadership]).toEqual([true, false]);
    await expect(world.get(second.await({ timeoutMs: 200 }))).rejects.toMatchObject({ fault: "timeout" });
    let ceased = 0;
    first.onNotLeader(() => ceased++);
    await world.get(first.close("notify"));
    expect(ceased).toBe(1);
    const next = await world.get(second.await());
    expect(next.token > leadership.token).toBe(true);
    await expect(world.get(first.await())).rejects.toMatchObject({ fault: "closed" });
    await world.get(second.close());
    expect(world.childrenOf(PATH)).toEqual([]);
  });

  test("the leader dies: the next one leads; the leader's own listeners hear before that", async () => {
    const world = new RecipeWorld(21);
    const one = await world.client({ sids: [1] });
    const two = await world.client({ sids: [2, 3] });
    const first = new LeaderLatch(one, PATH).start();
    await world.get(first.await());
    let ceasedAtMs = 0;
    first.onNotLeader(() => {
      ceasedAtMs = world.nowMs;
    });
    const second = new LeaderLatch(two, PATH).start();
    world.loseReplica(1, 20_000);
    await world.get(second.await());
    expect(ceasedAtMs).toBeGreaterThan(0);
    expect(ceasedAtMs).toBeLessThan(world.nowMs);
    // Its replica is back: it takes part anew, behind the new leader.
    await world.until("it takes part anew", () => world.childrenOf(PATH).length === 2, 60_000);
    expect([first.hasLeadership, second.hasLeadership]).toEqual([false, true]);
  });

  test("the loss of each replica in turn changes no leader", async () => {
    const world = new RecipeWorld(22);
    const [one, two] = await world.clients(2, 10_000);
    const first = new LeaderLatch(one, PATH).start();
    const leadership = await world.get(first.await());
    const second = new LeaderLatch(two, PATH).start();
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    expect([first.leadership?.token, second.hasLeadership]).toEqual([leadership.token, false]);
  });

  test("a client that is closed ends it quietly", async () => {
    const world = new RecipeWorld(23);
    const [one] = await world.clients(1);
    const latch = new LeaderLatch(one, PATH).start();
    await world.get(latch.await());
    one.close();
    await world.get(latch.close());
    expect(one.reports).toEqual([]);
  });
});

describe("LeaderSelector", () => {
  const turns =
    (world: RecipeWorld, order: string[], name: string) => async (turn: { readonly signal: AbortSignal }) => {
      order.push(name);
      expect(order.filter((one) => one === `${name} ends`).length).toBeLessThan(order.length);
      await pause(world, 100, turn.signal);
      order.push(`${name} ends`);
    };

  test("each has its turns, one at a time", async () => {
    const world = new RecipeWorld(24);
    const [one, two] = await world.clients(2);
    const order: string[] = [];
    const first = new LeaderSelector(one, PATH, turns(world, order, "one"), {
      id: "one",
      autoRequeue: true,
    }).start();
    const second = new LeaderSelector(two, PATH, turns(world, order, "two"), {
      id: "two",
      autoRequeue: true,
    }).start();
    await world.until(
      "each has had two turns",
      () => order.filter((name) => name === "two ends").length >= 2,
    );
    for (let at = 0; at + 1 < order.length; at += 2) expect(order[at + 1]).toBe(`${order[at]} ends`);
    expect(order.filter((name) => name === "one ends").length).toBeGreaterThanOrEqual(2);
    expect((await world.get(first.participants())).length).toBeGreaterThan(0);
    await world.get(Promise.all([first.close(), second.close()]));
    // The replica that is looked at may learn of it a moment later.
    await world.until("nobody is left in the queue", () => world.childrenOf(PATH).length === 0);
  });

  test("the leader dies in its turn: its signal is aborted, and the next one has its turn; another replica is lost meanwhile", async () => {
    const world = new RecipeWorld(25);
    const one = await world.client({ sids: [1] });
    const two = await world.client({ sids: [2, 3], timeoutMs: 10_000 });
    const told: string[] = [];
    const lead =
      (name: string) =>
      async ({ signal }: { readonly signal: AbortSignal }) => {
        told.push(`${name} leads`);
        await pause(world, 60_000, signal);
        told.push(`${name} ends`);
      };
    new LeaderSelector(one, PATH, lead("one")).start();
    await world.until("one leads", () => told.length === 1);
    const second = new LeaderSelector(two, PATH, lead("two")).start();
    world.loseReplica(1, 15_000);
    await world.until("two leads", () => told.includes("two leads"));
    expect(told).toEqual(["one leads", "one ends", "two leads"]);
    await world.until("all serve", () => world.world.isServing());
    world.loseReplica(2, 2000);
    await world.run(4000);
    expect(second.hasLeadership).toBe(true);
    second.interruptLeadership();
    await world.until("two ends", () => told.includes("two ends"));
  });

  test("what a turn throws is told, and the turn is over", async () => {
    const world = new RecipeWorld(26);
    const [one] = await world.clients(1);
    const errors: unknown[] = [];
    const fail = async (): Promise<void> => await Promise.reject(new Error("no"));
    const selector = new LeaderSelector(one, PATH, fail, { onError: (error) => errors.push(error) }).start();
    await world.until("it is told", () => errors.length === 1 && world.childrenOf(PATH).length === 0);
    expect(selector.hasLeadership).toBe(false);
    await world.until("it may ask again", () => selector.requeue());
  });
});

describe("Election", () => {
  test("the function runs while one leads; who is cancelled before never runs", async () => {
    const world = new RecipeWorld(27);
    const [one, two, three] = await world.clients(3);
    let holders = 0;
    const lead = async (): Promise<number> => {
      expect(++holders).toBe(1);
      await pause(world, 300);
      return holders--;
    };
    const first = world.watch(new Election(one, PATH, "one").run(lead));
    await world.until("one leads", () => holders === 1);
    const second = new Election(two, PATH, "two");
    const cancelled = world.watch(second.run(lead));
    const third = world.watch(new Election(three, PATH, "three").run(lead));
    await world.until("all take part", () => world.childrenOf(PATH).length === 3);
    expect(await world.get(second.contenders())).toContain("two");
    second.cancel();
    expect(await world.get(cancelled.promise)).toBeUndefined();
    expect(await world.get(Promise.all([first.promise, third.promise]))).toEqual([1, 1]);
  });

  test("the leader dies: the next one runs; the loss of the leading replica ends no leadership", async () => {
    const world = new RecipeWorld(28);
    const [one, two] = await world.clients(2, 6000);
    const lead =
      (client: RecipeClient) =>
      async ({ signal }: { readonly signal: AbortSignal }) => {
        await pause(world, 100_000, signal);
        return client;
      };
    const first = world.watch(new Election(one, PATH).run(lead(one)));
    await world.until("one leads", () => world.childrenOf(PATH).length === 1);
    let isElected = false;
    const second = new Election(two, PATH).run(async () => {
      isElected = true;
      return await Promise.resolve("two");
    });
    world.loseLeader();
    await world.run(4000);
    expect([first.outcome, isElected]).toEqual([undefined, false]);
    one.abandon();
    expect(await world.get(second)).toBe("two");
  });
});

async function pause(world: RecipeWorld, durationMs: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal?.addEventListener("abort", () => resolve(), { once: true });
    world.laterFor(durationMs, resolve);
  });
}
