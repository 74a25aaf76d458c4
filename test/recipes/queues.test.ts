import { describe, expect, test } from "vitest";
import { DistributedDelayQueue } from "../../src/recipes/distributed-delay-queue.ts";
import { DistributedIdQueue } from "../../src/recipes/distributed-id-queue.ts";
import { DistributedPriorityQueue } from "../../src/recipes/distributed-priority-queue.ts";
import { DistributedQueue, type DistributedQueueSettings } from "../../src/recipes/distributed-queue.ts";
import { itemBytes, itemsOf } from "../../src/recipes/item-bytes.ts";
import { LockingQueue } from "../../src/recipes/locking-queue.ts";
import { Queue } from "../../src/recipes/queue.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import { SimpleDistributedQueue } from "../../src/recipes/simple-distributed-queue.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/app/queue";

interface PlainQueue {
  put(value: string): Promise<void>;
  /** Undefined where there is none. */
  take(): Promise<string | undefined>;
}

const PLAIN: readonly (readonly [string, (client: RecipeClient) => PlainQueue])[] = [
  [
    "SimpleDistributedQueue",
    (client) => {
      const queue = new SimpleDistributedQueue(client, PATH);
      return {
        put: async (value) => await queue.offer(bytes(value)),
        take: async () => maybeText(await queue.poll()),
      };
    },
  ],
  [
    "Queue",
    (client) => {
      const queue = new Queue(client, PATH);
      return {
        put: async (value) => await queue.put(bytes(value)),
        take: async () => maybeText(await queue.get()),
      };
    },
  ],
  [
    "LockingQueue",
    (client) => {
      const queue = new LockingQueue(client, PATH);
      return {
        put: async (value) => await queue.put(bytes(value)),
        take: async () => {
          try {
            const { data } = await queue.get({ timeoutMs: 2000 });
            return (await queue.consume()) ? text(data) : undefined;
          } catch (error) {
            if (error instanceof Error && "fault" in error && error.fault === "timeout") return undefined;
            throw error;
          }
        },
      };
    },
  ],
];

describe.each(PLAIN)("%s", (_name, queueOf) => {
  test.each([1, 2, 3])(
    "each entry is put once and taken once, whichever replica and whatever answers are lost (seed %i)",
    async (seed) => {
      const world = new RecipeWorld(90 + seed);
      const [one, two, three] = await world.clients(3, 10_000);
      const put: string[] = [];
      const taken: string[] = [];
      const producer = async (client: RecipeClient, name: string): Promise<void> => {
        const queue = queueOf(client);
        for (let number = 0; number < 12; number++) {
          await queue.put(`${name}${number}`);
          put.push(`${name}${number}`);
        }
      };
      const consumer = async (client: RecipeClient): Promise<void> => {
        const queue = queueOf(client);
        while (taken.length < 24) {
          const value = await queue.take();
          if (value !== undefined) taken.push(value);
        }
      };
      const all = Promise.all([producer(one, "a"), producer(two, "b"), consumer(two), consumer(three)]);
      for (let round = 0; round < 4; round++) {
        await world.run(25 * (seed + round));
        for (const client of [one, two, three]) client.link.move(round % 2 === 0);
      }
      world.loseReplica(seed);
      await world.get(all, 200_000);
      expect(taken.toSorted()).toEqual(put.toSorted());
    },
  );
});

