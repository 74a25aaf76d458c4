/** What every lock of this package does, whatever its name: the same tests for all of them. */
import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { InterProcessMultiLock } from "../../src/recipes/inter-process-multi-lock.ts";
import { InterProcessMutex } from "../../src/recipes/inter-process-mutex.ts";
import { InterProcessReadWriteLock } from "../../src/recipes/inter-process-read-write-lock.ts";
import { InterProcessSemaphoreMutex } from "../../src/recipes/inter-process-semaphore-mutex.ts";
import { InterProcessSemaphoreV2 } from "../../src/recipes/inter-process-semaphore-v2.ts";
import { Lock } from "../../src/recipes/lock.ts";
import type { WaitOptions } from "../../src/recipes/patience.ts";
import { ReadLock } from "../../src/recipes/read-lock.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import { Semaphore } from "../../src/recipes/semaphore.ts";
import { WriteLock } from "../../src/recipes/write-lock.ts";
import { RecipeWorld } from "./recipe-world.ts";

interface Held {
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

interface AnyLock {
  acquire(options?: WaitOptions): Promise<Held>;
  tryAcquire(options?: WaitOptions): Promise<Held | undefined>;
}

const PATH = "/app/lock";
const LOCKS: Readonly<Record<string, (client: RecipeClient) => AnyLock>> = {
  InterProcessMutex: (client) => new InterProcessMutex(client, PATH),
  InterProcessSemaphoreMutex: (client) => new InterProcessSemaphoreMutex(client, PATH),
  "InterProcessReadWriteLock.writeLock": (client) => new InterProcessReadWriteLock(client, PATH).writeLock,
  InterProcessSemaphoreV2: (client) => new InterProcessSemaphoreV2(client, PATH, { maxLeases: 1 }),
  InterProcessMultiLock: (client) => new InterProcessMultiLock(client, [`${PATH}/a`, `${PATH}/b`]),
  Lock: (client) => new Lock(client, PATH),
  WriteLock: (client) => new WriteLock(client, PATH),
  Semaphore: (client) => new Semaphore(client, PATH),
};

describe.each(Object.entries(LOCKS))("%s", (_name, lockOf) => {
  test("one holds it at a time, and a waiter's patience leaves nothing behind", async () => {
    const world = new RecipeWorld(3);
    const [one, two, three] = await world.clients(3);
    const hold = await world.get(lockOf(one).acquire());
    expect(await world.get(lockOf(two).tryAcquire())).toBeUndefined();
    await expect(world.get(lockOf(two).acquire({ timeoutMs: 300 }))).rejects.toMatchObject({
      fault: "timeout",
    });
    const aborter = new AbortController();
    const aborted = lockOf(two).acquire({ signal: aborter.signal });
    await world.run(100);
    aborter.abort(new Error("enough"));
    await expect(world.get(aborted)).rejects.toThrow("enough");
    await world.get(hold.release());
    const next = await world.get(lockOf(three).acquire({ timeoutMs: 1000 }));
    await world.get(next.release());
    expect(await world.get(lockOf(two).tryAcquire())).toBeDefined();
  });

  test("the holder dies: the next one has it when the session is over", async () => {
    const world = new RecipeWorld(4);
    const [one, two] = await world.clients(2);
    await world.get(lockOf(one).acquire());
    const next = world.watch(lockOf(two).acquire());
    await world.run(200);
    one.abandon();
    await world.run(3000);
    expect(next.outcome).toBeUndefined();
    await world.get(next.promise);
  });

  test("the one dies that waits first: the next one has it when the holder gives it back", async () => {
    const world = new RecipeWorld(5);
    const [one, two, three] = await world.clients(3);
    const hold = await world.get(lockOf(one).acquire());
    const gone = world.watch(lockOf(two).acquire());
    await world.run(200);
    const next = world.watch(lockOf(three).acquire());
    await world.run(200);
    two.abandon();
    await world.run(10_000);
    expect(next.outcome).toBeUndefined();
    await world.get(hold.release());
    await world.get(next.promise);
    expect(gone.outcome).not.toHaveProperty("value");
  });

  test("the loss of each replica in turn costs neither holder nor waiter its place", async () => {
    const world = new RecipeWorld(6);
    const [one, two] = await world.clients(2, 10_000);
    const hold = await world.get(lockOf(one).acquire());
    const next = world.watch(lockOf(two).acquire());
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    expect(hold.signal.aborted).toBe(false);
    expect(next.outcome).toBeUndefined();
    await world.get(hold.release());
    await world.get(next.promise);
  });

  test("a holder that reaches no replica is told before the next one has it", async () => {
    const world = new RecipeWorld(7);
    const one = await world.client({ sids: [1] });
    const two = await world.client({ sids: [2, 3] });
    const hold = await world.get(lockOf(one).acquire());
    const next = world.watch(lockOf(two).acquire());
    world.world.crash(1);
    await world.until("the holder is told", () => hold.signal.aborted || next.outcome !== undefined);
    expect(next.outcome).toBeUndefined();
    await world.get(next.promise);
  });
});

describe("readers and writers", () => {
  const pairs: readonly (readonly [
    string,
    (client: RecipeClient) => AnyLock,
    (client: RecipeClient) => AnyLock,
  ])[] = [
    [
      "InterProcessReadWriteLock",
      (client) => new InterProcessReadWriteLock(client, PATH).readLock,
      (client) => new InterProcessReadWriteLock(client, PATH).writeLock,
    ],
    ["ReadLock, WriteLock", (client) => new ReadLock(client, PATH), (client) => new WriteLock(client, PATH)],
    ["ReadLock, Lock", (client) => new ReadLock(client, PATH), (client) => new Lock(client, PATH)],
    [
      "ReadLock of kazoo's naming, InterProcessMutex",
      (client) => new ReadLock(client, PATH),
      (client) => new InterProcessMutex(client, PATH),
    ],
  ];

  test.each(pairs)(
    "%s: readers together, a writer alone, in the order of asking",
    async (_name, reader, writer) => {
      const world = new RecipeWorld(8);
      const [one, two, three, four] = await world.clients(4);
      const first = await world.get(reader(one).acquire());
      const second = await world.get(reader(two).acquire());
      const write = world.watch(writer(three).acquire());
      await world.until("the writer waits", () => world.childrenOf(PATH).length === 3);
      const late = world.watch(reader(four).acquire());
      await world.until("the late reader waits", () => world.childrenOf(PATH).length === 4);
      await world.get(first.release());
      await world.run(500);
      expect([write.outcome, late.outcome]).toEqual([undefined, undefined]);
      await world.get(second.release());
      const hold = await world.get(write.promise);
      expect(late.outcome).toBeUndefined();
      await world.get(hold.release());
      await world.get(late.promise);
    },
  );

  test.each(pairs)(
    "%s: a reader dies, and the writer goes on; the leader is lost, and all keep their places",
    async (_name, reader, writer) => {
      const world = new RecipeWorld(9);
      const [one, two] = await world.clients(2, 6000);
      await world.get(reader(one).acquire());
      const write = world.watch(writer(two).acquire());
      await world.run(200);
      world.loseLeader();
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
      expect(write.outcome).toBeUndefined();
      one.abandon();
      await world.get(write.promise);
    },
  );

  test("a writer goes on as a reader, and lets readers in but no other writer", async () => {
    const world = new RecipeWorld(10);
    const [one, two, three] = await world.clients(3);
    const lock = new InterProcessReadWriteLock(one, PATH);
    const write = await world.get(lock.writeLock.acquire());
    const rival = world.watch(new InterProcessReadWriteLock(two, PATH).writeLock.acquire());
    await world.until("the rival waits", () => world.childrenOf(PATH).length === 2);
    const read = await world.get(lock.readLock.acquire({ held: write }));
    await expect(world.get(lock.writeLock.acquire({ held: read }))).rejects.toMatchObject({
      fault: "misuse",
    });
    await world.get(write.release());
    await world.run(500);
    expect(rival.outcome).toBeUndefined();
    expect(read.isHeld).toBe(true);
    await world.get(read.release());
    const next = await world.get(rival.promise);
    await world.get(next.release());
    await world.get(new InterProcessReadWriteLock(three, PATH).readLock.acquire());
  });
});

describe("several leases", () => {
  const semaphores: readonly (readonly [string, (client: RecipeClient) => AnyLock])[] = [
    ["InterProcessSemaphoreV2", (client) => new InterProcessSemaphoreV2(client, PATH, { maxLeases: 3 })],
    ["Semaphore", (client) => new Semaphore(client, PATH, { maxLeases: 3, identifier: "me" })],
  ];

  test.each(semaphores)(
    "%s: no more than there are, and each that ends wakes one",
    async (_name, semaphoreOf) => {
      const world = new RecipeWorld(11);
      const clients = await world.clients(5);
      let held = 0;
      let most = 0;
      const tokens: string[] = [];
      const work = async (client: RecipeClient): Promise<void> => {
        for (let round = 0; round < 4; round++) {
          const hold = await semaphoreOf(client).acquire();
          most = Math.max(most, ++held);
          tokens.push("token" in hold ? String(hold.token) : "");
          await new Promise<void>((resolve) => client.clock.later(300, resolve));
          held--;
          await hold.release();
        }
      };
      await world.get(Promise.all(clients.map(work)));
      expect(most).toBe(3);
      expect(tokens).toEqual([...new Set(tokens)].toSorted());
    },
  );

  test("Semaphore: another number of leases than others use is refused", async () => {
    const world = new RecipeWorld(12);
    const [one, two] = await world.clients(2);
    await world.get(new Semaphore(one, PATH, { maxLeases: 2, identifier: "one" }).acquire());
    await world.get(two.sync(PATH));
    expect(await world.get(new Semaphore(two, PATH, { maxLeases: 2 }).leaseHolders())).toEqual(["one"]);
    const other = new Semaphore(two, PATH, { maxLeases: 3 });
    await expect(world.get(other.acquire())).rejects.toMatchObject({ fault: "misuse" });
  });

  test("InterProcessSemaphoreV2: all or none, and the number may change", async () => {
    const world = new RecipeWorld(13);
    const [one, two] = await world.clients(2);
    let tell: (count: number) => void = () => undefined;
    const maxLeases = {
      count: 2,
      onCount: (listener: (count: number) => void) => {
        tell = listener;
        return () => undefined;
      },
    };
    const semaphore = new InterProcessSemaphoreV2(one, PATH, { maxLeases });
    const holds = await world.get(semaphore.acquireAll(2));
    await expect(world.get(semaphore.acquireAll(2, { timeoutMs: 300 }))).rejects.toMatchObject({
      fault: "timeout",
    });
    await world.until("what it took is given back", () => world.childrenOf(`${PATH}/leases`).length === 2);
    const third = world.watch(semaphore.acquire());
    await world.run(300);
    expect(third.outcome).toBeUndefined();
    maxLeases.count = 3;
    tell(3);
    await world.get(third.promise);
    expect(
      await world.get(new InterProcessSemaphoreV2(two, PATH, { maxLeases: 1 }).participants()),
    ).toHaveLength(3);
    for (const hold of holds) await world.get(hold.release());
  });

  test("InterProcessMultiLock: all or none; what one loses aborts the whole", async () => {
    const world = new RecipeWorld(14);
    const [one, two] = await world.clients(2);
    const paths = ["/m/a", "/m/b", "/m/c"];
    const other = await world.get(new InterProcessMutex(two, "/m/c").acquire());
    const multi = new InterProcessMultiLock(one, paths);
    expect(await world.get(multi.tryAcquire())).toBeUndefined();
    await expect(world.get(multi.acquire({ timeoutMs: 300 }))).rejects.toMatchObject({ fault: "timeout" });
    await world.until(
      "all is given back",
      () => world.childrenOf("/m/a").length + world.childrenOf("/m/b").length === 0,
    );
    await world.get(other.release());
    const hold = await world.get(multi.acquire());
    expect(hold.tokens).toHaveLength(3);
    await world.get(two.delete(must(hold.holds[1], "a hold").path));
    await world.until("the whole is told", () => hold.signal.aborted);
    await world.get(hold.release());
    expect(world.childrenOf("/m/a")).toEqual([]);
  });
});
