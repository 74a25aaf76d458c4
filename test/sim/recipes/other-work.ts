/**
 * All the other recipes, one at a time, by chance: that they come to their end under faults, throw nothing that they
 * should not, and that what they are told and do passes the checks of every run.
 */
import type { Rng } from "../../../src/base/rng.ts";
import * as recipes from "../../../src/recipes/index.ts";
import type { Hold } from "../../../src/recipes/hold.ts";
import type { RecipeClient } from "../../../src/recipes/recipe-client.ts";
import type { RecipeBook } from "./recipe-book.ts";

/** What such work is done with. */
export interface OtherWork {
  readonly client: RecipeClient;
  /** Of the member. */
  readonly name: string;
  readonly book: RecipeBook;
  readonly rng: Rng;
  /** How long to wait for others, and what ends that at once. */
  readonly wait: { readonly signal: AbortSignal; readonly timeoutMs: number };
  /** Nobody else's, another one each time. */
  readonly unique: string;
  pause(signal?: AbortSignal): Promise<void>;
}

type Work = (work: OtherWork) => Promise<void>;

const ROOT = "/r/other";
const serializer = {
  serialize: (item: string): Uint8Array => new TextEncoder().encode(item),
  deserialize: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
};
const ONE = Uint8Array.of(1);

/** By the recipes' names. */
export const OTHER_WORK: Readonly<Record<string, Work>> = {
  "readLock, ReadLock": async (work) => {
    const { client, wait, rng } = work;
    const path = "/r/lock";
    const isKazoos = rng.below(2) === 0;
    const lock = isKazoos
      ? new recipes.ReadLock(client, path)
      : new recipes.InterProcessReadWriteLock(client, path).readLock;
    await briefly(work, undefined, await lock.acquire(wait));
  },
  WriteLock: async (work) =>
    await briefly(work, "/r/lock", await new recipes.WriteLock(work.client, "/r/lock").acquire(work.wait)),
  InterProcessSemaphoreMutex: async (work) => {
    const path = `${ROOT}/semaphore-mutex`;
    await briefly(
      work,
      path,
      await new recipes.InterProcessSemaphoreMutex(work.client, path).acquire(work.wait),
    );
  },
  Semaphore: async (work) => {
    const semaphore = new recipes.Semaphore(work.client, `${ROOT}/kazoo-semaphore`, { maxLeases: 2 });
    await briefly(work, undefined, await semaphore.acquire(work.wait));
  },
  InterProcessMultiLock: async (work) => {
    const paths = [`${ROOT}/multi-a`, `${ROOT}/multi-b`] as const;
    const multi = await new recipes.InterProcessMultiLock(work.client, paths).acquire(work.wait);
    const overs = multi.holds.map((hold, index) => work.book.holds(paths[index] ?? "", work.name, hold));
    await work.pause(multi.signal);
    for (const over of overs) over();
    await multi.release();
  },
  attemptRevoke: async ({ client }) => {
    const [holder] = await new recipes.InterProcessMutex(client, "/r/lock").participants();
    if (holder !== undefined) await recipes.attemptRevoke(client, holder);
  },
  LeaderSelector: async (work) => {
    const path = `${ROOT}/selector`;
    let turns = 0;
    const turn = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
      turns++;
      await work.pause(signal);
    };
    const selector = new recipes.LeaderSelector(work.client, path, turn, {
      onError: () => undefined,
    }).start();
    await work.pause();
    await selector.close();
    if (turns > 0) work.book.count("turn");
  },
  Election: async (work) => {
    const election = new recipes.Election(work.client, `${ROOT}/election`, work.name);
    await election.run(async ({ signal }) => await work.pause(signal), work.wait);
  },
  "DistributedBarrier, Barrier": async ({ client, wait, unique }) => {
    const path = `${ROOT}/doors/${unique}`;
    const barrier = new recipes.DistributedBarrier(client, path);
    await barrier.setBarrier();
    const waiting = new recipes.Barrier(client, path).wait(wait);
    waiting.catch(() => undefined);
    await barrier.removeBarrier();
    await waiting;
  },
  DoubleBarrier: async ({ client, wait, unique }) => {
    const barrier = new recipes.DoubleBarrier(client, `${ROOT}/alone/${unique}`, { numClients: 1 });
    await barrier.enter(wait);
    await barrier.leave(wait);
  },
  "SharedCount, SharedValue": async ({ client }) => {
    const count = await new recipes.SharedCount(client, `${ROOT}/count`, 0).start();
    await count.trySetCount(count.versionedCount, count.count + 1);
    await count.close();
  },
  "DistributedAtomicInteger, DistributedAtomicValue": async ({ client }) => {
    await new recipes.DistributedAtomicInteger(client, `${ROOT}/integer`).add(2);
    await new recipes.DistributedAtomicValue(client, `${ROOT}/value`).trySet(ONE);
  },
  CachedAtomicLong: async ({ client, book }) => {
    const number = new recipes.DistributedAtomicLong(client, `${ROOT}/blocks`, { triesMax: 50 });
    const cached = new recipes.CachedAtomicLong(number, 3);
    for (let given = 0; given < 4; given++) book.giveNumber(await cached.next());
  },
  NodeCache: async (work) =>
    await shortly(work, async (client) => await new recipes.NodeCache(client, "/r/counter").start()),
  PathChildrenCache: async (work) =>
    await shortly(work, async (client) => await new recipes.PathChildrenCache(client, "/r/nodes").start()),
  TreeCache: async (work) =>
    await shortly(work, async (client) => await new recipes.TreeCache(client, "/r/semaphore").start()),
  PersistentWatcher: async (work) =>
    await shortly(work, async (client) => {
      const watcher = new recipes.PersistentWatcher(client, "/r/queue", { recursive: true }).start();
      return await Promise.resolve(watcher);
    }),
  "DataWatch, ChildrenWatch": async (work) => {
    const data = new recipes.DataWatch(work.client, "/r/counter", () => undefined);
    const children = new recipes.ChildrenWatch(work.client, "/r/nodes", () => undefined);
    await work.pause();
    data.stop();
    children.stop();
  },
  PatientChildrenWatch: async ({ client, wait }) => {
    await new recipes.PatientChildrenWatch(client, "/r/nodes", 50).start(wait);
  },
  PersistentTtlNode: async (work) =>
    await shortly(work, async (client) => {
      const settings = { path: `${ROOT}/ttl-${work.unique}`, data: ONE, ttlMs: 400 };
      return await Promise.resolve(new recipes.PersistentTtlNode(client, settings).start());
    }),
  GroupMember: async (work) => {
    const member = new recipes.GroupMember(work.client, `${ROOT}/group`, { id: work.unique });
    const starting = member.start();
    starting.catch(() => undefined);
    await work.pause();
    await member.close();
  },
  "Party, ShallowParty": async (work) => {
    for (const party of [
      new recipes.Party(work.client, `${ROOT}/party`, work.name),
      new recipes.ShallowParty(work.client, `${ROOT}/shallow`, work.name),
    ]) {
      const joining = party.join();
      joining.catch(() => undefined);
      await work.pause();
      await party.members();
      await party.leave();
    }
  },
  "ServiceDiscovery, ServiceCache, ServiceProvider": async (work) => {
    const discovery = new recipes.ServiceDiscovery(work.client, `${ROOT}/services`);
    const registering = discovery.registerService(discovery.instance({ name: "web", id: work.unique }));
    registering.catch(() => undefined);
    const provider = discovery.serviceProvider("web");
    const starting = provider.start();
    starting.catch(() => undefined);
    await work.pause();
    provider.getInstance();
    await discovery.queryForInstances("web");
    await provider.close();
    await discovery.close();
  },
  DistributedQueue: async (work) => {
    const settings = queueAt(work, "plain");
    await consume(
      work,
      new recipes.DistributedQueue(work.client, settings),
      async (queue) => await queue.put(work.unique),
    );
  },
  DistributedPriorityQueue: async (work) => {
    const queue = new recipes.DistributedPriorityQueue(work.client, queueAt(work, "priority"));
    await consume(work, queue, async (one) => await one.put(work.unique, -1));
  },
  DistributedDelayQueue: async (work) => {
    const queue = new recipes.DistributedDelayQueue(work.client, queueAt(work, "delay"));
    await consume(work, queue, async (one) => await one.put(work.unique, work.client.clock.nowMs + 50));
  },
  DistributedIdQueue: async (work) => {
    const queue = new recipes.DistributedIdQueue(work.client, queueAt(work, "id"));
    await consume(work, queue, async (one) => await one.put(work.unique, work.unique));
    await queue.remove(work.unique);
  },
  Queue: async ({ client }) => {
    const queue = new recipes.Queue(client, `${ROOT}/kazoo-queue`);
    await queue.put(ONE, 5);
    await queue.get();
    await queue.close();
  },
  LockingQueue: async (work) => {
    const queue = new recipes.LockingQueue(work.client, `${ROOT}/locking`);
    await queue.put(ONE);
    const { signal } = await queue.get(work.wait);
    await work.pause(signal);
    if (work.rng.below(2) === 0) await queue.consume();
    await queue.close();
  },
  "NonBlockingLease, MultiNonBlockingLease": async ({ client, wait, name }) => {
    const settings = { durationMs: 1000, identifier: name };
    await new recipes.NonBlockingLease(client, `${ROOT}/lease`, settings).obtain(wait);
    await new recipes.MultiNonBlockingLease(client, `${ROOT}/leases`, { ...settings, count: 2 }).obtain(wait);
  },
  SetPartitioner: async ({ client, wait, unique }) => {
    const settings = { items: ["a", "b"], identifier: unique, timeBoundaryMs: 50 };
    const partitioner = new recipes.SetPartitioner(client, `${ROOT}/partition`, settings).start();
    try {
      await partitioner.waitForAcquire(wait);
    } finally {
      await partitioner.finish();
    }
  },
  TwoPhaseCommit: async ({ client, wait, unique, rng }) => {
    const commit = new recipes.TwoPhaseCommit(client, `${ROOT}/commits/${unique}`);
    await commit.begin(["x", "y"]);
    await commit.vote("x", "commit");
    await commit.vote("y", rng.below(2) === 0 ? "commit" : "abort");
    const decided = await commit.decide(wait);
    if ((await commit.decision(wait)) !== decided) throw new Error(`${unique} is decided twice`);
    await commit.forget(["x", "y"]);
  },
};

/** Holds it for a while; `lock` is what is judged as a lock that one holds alone. */
async function briefly(work: OtherWork, lock: string | undefined, hold: Hold): Promise<void> {
  const over = lock === undefined ? undefined : work.book.holds(lock, work.name, hold);
  await work.pause(hold.signal);
  over?.();
  await hold.release();
}

/** Starts it, and closes it after a while, whether or not it has come to anything by then. */
async function shortly(
  work: OtherWork,
  start: (client: RecipeClient) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  const started = await start(work.client);
  await work.pause();
  await started.close();
}

function queueAt(work: OtherWork, name: string): recipes.DistributedQueueSettings<string> {
  return {
    path: `${ROOT}/queue-${name}`,
    serializer,
    lockPath: `${ROOT}/locks-${name}`,
    consumer: async (_item, signal) => await work.pause(signal),
    onError: () => undefined,
  };
}

async function consume<Q extends { start(): Q; close(): Promise<void> }>(
  work: OtherWork,
  queue: Q,
  put: (queue: Q) => Promise<void>,
): Promise<void> {
  await put(queue);
  queue.start();
  await work.pause();
  await queue.close();
}