describe("what each queue is for", () => {
  test("SimpleDistributedQueue: waiting, peeking, and the death of one who took", async () => {
    const world = new RecipeWorld(100);
    const [one, two, three] = await world.clients(3);
    const queue = new SimpleDistributedQueue(one, PATH);
    expect(await world.get(queue.peek())).toBeUndefined();
    await expect(world.get(queue.take({ timeoutMs: 200 }))).rejects.toMatchObject({ fault: "timeout" });
    const waiting = world.watch(queue.take());
    await world.run(200);
    world.loseLeader();
    await world.get(new SimpleDistributedQueue(two, PATH).offer(bytes("x")));
    expect(text(await world.get(waiting.promise))).toBe("x");
    await world.get(new SimpleDistributedQueue(two, PATH).offer(bytes("y")));
    expect(text((await world.get(queue.peek())) ?? bytes(""))).toBe("y");
    await world.get(new SimpleDistributedQueue(two, PATH).take());
    two.abandon();
    await world.run(8000);
    const last = new SimpleDistributedQueue(three, PATH);
    expect(await world.get(last.size())).toBe(0);
    for (const value of ["1", "2", "3"]) await world.get(last.offer(bytes(value)));
    expect([await world.get(last.poll()), await world.get(last.poll())].map(maybeText)).toEqual(["1", "2"]);
  });

  test("Queue: a smaller priority first, and the death of one who took; kazoo's names", async () => {
    const world = new RecipeWorld(101);
    const [one, two] = await world.clients(2);
    const queue = new Queue(one, PATH);
    await world.get(queue.put(bytes("last"), 200));
    await world.get(queue.put(bytes("first"), 5));
    await world.get(queue.put(bytes("middle")));
    expect(world.childrenOf(PATH)[0]).toMatch(/^entry-005-\d{10}$/);
    await expect(world.get(queue.put(bytes(""), 1000))).rejects.toMatchObject({ fault: "misuse" });
    expect(text((await world.get(queue.get())) ?? bytes(""))).toBe("first");
    one.abandon();
    world.loseLeader();
    const other = new Queue(two, PATH);
    expect(text((await world.get(other.get())) ?? bytes(""))).toBe("middle");
    expect(await world.get(other.size())).toBe(1);
  });

  test("LockingQueue: who dies over an entry leaves it to the next one; a release does, too", async () => {
    const world = new RecipeWorld(102);
    const [one, two] = await world.clients(2);
    const first = new LockingQueue(one, PATH);
    await world.get(first.putAll([bytes("a"), bytes("b")]));
    const entry = await world.get(first.get());
    expect(text(entry.data)).toBe("a");
    expect(await world.get(first.get())).toBe(entry);
    const second = new LockingQueue(two, PATH);
    expect(text((await world.get(second.get())).data)).toBe("b");
    expect(await world.get(second.holdsLock())).toBe(true);
    expect(await world.get(second.release())).toBe(true);
    const again = await world.get(second.get());
    expect(text(again.data)).toBe("b");
    expect(await world.get(second.consume())).toBe(true);
    const waiting = world.watch(second.get());
    await world.run(500);
    one.abandon();
    world.loseLeader();
    expect(entry.signal.aborted).toBe(true);
    expect(text((await world.get(waiting.promise)).data)).toBe("a");
    expect(await world.get(second.consume())).toBe(true);
    expect(await world.get(second.size())).toBe(0);
  });

  test("LockingQueue: who loses its session is told, and cannot consume", async () => {
    const world = new RecipeWorld(103);
    const [one, two] = await world.clients(2);
    const first = new LockingQueue(one, PATH);
    await world.get(first.put(bytes("a")));
    const entry = await world.get(first.get());
    one.link.rest(12_000, true);
    const next = await world.get(new LockingQueue(two, PATH).get());
    expect(entry.signal.aborted).toBe(true);
    expect(await world.get(first.consume())).toBe(false);
    expect(next.token > entry.token).toBe(true);
  });
});

const serializer = { serialize: bytes, deserialize: text };

