/** Recipes over the SDK's client: what it promises them when replicas and networks fail. */
import { describe, expect, it } from "vitest";

import { must } from "../../src/base/assert.ts";
import { connectRecipes } from "../../src/recipes/connect-recipes.ts";
import { InterProcessMutex } from "../../src/recipes/inter-process-mutex.ts";
import { ClientWorld } from "../client/client-world.ts";

const PATH = "/locks/it";

describe("the SDK's client for recipes", () => {
  it("takes locks in turn, over the loss of each replica", async () => {
    const world = new ClientWorld(1);
    const [one, two] = await clients(world);
    const held = await world.get(new InterProcessMutex(one, PATH).acquire());
    let isNext = false;
    const next = new InterProcessMutex(two, PATH).acquire().then((hold) => {
      isNext = true;
      return hold;
    });
    for (const sid of world.world.sids) {
      world.world.crash(sid);
      await world.run(1000);
      world.world.start(sid);
      await world.until("all serve", () => world.world.isServing() && one.state === "connected");
    }

    expect([held.signal.aborted, isNext]).toEqual([false, false]);
    await world.get(held.release());
    await world.get((await world.get(next)).release());
    await world.get(Promise.all([one.close(), two.close()]));
    expect(world.reported).toEqual([]);
  });

  it("gives its session up before another can have its lock, and goes on with the next one", async () => {
    const world = new ClientWorld(2);
    const one = await world.get(connectRecipes(["1"], world.reach()));
    const states: string[] = [];
    one.onState((state) => states.push(state));
    const two = await world.get(connectRecipes(["2", "3"], world.reach()));
    const session = must(one.session, "a session");
    const held = await world.get(new InterProcessMutex(one, PATH).acquire());
    let lostMs = Infinity;
    held.signal.addEventListener("abort", () => (lostMs = world.world.nowMs));
    let nextMs = Infinity;
    const next = new InterProcessMutex(two, PATH).acquire().then((hold) => {
      nextMs = world.world.nowMs;
      return hold;
    });
    world.reachable([2, 3]);
    world.cutClients();
    const later = one.exists("/later").catch((error: unknown) => error);
    await world.until("it is lost", () => lostMs < Infinity);
    await world.get(next);

    expect(lostMs).toBeLessThan(nextMs);
    expect([one.state, one.session, session.lost.aborted]).toEqual(["lost", undefined, true]);
    expect(await world.get(later)).toMatchObject({ code: "SESSIONEXPIRED" });
    const afterwards = one.exists("/later");
    world.reachable([1, 2, 3]);
    expect(await world.get(afterwards)).toBeUndefined();
    expect(must(one.session, "another session").id).not.toBe(session.id);
    expect(states).toEqual(["suspended", "lost", "connected"]);
    await world.get(Promise.all([one.close(), two.close()]));
    await expect(world.get(one.exists("/later"))).rejects.toMatchObject({ code: "CLOSED" });
  });
});

async function clients(world: ClientWorld): Promise<readonly [Connected, Connected]> {
  const open = (): Promise<Connected> =>
    world.get(connectRecipes(world.world.sids.map(String), world.reach()));
  return [await open(), await open()];
}

type Connected = Awaited<ReturnType<typeof connectRecipes>>;
