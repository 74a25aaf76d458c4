/** The SDK over real keepers in a made-up world: what its calls do, also when replicas and networks fail. */
import { describe, expect, it } from "vitest";

import { must } from "../../src/base/assert.ts";
import type { Client } from "../../src/client/client.ts";
import { type ConnectionLossError, SessionExpiredError } from "../../src/client/errors.ts";
import type { WatchEvent } from "../../src/client/znode.ts";
import { ClientWorld } from "./client-world.ts";

/** Reads all that a watch tells, until it ends. */
function follow(events: AsyncIterable<WatchEvent>): { readonly seen: WatchEvent[]; error: unknown } {
  const followed: { readonly seen: WatchEvent[]; error: unknown } = { seen: [], error: undefined };
  const read = async (): Promise<void> => {
    for await (const event of events) followed.seen.push(event);
  };
  read().catch((error: unknown) => {
    followed.error = error;
  });
  return followed;
}

describe("a client", () => {
  it("makes what is missing above a znode, and deletes what is below it", async () => {
    const { client, world } = await oneClient();

    const made = await world.get(client.create("/a/b/c-", "1", { sequential: true, parents: "container" }));
    expect(made.path).toBe("/a/b/c-0000000000");
    expect(await world.get(client.children("/a/b"))).toEqual(["c-0000000000"]);
    await world.get(client.delete("/a", { recursive: true }));
    expect(await world.get(client.exists("/a"))).toBeUndefined();
  });

  it("sees nothing of what is above its chroot, and names paths as its program does", async () => {
    const world = new ClientWorld(1);
    const outer = await world.client();
    const inner = await world.client({ chroot: "/app/one" });

    await world.get(inner.create("/x", "1", { parents: "persistent" }));
    const watch = await world.get(inner.watch("/", { recursive: true }));
    const { seen } = follow(watch);
    const made = await world.get(inner.create("/y", "2"));
    await world.until("it is told", () => seen.length > 0);

    expect(made.path).toBe("/y");
    expect(seen).toMatchObject([{ type: "created", path: "/y" }]);
    expect((await world.get(outer.get("/app/one/y"))).text()).toBe("2");
    await expect(world.get(inner.get("/none"))).rejects.toMatchObject({ code: "NONODE", path: "/none" });
  });

  it("does all of a transaction or nothing, and says which operation stood in the way", async () => {
    const { client, world } = await oneClient();
    const { stat } = await world.get(client.create("/a", "1"));

    const done = client
      .transaction()
      .check("/a", { version: stat.version })
      .set("/a", "2")
      .create("/b")
      .commit();
    expect((await world.get(done)).map(({ op }) => op)).toEqual(["check", "set", "create"]);
    const failed = client.transaction().create("/c").check("/a", { version: 9 }).commit();

    await expect(world.get(failed)).rejects.toMatchObject({ code: "BADVERSION", path: "/a", operation: 1 });
    expect(await world.get(client.exists("/c"))).toBeUndefined();
  });

  it("says of a write that was lost with its connection that it may be done, and asks again for what only reads", async () => {
    const { client, world } = await oneClient();
    await world.get(client.create("/a", "1"));

    const write = client.set("/a", "2").catch((error: unknown) => error);
    const read = client.get("/a");
    await Promise.resolve();
    world.cutClients();

    const error = (await world.get(write)) as ConnectionLossError;
    expect(error).toMatchObject({ code: "CONNECTIONLOSS", mayBeDone: true, path: "/a", isRetryable: true });
    expect((await world.get(read)).path).toBe("/a");
    expect(client.state).toBe("connected");
  });

  it("creates what is protected, and what is idempotent, once, however often the connection is lost", async () => {
    const world = new ClientWorld(7);
    const client = await world.client();
    await world.get(client.create("/queue"));
    for (let round = 0; round < 12; round++) {
      const options = { mode: "ephemeral", sequential: true, protect: true } as const;
      const created = client.create("/queue/place-", "me", options);
      const named = client.create(`/once-${round}`, "mine", { idempotent: true });
      const set = client.set(`/queue`, `${round}`, { version: round, idempotent: true });
      world.world.later(world.world.rng.below(8), () => world.cutClients(round % 2 === 0));
      const { path } = await world.get(created);
      await world.get(named);
      expect((await world.get(set)).version).toBe(round + 1);
      expect(await world.get(client.exists(path))).toMatchObject({ ephemeralOwner: client.sessionId });
    }
    expect(await world.get(client.children("/queue"))).toHaveLength(12);
  });

  it("goes to another replica when one dies, with its session, its ephemerals and its watches", async () => {
    const { client, world } = await oneClient();
    const states: string[] = [];
    client.onState(({ state }) => states.push(state));
    const { sessionId } = client;
    await world.get(client.create("/mine", "", { mode: "ephemeral" }));
    const fired: WatchEvent[] = [];
    await world.get(client.get("/mine", { watch: (event) => fired.push(event) }));
    const absent: WatchEvent[] = [];
    await world.get(client.exists("/absent", { watch: (event) => absent.push(event) }));

    for (const sid of world.world.sids) {
      world.world.crash(sid);
      world.world.later(2000, () => world.world.start(sid));
      await world.run(8000);
    }
    const other = await world.client();
    await world.get(other.set("/mine", "2"));
    await world.get(other.create("/absent"));
    await world.until("the watches fire", () => fired.length + absent.length === 2);

    expect(states.filter((state) => state === "suspended")).not.toHaveLength(0);
    expect(client.sessionId).toBe(sessionId);
    expect([fired, absent]).toMatchObject([[{ type: "dataChanged" }], [{ type: "created" }]]);
  });

  it("tells by a persistent watch what changed while it had no connection, in whichever way", async () => {
    const world = new ClientWorld(3);
    const writer = await world.client({ sids: [1] });
    const watcher = await world.client({ sids: [2], timeoutMs: 20_000 });
    for (const path of ["/set", "/gone", "/same", "/parent"]) await world.get(writer.create(path));
    world.world.untilEqual();
    const paths = ["/set", "/gone", "/same", "/parent", "/new", "/none"];
    const told = new Map<string, WatchEvent[]>();
    for (const path of paths) told.set(path, follow(await world.get(watcher.watch(path))).seen);
    const below = follow(await world.get(watcher.watch("/parent", { recursive: true })));

    world.world.crash(2);
    await world.run(500);
    await world.get(writer.set("/set", "2"));
    await world.get(writer.delete("/gone"));
    await world.get(writer.create("/parent/child"));
    await world.get(writer.create("/new"));
    world.world.start(2);
    await world.until("it is back", () => watcher.state === "connected");
    await world.run(1000);

    const types = paths.map((path) => must(told.get(path), path).map(({ type }) => type));
    expect(types).toEqual([["dataChanged"], ["deleted"], [], ["childrenChanged"], ["created"], []]);
    expect(below.seen).toMatchObject([{ type: "resync", path: "/parent" }]);
  });

  it("is expired once and for all where no replica is left, and everybody who waits hears of it", async () => {
    const { client, world } = await oneClient();
    const states: string[] = [];
    client.onState(({ state }) => states.push(state));
    const fired: WatchEvent[] = [];
    await world.get(client.exists("/a", { watch: (event) => fired.push(event) }));
    const followed = follow(await world.get(client.watch("/b")));

    for (const sid of world.world.sids) world.world.crash(sid);
    await world.run(100);
    const waiting = client.get("/a").catch((error: unknown) => error);
    await world.until("it gives up", () => client.state === "expired");

    expect(await world.get(waiting)).toBeInstanceOf(SessionExpiredError);
    await world.until("the watch is told", () => followed.error !== undefined);
    expect(followed.error).toBeInstanceOf(SessionExpiredError);
    expect(fired).toMatchObject([{ type: "ended" }]);
    expect(states).toEqual(["suspended", "expired"]);
    expect(client.ended.reason).toBeInstanceOf(SessionExpiredError);
    await expect(world.get(client.get("/a"))).rejects.toBeInstanceOf(SessionExpiredError);
    await world.get(client.close());
  });

  it("hands its session over by a ticket", async () => {
    const { client, world } = await oneClient();
    await world.get(client.create("/mine", "", { mode: "ephemeral" }));

    await world.get(client.leave());
    const heir = await world.client({
      session: JSON.parse(JSON.stringify(client.ticket)) as typeof client.ticket,
    });
    await world.run(6000);

    expect(heir.sessionId).toBe(client.sessionId);
    expect(await world.get(heir.ephemerals())).toEqual(["/mine"]);
    await world.get(heir.close());
    const other = await world.client();
    expect(await world.get(other.exists("/mine"))).toBeUndefined();
  });

  it("ends a wait by its signal, and a watch by closing it", async () => {
    const { client, world } = await oneClient();
    const giving = new AbortController();
    for (const sid of world.world.sids) world.world.crash(sid);
    const waiting = client.get("/a", { signal: giving.signal }).catch((error: unknown) => error);
    await world.run(10);
    giving.abort("enough");
    expect(await world.get(waiting)).toBe("enough");
    world.world.startAll();
    await world.until("it is back", () => client.state === "connected");

    const watch = await world.get(client.watch("/a"));
    const { seen } = follow(watch);
    await world.get(client.create("/a"));
    await world.until("it is told", () => seen.length === 1);
    watch.close();
    await world.get(client.set("/a", "1"));
    expect(seen).toHaveLength(1);
    // The replica knows of no watch there any more.
    await expect(world.get(client.removeWatches("/a"))).rejects.toMatchObject({ code: "NOWATCHER" });
  });

  it("goes on where a listener throws, and reports it", async () => {
    const { client, world } = await oneClient();
    await world.get(client.create("/a"));
    const thrown = new Error("the program's own");
    await world.get(
      client.get("/a", {
        watch: () => {
          throw thrown;
        },
      }),
    );
    await world.get(client.set("/a", "1"));
    expect(world.reported).toEqual([thrown]);
  });

  it("never shows a state older than one that it has shown, and misses no change, whatever fails", async () => {
    for (let seed = 1; seed <= 12; seed++) await turmoil(seed);
  });
});