describe("DistributedQueue", () => {
  test("without a lock path an item is worked on once at most; several as one; a full queue makes wait", async () => {
    const world = new RecipeWorld(104);
    const [one, two, three] = await world.clients(3);
    const worked: string[] = [];
    const settings = (name: string): DistributedQueueSettings<string> => ({
      path: PATH,
      serializer,
      consumer: async (item) => {
        worked.push(`${name} ${item}`);
        await pause(world, 20);
      },
    });
    const producer = new DistributedQueue(three, { path: PATH, serializer, maxItems: 3 });
    await world.get(producer.put("1"));
    await world.get(producer.putMulti(["2", "3"]));
    await world.get(producer.put("4"));
    await expect(world.get(producer.put("5", { timeoutMs: 100 }))).rejects.toMatchObject({
      fault: "timeout",
    });
    const waiting = world.watch(producer.put("5"));
    const queues = [one, two].map((client, index) =>
      new DistributedQueue(client, settings(`w${index}`)).start(),
    );
    world.loseLeader();
    await world.get(waiting.promise);
    await world.until("all is worked on", () => worked.length === 5);
    await world.run(1000);
    expect(worked.map((line) => line.slice(-1)).toSorted()).toEqual(["1", "2", "3", "4", "5"]);
    await world.get(Promise.all(queues.map(async (queue) => await queue.close())));
  });

  test("with a lock path an item outlives the one that dies over it; what throws is put at the end again", async () => {
    const world = new RecipeWorld(105);
    const [one, two, three] = await world.clients(3);
    const worked: string[] = [];
    const errors: unknown[] = [];
    const lockPath = "/app/locks";
    const dying = new DistributedQueue(one, {
      path: PATH,
      serializer,
      lockPath,
      consumer: async (item, signal) => {
        worked.push(`dying ${item}`);
        await pause(world, 100_000, signal);
      },
    }).start();
    const producer = new DistributedQueue(three, { path: PATH, serializer });
    await world.get(producer.put("a"));
    await world.until("it works", () => worked.length === 1);
    let failures = 0;
    const next = new DistributedQueue(two, {
      path: PATH,
      serializer,
      lockPath,
      consumer: async (item) => {
        worked.push(`next ${item}`);
        if (item === "b" && failures++ === 0) throw new Error("not yet");
        await Promise.resolve();
      },
      onError: (error) => errors.push(error),
    }).start();
    await world.run(1000);
    expect(worked).toEqual(["dying a"]);
    await world.get(producer.put("b"));
    one.abandon();
    world.loseReplica(2, 2000);
    await world.until("all is done", () => world.childrenOf(PATH).length === 0);
    expect(worked).toEqual(["dying a", "next b", "next b", "next a"]);
    expect(errors).toHaveLength(1);
    await world.get(Promise.all([dying.close(), next.close()]));
    expect(world.childrenOf(lockPath)).toEqual([]);
  });

  test("items are Curator's bytes; what cannot be read is taken away and told", async () => {
    expect([...itemBytes([bytes("ab"), bytes("")])]).toEqual([
      0, 1, 0, 1, 1, 0, 0, 0, 2, 97, 98, 1, 0, 0, 0, 0, 2,
    ]);
    expect(itemsOf(itemBytes([bytes("ab"), bytes("")]), "x").map(text)).toEqual(["ab", ""]);
    for (const bad of [[], [0, 1, 0, 2, 2], [0, 1, 0, 1], [0, 1, 0, 1, 1, 0, 0, 0, 9], [0, 1, 0, 1, 7]]) {
      expect(() => itemsOf(Uint8Array.from(bad), "x")).toThrow("the item x");
    }
    const world = new RecipeWorld(106);
    const [one] = await world.clients(1);
    const errors: unknown[] = [];
    await world.get(one.create("/app", { mode: "persistent", data: bytes("") }));
    await world.get(one.create(PATH, { mode: "persistent", data: bytes("") }));
    await world.get(one.create(`${PATH}/queue-`, { mode: "persistentSequential", data: bytes("nonsense") }));
    const consumer = async (): Promise<void> => await Promise.resolve();
    new DistributedQueue(one, {
      path: PATH,
      serializer,
      consumer,
      onError: (error) => errors.push(error),
    }).start();
    await world.until("it is gone", () => world.childrenOf(PATH).length === 0 && errors.length > 0);
    expect(errors).toEqual([expect.objectContaining({ fault: "badData" })]);
  });

  test("DistributedPriorityQueue: a smaller priority first, below nought too; who dies over an item leaves it, over a lost replica", async () => {
    const world = new RecipeWorld(107);
    const [one, two] = await world.clients(2);
    const worked: string[] = [];
    const queue = new DistributedPriorityQueue(one, { path: PATH, serializer });
    for (const priority of [5, -3, 1000, 0, -70_000]) await world.get(queue.put(String(priority), priority));
    expect(world.childrenOf(PATH)[0]).toMatch(/^queue-0FFFEEE90\d{10}$/);
    const lockPath = "/app/locks";
    new DistributedPriorityQueue(one, {
      path: PATH,
      serializer,
      lockPath,
      consumer: async (item, signal) => {
        worked.push(item);
        await pause(world, 100_000, signal);
      },
    }).start();
    await world.until("it works", () => worked.length === 1);
    // Every replica has heard of its lock by then.
    await world.run(500);
    one.abandon();
    world.loseLeader();
    const consumer = async (item: string): Promise<void> => {
      worked.push(item);
      await Promise.resolve();
    };
    await world.until("the lock is gone", () => world.childrenOf(lockPath).length === 0);
    await world.run(3000);
    new DistributedPriorityQueue(two, { path: PATH, serializer, lockPath, consumer }).start();
    await world.until("all is done", () => world.childrenOf(PATH).length === 0);
    expect(worked).toEqual(["-70000", "-70000", "-3", "0", "5", "1000"]);
  });

  test("DistributedDelayQueue: not before its time, the earliest first; who dies over an item leaves it, over a lost replica", async () => {
    const world = new RecipeWorld(108);
    const [one, two] = await world.clients(2);
    const worked: string[] = [];
    const lockPath = "/app/locks";
    const queue = new DistributedDelayQueue(two, { path: PATH, serializer });
    const nowMs = two.clock.nowMs;
    await world.get(queue.put("late", nowMs + 30_000));
    await world.get(queue.put("soon", nowMs + 1000));
    await world.get(queue.put("next", nowMs + 15_000));
    const settings = (name: string, isDying: boolean): DistributedQueueSettings<string> => ({
      path: PATH,
      serializer,
      lockPath,
      consumer: async (item, signal) => {
        worked.push(`${name} ${item}`);
        expect(two.clock.nowMs).toBeGreaterThanOrEqual(nowMs + 1000);
        if (isDying) await pause(world, 100_000, signal);
      },
    });
    new DistributedDelayQueue(one, settings("dying", true)).start();
    await world.run(500);
    expect(worked).toEqual([]);
    await world.until("it works", () => worked.length === 1);
    // Every replica has heard of its lock by then.
    await world.run(500);
    one.abandon();
    world.loseLeader();
    new DistributedDelayQueue(two, settings("next", false)).start();
    await world.until("all is done", () => world.childrenOf(PATH).length === 0);
    expect(worked).toEqual(["dying soon", "next soon", "next next", "next late"]);
    expect(two.clock.nowMs).toBeGreaterThanOrEqual(nowMs + 30_000);
  });

  test("DistributedIdQueue: items are taken back by their id, unless somebody works on them; who dies over one leaves it, over a lost replica", async () => {
    const world = new RecipeWorld(109);
    const [one, two] = await world.clients(2);
    const lockPath = "/app/locks";
    const worked: string[] = [];
    const queue = new DistributedIdQueue(two, { path: PATH, serializer, lockPath });
    await world.get(queue.put("1", "x/1"));
    await world.get(queue.put("2", "y"));
    await world.get(queue.put("3", "x/1"));
    expect(world.childrenOf(PATH)[0]).toMatch(/^queue-\|x_1\|\d{10}$/);
    new DistributedIdQueue(one, {
      path: PATH,
      serializer,
      lockPath,
      consumer: async (item, signal) => {
        worked.push(item);
        await pause(world, 100_000, signal);
      },
    }).start();
    await world.until("it works", () => worked.length === 1);
    expect(worked).toEqual(["1"]);
    expect(await world.get(queue.remove("x/1"))).toBe(1);
    one.abandon();
    world.loseLeader();
    await world.until("the lock is gone", () => world.childrenOf(lockPath).length === 0);
    expect(await world.get(queue.remove("x/1"))).toBe(1);
    expect(await world.get(queue.size())).toBe(1);
  });
});

async function pause(world: RecipeWorld, durationMs: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal?.addEventListener("abort", () => resolve(), { once: true });
    world.laterFor(durationMs, resolve);
  });
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

function maybeText(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : text(value);
}
