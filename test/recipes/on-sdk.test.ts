/** Recipes on the SDK's own client, over real keepers: what the other tests show on a client of theirs holds here. */
import { describe, expect, test } from "vitest";
import type { Sid } from "../../src/base/ids.ts";
import { connectRecipes, type SdkRecipeClient } from "../../src/recipes/connect-recipes.ts";
import { CuratorCache } from "../../src/recipes/curator-cache.ts";
import { DistributedAtomicLong } from "../../src/recipes/distributed-atomic-long.ts";
import { DistributedDoubleBarrier } from "../../src/recipes/distributed-double-barrier.ts";
import { GroupMember } from "../../src/recipes/group-member.ts";
import { InterProcessMutex } from "../../src/recipes/inter-process-mutex.ts";
import { LeaderLatch } from "../../src/recipes/leader-latch.ts";
import { SimpleDistributedQueue } from "../../src/recipes/simple-distributed-queue.ts";
import { ClientWorld } from "../client/client-world.ts";

const PATH = "/app/thing";

async function connected(world: ClientWorld, sids?: readonly Sid[]): Promise<SdkRecipeClient> {
  const endpoints = (sids ?? world.world.sids).map(String);
  return await world.get(connectRecipes(endpoints, world.reach()));
}

describe("recipes on the SDK's client", () => {
  test("a mutex: one at a time; who reaches no replica is told before the next one has it, and gets another session", async () => {
    const world = new ClientWorld(1);
    const one = await connected(world, [1]);
    const two = await connected(world, [2, 3]);
    const hold = await world.get(new InterProcessMutex(one, PATH).acquire());
    const first = one.session?.id;
    let isNext = false;
    const waiting = new InterProcessMutex(two, PATH).acquire().then((next) => {
      isNext = true;
      return next;
    });
    await world.run(500);
    expect(isNext).toBe(false);
    world.world.crash(1);
    await world.until("the holder is told", () => hold.signal.aborted || isNext);
    expect(isNext).toBe(false);
    const next = await world.get(waiting);
    expect(next.token > hold.token).toBe(true);
    world.world.start(1);
    await world.until("it has another session", () => one.state === "connected" && one.session?.id !== first);
    const again = new InterProcessMutex(one, PATH).acquire({ timeoutMs: 10_000 });
    await world.get(next.release());
    await world.get((await world.get(again)).release());
    await world.get(Promise.all([one.close(), two.close()]));
    await expect(world.get(new InterProcessMutex(one, PATH).acquire())).rejects.toMatchObject({
      fault: "closed",
    });
    expect(world.reported).toEqual([]);
  });

  test("a latch, a counter, a barrier, a queue, a cache and a group, over cut connections and the loss of the leader", async () => {
    // In this one every increment whose answer is lost can be told from what the znode shows.
    const world = new ClientWorld(3);
    const clients = [await connected(world), await connected(world), await connected(world)] as const;
    const [one, two, three] = clients;
    const cache = await world.get(new CuratorCache(three, "/app").start());
    const latch = new LeaderLatch(one, "/app/latch", { id: "one" }).start();
    await world.get(latch.await());
    const work = clients.map(async (client, index) => {
      const barrier = new DistributedDoubleBarrier(client, "/app/barrier", { memberCount: 3 });
      const member = await new GroupMember(client, "/app/group", { id: `m${index}` }).start();
      await barrier.enter();
      const number = new DistributedAtomicLong(client, "/app/number", { triesMax: 100 });
      const queue = new SimpleDistributedQueue(client, "/app/queue");
      for (let round = 0; round < 5; round++) {
        expect((await number.increment()).succeeded).toBe(true);
        await queue.offer(Uint8Array.of(round));
        await queue.take();
      }
      await barrier.leave();
      return member;
    });
    const all = Promise.all(work);
    for (let cut = 0; cut < 3; cut++) {
      await world.run(60);
      world.cutClients(cut === 1);
    }
    const leader = world.world.leader() ?? 1;
    world.world.crash(leader);
    await world.run(1500);
    world.world.start(leader);
    const members = await world.get(all);
    expect(await world.get(new DistributedAtomicLong(two, "/app/number").get())).toBe(15n);
    expect(await world.get(new SimpleDistributedQueue(two, "/app/queue").size())).toBe(0);
    await world.until("all see all", () => members.every(({ currentMembers }) => currentMembers.size === 3));
    expect(latch.hasLeadership).toBe(true);
    const isShown = (): boolean => {
      const leading = world.world.tree(world.world.leader() ?? 1);
      return leading.childNames("/app").every((name) => cache.get(`/app/${name}`) !== undefined);
    };
    await world.until("the cache shows what is there", isShown);
    await world.get(latch.close());
    expect(world.reported).toEqual([]);
  });
});