async function oneClient(): Promise<{ readonly client: Client; readonly world: ClientWorld }> {
  const world = new ClientWorld(1);
  return { client: await world.client(), world };
}

const ROUNDS = 25;

/** One writes, one reads at each event, one by one-shot watches; replicas and connections fail meanwhile. */
async function turmoil(seed: number): Promise<void> {
  const world = new ClientWorld(seed);
  const { rng } = world.world;
  const writer = await world.client({ timeoutMs: 20_000 });
  const readers = [
    await world.client({ timeoutMs: 20_000 }),
    await world.client({ timeoutMs: 20_000 }),
  ] as const;
  await world.get(writer.create("/register", "0"));
  const seen: number[][] = [[], []];
  for (const reader of readers) await world.get(reader.sync());
  const read = async (reader: 0 | 1, watch?: (event: WatchEvent) => void): Promise<void> => {
    seen[reader]?.push(Number((await readers[reader].get("/register", { watch })).text()));
  };
  const persistent = await world.get(readers[0].watch("/register"));
  const following = async (): Promise<void> => {
    await read(0);
    for await (const _ of persistent) await read(0);
  };
  const following0 = following();
  const again = (event: WatchEvent): void => {
    if (event.type !== "ended") failures.push(read(1, again));
  };
  const failures: Promise<void>[] = [read(1, again)];

  let written = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await world.run(rng.below(300));
    const fault = rng.below(6);
    const sid = must(world.world.sids[rng.below(3)], "a replica");
    if (fault === 0) world.cutClients(rng.below(2) === 0);
    if (fault === 1 && world.world.isServing()) {
      world.world.crash(sid);
      world.world.later(rng.below(2000), () => world.world.start(sid));
    }
    if (fault === 2) {
      world.world.cut(sid);
      world.world.later(rng.below(1500), () => world.world.heal());
    }
    // What nobody writes again afterwards must be found out by itself.
    if (round === ROUNDS - 1) world.cutClients();
    const value = written + 1;
    await world.get(writer.set("/register", String(value), { version: written, idempotent: true }));
    written = value;
  }
  const last = (reader: 0 | 1): number => seen[reader]?.at(-1) ?? -1;
  await world.until(`all is seen (seed ${seed})`, () => last(0) === written && last(1) === written);
  for (const values of seen) expect(values, `seed ${seed}`).toEqual([...values].sort((a, b) => a - b));
  persistent.close();
  await world.get(Promise.all([following0, ...failures]));
  for (const client of [writer, ...readers]) await world.get(client.close());
  expect(world.reported).toEqual([]);
}
