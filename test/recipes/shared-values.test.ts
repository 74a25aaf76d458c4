import { describe, expect, test } from "vitest";
import { CachedAtomicLong } from "../../src/recipes/cached-atomic-long.ts";
import { Counter } from "../../src/recipes/counter.ts";
import { DistributedAtomicInteger } from "../../src/recipes/distributed-atomic-integer.ts";
import { DistributedAtomicLong } from "../../src/recipes/distributed-atomic-long.ts";
import { DistributedAtomicValue } from "../../src/recipes/distributed-atomic-value.ts";
import { NodeCache } from "../../src/recipes/node-cache.ts";
import { RecipeError } from "../../src/recipes/recipe-error.ts";
import { SharedCount } from "../../src/recipes/shared-count.ts";
import { SharedValue } from "../../src/recipes/shared-value.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/app/value";

describe("NodeCache, SharedValue, SharedCount", () => {
  test("NodeCache: what is there, what it becomes, and that it is gone; over lost replicas and sessions, and its writer's death", async () => {
    const world = new RecipeWorld(40);
    const [one, two] = await world.clients(2);
    const cache = await world.get(new NodeCache(one, PATH).start());
    expect(cache.current).toBeUndefined();
    const seen: string[] = [];
    cache.onChange((znode) => seen.push(znode === undefined ? "-" : text(znode.data)));
    const value = await world.get(new SharedValue(two, PATH, bytes("a")).start());
    await world.until("a is seen", () => seen.at(-1) === "a");
    world.loseLeader();
    await world.get(value.setValue(bytes("b")));
    await world.until("b is seen", () => seen.at(-1) === "b");
    const session = one.session;
    one.link.rest(12_000, true);
    await world.until("the session is lost", () => session?.lost.aborted === true);
    await world.get(value.setValue(bytes("c")));
    two.abandon();
    await world.until("c is seen", () => text(cache.current?.data ?? null) === "c");
    const three = await world.client();
    await world.get(three.delete(PATH));
    await world.until("it is gone", () => cache.current === undefined);
    await world.get(cache.close());
    expect(seen).toEqual(["a", "b", "c", "-"]);
    expect(one.reports).toEqual([]);
  });

  test("SharedValue, SharedCount: set by version, by one alone; seen by all", async () => {
    const world = new RecipeWorld(41);
    const clients = await world.clients(3);
    const counts = await world.get(
      Promise.all(clients.map(async (client) => await new SharedCount(client, PATH, 7).start())),
    );
    expect(counts.map(({ count }) => count)).toEqual([7, 7, 7]);
    const before = counts.map(({ versionedCount }) => versionedCount);
    const won = await world.get(
      Promise.all(
        counts.map(
          async (count, index) => await count.trySetCount(before[index] ?? before[0] ?? never(), index),
        ),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    const winner = won.indexOf(true);
    await world.until("all see it", () => counts.every(({ count }) => count === winner));
    await world.get(counts[0]?.setCount(-5) ?? never());
    await world.until("all see that", () => counts.every(({ count }) => count === -5));
    expect(await world.get(clients[0].get(PATH))).toMatchObject({ data: Uint8Array.of(255, 255, 255, 251) });
  });

  test("SharedValue: it stays when the one dies that set it, and over the loss of each replica", async () => {
    const world = new RecipeWorld(42);
    const [one, two] = await world.clients(2, 8000);
    const first = await world.get(new SharedValue(one, PATH, bytes("seed")).start());
    const second = await world.get(new SharedValue(two, PATH, bytes("other")).start());
    await world.get(first.setValue(bytes("set")));
    one.abandon();
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    await world.until("it is seen", () => text(second.value) === "set");
    expect(await world.get(second.trySetValue(second.versionedValue, bytes("next")))).toBe(true);
  });
});

describe("counting", () => {
  test.each([1, 2, 3, 4])(
    "the sum is what was added, whoever dies and whichever replica is lost (seed %i)",
    async (seed) => {
      const world = new RecipeWorld(50 + seed);
      const clients = await world.clients(3, 8000);
      const settings = { triesMax: 5, promotedToLock: { path: "/app/lock", timeoutMs: 5000 } };
      const done = { long: 0n, integer: 0, counter: 0 };
      const unknown = { long: 0n, integer: 0, counter: 0 };
      const work = clients.map(async (client) => {
        const long = new DistributedAtomicLong(client, "/app/long", settings);
        const integer = new DistributedAtomicInteger(client, "/app/integer", settings);
        const counter = new Counter(client, "/app/counter");
        for (let round = 0; round < 6; round++) {
          await count(
            async () => (await long.add(2n)).succeeded,
            (sum) => (sum.long += 2n),
          );
          await count(
            async () => (await integer.increment()).succeeded,
            (sum) => (sum.integer += 1),
          );
          await count(
            async () => (await counter.add(3)) !== undefined,
            (sum) => (sum.counter += 3),
          );
        }
      });
      async function count(
        change: () => Promise<boolean>,
        add: (sum: { long: bigint; integer: number; counter: number }) => void,
      ): Promise<void> {
        try {
          if (await change()) add(done);
        } catch (error) {
          // A client whose session is over does not know what became of its last change.
          if (!(error instanceof RecipeError) && !String(error).includes("sessionExpired")) throw error;
          add(unknown);
        }
      }
      await world.run(100 * seed);
      for (const client of clients) client.link.move(seed % 2 === 0);
      world.loseReplica(seed % 3 || 3);
      await world.run(300);
      clients[2].abandon();
      await world.get(Promise.all(work));
      const [one] = clients;
      // What others were told is done may not have come to its replica yet.
      await world.get(one.sync("/app"));
      const long = await world.get(new DistributedAtomicLong(one, "/app/long").get());
      const integer = await world.get(new DistributedAtomicInteger(one, "/app/integer").get());
      const counter = await world.get(new Counter(one, "/app/counter").value());
      expect(long >= done.long && long <= done.long + unknown.long).toBe(true);
      expect(integer >= done.integer && integer <= done.integer + unknown.integer).toBe(true);
      expect(counter >= done.counter && counter <= done.counter + unknown.counter).toBe(true);
      expect(done.long).toBeGreaterThan(20n);
    },
  );

  test("DistributedAtomicValue: by what it is, once, or by force", async () => {
    const world = new RecipeWorld(45);
    const [one, two] = await world.clients(2);
    const value = new DistributedAtomicValue(one, PATH);
    expect(await world.get(value.get())).toBeUndefined();
    expect((await world.get(value.compareAndSet(bytes(""), bytes("x")))).succeeded).toBe(false);
    expect(await world.get(value.initialize(bytes("a")))).toBe(true);
    expect(await world.get(new DistributedAtomicValue(two, PATH).initialize(bytes("b")))).toBe(false);
    const result = await world.get(value.compareAndSet(bytes("a"), bytes("c")));
    expect([result.succeeded, text(result.preValue ?? null), text(result.postValue ?? null)]).toEqual([
      true,
      "a",
      "c",
    ]);
    await world.get(value.forceSet(bytes("d")));
    expect((await world.get(value.trySet(bytes("e")))).stats.optimisticTries).toBe(1);
  });

  test("DistributedAtomicInteger: past the largest comes the smallest; bad bytes are told", async () => {
    const world = new RecipeWorld(46);
    const [one] = await world.clients(1);
    const integer = new DistributedAtomicInteger(one, PATH);
    await world.get(integer.forceSet(2_147_483_647));
    expect((await world.get(integer.increment())).postValue).toBe(-2_147_483_648);
    expect((await world.get(integer.subtract(1))).postValue).toBe(2_147_483_647);
    await world.get(one.set(PATH, bytes("x")));
    await expect(world.get(integer.get())).rejects.toMatchObject({ fault: "badData" });
  });

  test("CachedAtomicLong: every number once, a block at a time, and a process that dies takes the rest of its block along", async () => {
    const world = new RecipeWorld(47);
    const [one, two] = await world.clients(2);
    const first = new CachedAtomicLong(new DistributedAtomicLong(one, PATH), 10);
    const second = new CachedAtomicLong(new DistributedAtomicLong(two, PATH), 10);
    const given = await world.get(Promise.all([first.next(), first.next(), second.next(), first.next()]));
    expect(new Set(given).size).toBe(4);
    one.abandon();
    world.loseLeader();
    const rest = await world.get(Promise.all(Array.from({ length: 15 }, async () => await second.next())));
    expect(new Set([...given, ...rest]).size).toBe(19);
  });

  test("Counter: in kazoo's text or Curator's bytes", async () => {
    const world = new RecipeWorld(48);
    const [one] = await world.clients(1);
    const counter = new Counter(one, PATH, { default: 1.5 });
    expect(await world.get(counter.add(1))).toBe(2.5);
    expect([counter.preValue, counter.postValue]).toEqual([1.5, 2.5]);
    expect(text((await world.get(one.get(PATH))).data)).toBe("2.5");
    const curators = new Counter(one, "/app/curators", { supportCurator: true });
    await world.get(curators.add(258));
    const count = await world.get(new SharedCount(one, "/app/curators", 0).start());
    expect(count.count).toBe(258);
  });
});

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array | null): string {
  return value === null ? "" : new TextDecoder().decode(value);
}

function never(): never {
  throw new Error("not there");
}
