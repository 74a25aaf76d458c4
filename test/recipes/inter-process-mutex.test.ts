import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Hold } from "../../src/recipes/hold.ts";
import { InterProcessMutex } from "../../src/recipes/inter-process-mutex.ts";
import { RecipeError } from "../../src/recipes/recipe-error.ts";
import { attemptRevoke } from "../../src/recipes/revoker.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/locks/one";

describe("InterProcessMutex", () => {
  test("one holds it at a time, in the order of asking, with growing tokens", async () => {
    const world = new RecipeWorld();
    const clients = await world.clients(4);
    const order: number[] = [];
    const tokens: string[] = [];
    let holders = 0;
    const work = async (index: number): Promise<void> => {
      const hold = await new InterProcessMutex(must(clients[index], "a client"), PATH).acquire();
      expect(++holders).toBe(1);
      order.push(index);
      tokens.push(hold.token);
      holders--;
      await hold.release();
    };
    const first = await world.get(new InterProcessMutex(must(clients[0], "a client"), PATH).acquire());
    const waiting: Promise<void>[] = [];
    for (let index = 0; index < 4; index++) {
      waiting.push(work(index));
      await world.until("it stands in the queue", () => world.childrenOf(PATH).length === index + 2);
    }
    await world.get(first.release());
    await world.get(Promise.all(waiting));
    expect(order).toEqual([0, 1, 2, 3]);
    expect(tokens).toEqual([...new Set(tokens)].toSorted());
    expect(tokens[0]).toMatch(/^\d{20}$/);
    expect((tokens[0] ?? "") > first.token).toBe(true);
    expect(world.childrenOf(PATH)).toEqual([]);
  });

  test("who holds it enters it again by its hold, and the last release gives it back", async () => {
    const world = new RecipeWorld();
    const [one, two] = await world.clients(2);
    const mutex = new InterProcessMutex(one, PATH);
    const outer = await world.get(mutex.acquire());
    const inner = await world.get(mutex.acquire({ held: outer }));
    expect(inner.token).toBe(outer.token);
    await world.get(outer.release());
    expect(await world.get(new InterProcessMutex(two, PATH).tryAcquire())).toBeUndefined();
    await world.get(inner.release());
    await expect(world.get(mutex.acquire({ held: inner }))).rejects.toMatchObject({ fault: "notHeld" });
    expect((await world.get(new InterProcessMutex(two, PATH).tryAcquire()))?.isHeld).toBe(true);
  });

  test("a waiter gives up after its time, or when it is told to, and leaves nothing behind", async () => {
    const world = new RecipeWorld();
    const [one, two] = await world.clients(2);
    const hold = await world.get(new InterProcessMutex(one, PATH).acquire());
    const impatient = new InterProcessMutex(two, PATH).acquire({ timeoutMs: 500 });
    await expect(world.get(impatient)).rejects.toMatchObject({ fault: "timeout" });
    const aborter = new AbortController();
    const aborted = new InterProcessMutex(two, PATH).acquire({ signal: aborter.signal });
    await world.until("it waits", () => world.childrenOf(PATH).length === 2);
    aborter.abort(new Error("enough"));
    await expect(world.get(aborted)).rejects.toThrow("enough");
    await world.until("its znode is gone", () => world.childrenOf(PATH).length === 1);
    // Told before it has even asked.
    await expect(
      world.get(new InterProcessMutex(two, PATH).acquire({ signal: aborter.signal })),
    ).rejects.toThrow("enough");
    await world.run(200);
    expect(world.childrenOf(PATH)).toEqual([nameOf(hold)]);
  });

  test("the holder's process dies: the next one has the lock once the session is over, not before", async () => {
    const world = new RecipeWorld();
    const [one, two] = await world.clients(2);
    const first = await world.get(new InterProcessMutex(one, PATH).acquire());
    const next = world.watch(new InterProcessMutex(two, PATH).acquire());
    await world.until("it waits", () => world.childrenOf(PATH).length === 2);
    one.abandon();
    const fromMs = world.nowMs;
    await world.run(3000);
    expect(next.outcome).toBeUndefined();
    const second = await world.get(next.promise);
    expect(world.nowMs - fromMs).toBeGreaterThan(3000);
    expect(second.token > first.token).toBe(true);
  });

  test("the holder is cut off: its signal is aborted before the next one has the lock", async () => {
    const world = new RecipeWorld();
    const one = await world.client({ sids: [1] });
    const two = await world.client({ sids: [2, 3] });
    const first = await world.get(new InterProcessMutex(one, PATH).acquire());
    const next = world.watch(new InterProcessMutex(two, PATH).acquire());
    let lostAtMs = 0;
    first.signal.addEventListener("abort", () => {
      lostAtMs = world.nowMs;
    });
    world.world.crash(1);
    await world.get(next.promise);
    expect(lostAtMs).toBeGreaterThan(0);
    expect(lostAtMs).toBeLessThan(world.nowMs);
    expect(first.signal.reason).toBeInstanceOf(RecipeError);
    expect(first.isHeld).toBe(false);
  });

  test("the loss of a replica, be it the leader, costs neither the holder its lock nor a waiter its place", async () => {
    const world = new RecipeWorld();
    const [one, two, three] = await world.clients(3, 10_000);
    const first = await world.get(new InterProcessMutex(one, PATH).acquire());
    const second = world.watch(new InterProcessMutex(two, PATH).acquire());
    await world.until("it waits", () => world.childrenOf(PATH).length === 2);
    const third = world.watch(new InterProcessMutex(three, PATH).acquire());
    await world.until("both wait", () => world.childrenOf(PATH).length === 3);
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    expect(first.isHeld).toBe(true);
    expect(second.outcome).toBeUndefined();
    await world.get(first.release());
    const hold = await world.get(second.promise);
    expect(third.outcome).toBeUndefined();
    await world.get(hold.release());
    await world.get(third.promise);
  });

  test("a create whose answer is lost is found again: nobody stands in the queue twice", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const world = new RecipeWorld(seed);
      const client = await world.client();
      const acquired = world.watch(new InterProcessMutex(client, PATH).acquire());
      // The connection is lost while the create is on its way, earlier or later.
      await world.run(seed * 2);
      client.link.move(true);
      const hold = await world.get(acquired.promise);
      expect(world.childrenOf(PATH), `seed ${seed}`).toEqual([nameOf(hold)]);
    }
  });

  test("somebody deletes the holder's znode: it is told, and the next one has the lock", async () => {
    const world = new RecipeWorld();
    const [one, two] = await world.clients(2);
    const first = await world.get(new InterProcessMutex(one, PATH).acquire());
    const next = world.watch(new InterProcessMutex(two, PATH).acquire());
    await world.until("it waits", () => world.childrenOf(PATH).length === 2);
    await world.get(two.delete(first.path));
    await world.get(next.promise);
    await world.until("the first is told", () => first.signal.aborted);
    expect(first.signal.reason).toMatchObject({ fault: "notHeld" });
  });

  test("the znode of a waiter is deleted: it queues anew, at the end", async () => {
    const world = new RecipeWorld();
    const [one, two, three] = await world.clients(3);
    const first = await world.get(new InterProcessMutex(one, PATH).acquire());
    const second = world.watch(new InterProcessMutex(two, PATH).acquire());
    await world.until("it waits", () => world.childrenOf(PATH).length === 2);
    const third = world.watch(new InterProcessMutex(three, PATH).acquire());
    await world.until("both wait", () => world.childrenOf(PATH).length === 3);
    const participants = await world.get(new InterProcessMutex(one, PATH).participants());
    await world.get(one.delete(participants[1] ?? ""));
    await world.until("it has queued anew", () => world.childrenOf(PATH).length === 3);
    await world.get(first.release());
    const hold = await world.get(third.promise);
    expect(second.outcome).toBeUndefined();
    await world.get(hold.release());
    await world.get(second.promise);
  });

  test("Revoker asks the holder, who may give the lock back; a replica is lost; of a holder that died nothing is asked", async () => {
    const world = new RecipeWorld();
    const [one, two, three] = await world.clients(3, 6000);
    let asked = 0;
    const mutex = new InterProcessMutex(one, PATH, { onRevoke: () => asked++ });
    const hold = await world.get(mutex.acquire());
    const [holder = ""] = await world.get(mutex.participants());
    world.loseLeader();
    expect(await world.get(attemptRevoke(two, holder))).toBe(true);
    await world.until("the holder is asked", () => asked === 1);
    expect(hold.isHeld).toBe(true);
    await world.get(hold.release());
    expect(await world.get(attemptRevoke(two, holder))).toBe(false);
    const mortal = await world.get(new InterProcessMutex(three, PATH).acquire());
    three.abandon();
    await world.until("its znode is gone", () => world.childrenOf(PATH).length === 0);
    expect(await world.get(attemptRevoke(two, mortal.path))).toBe(false);
  });
});

function nameOf({ path }: Hold): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
