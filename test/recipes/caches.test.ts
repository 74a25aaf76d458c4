import { describe, expect, test } from "vitest";
import { ChildrenWatch } from "../../src/recipes/children-watch.ts";
import { CuratorCache } from "../../src/recipes/curator-cache.ts";
import { DataWatch } from "../../src/recipes/data-watch.ts";
import { PathChildrenCache } from "../../src/recipes/path-children-cache.ts";
import { PatientChildrenWatch } from "../../src/recipes/patient-children-watch.ts";
import { PersistentWatcher } from "../../src/recipes/persistent-watcher.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import { TreeCache } from "../../src/recipes/tree-cache.ts";
import { RecipeWorld } from "./recipe-world.ts";

const ROOT = "/app";

/** What all do that keep a subtree at hand. */
interface Mirror {
  /** `path=data` of all, in order. */
  readonly seen: () => readonly string[];
  readonly depth: number;
  close(): Promise<void>;
}

const MIRRORS: readonly (readonly [string, (client: RecipeClient) => Promise<Mirror>])[] = [
  [
    "CuratorCache",
    async (client) => {
      const cache = await new CuratorCache(client, ROOT).start();
      return { seen: () => cache.entries().map(lineOf), depth: 9, close: async () => await cache.close() };
    },
  ],
  [
    "TreeCache",
    async (client) => {
      const cache = await new TreeCache(client, ROOT).start();
      return { seen: () => cache.entries().map(lineOf), depth: 9, close: async () => await cache.close() };
    },
  ],
  [
    "PathChildrenCache",
    async (client) => {
      const cache = await new PathChildrenCache(client, ROOT).start();
      return { seen: () => cache.currentData.map(lineOf), depth: 1, close: async () => await cache.close() };
    },
  ],
];

describe.each(MIRRORS)("%s", (name, mirrorOf) => {
  /** What is really there, as the mirror is to show it. */
  function actual(world: RecipeWorld, depth: number): readonly string[] {
    const lines: string[] = [];
    const walk = (path: string, level: number): void => {
      const node = world.nodeAt(path);
      if (node === undefined) return;
      if (level > 0 || name !== "PathChildrenCache") lines.push(lineOf({ path, data: node.data }));
      if (level < depth) for (const child of world.childrenOf(path)) walk(`${path}/${child}`, level + 1);
    };
    walk(ROOT, 0);
    return lines;
  }

  test.each([1, 2, 3])(
    "it shows what is there, whatever changes, whoever dies and whichever replica is lost (seed %i)",
    async (seed) => {
      const world = new RecipeWorld(60 + seed);
      const [reader, writer, mortal] = await world.clients(3);
      const mirror = await world.get(mirrorOf(reader));
      const paths = ["", "/a", "/a/x", "/b", "/a/x/deep", "/c"].map((path) => `${ROOT}${path}`);
      const write = async (): Promise<void> => {
        for (let round = 0; round < 40; round++) {
          const path = paths[(round * 7 + seed * 3) % paths.length] ?? ROOT;
          const data = new TextEncoder().encode(`${round}`);
          const kind = (round + seed) % 4;
          const change =
            kind === 0
              ? writer.delete(path)
              : kind === 1
                ? writer.set(path, data)
                : writer.create(path, { mode: "persistent", data });
          // Most of them fail, as it happens: what matters is what is there in the end.
          await change.catch(() => undefined);
        }
      };
      await world.get(
        mortal.create(ROOT, { mode: "persistent", data: new Uint8Array(0) }).catch(() => undefined),
      );
      const writing = write();
      await world.run(60);
      const death = mortal
        .create(`${ROOT}/mortal`, { mode: "ephemeral", data: new Uint8Array(0) })
        .catch(() => undefined);
      await world.get(death);
      world.loseReplica(seed);
      reader.link.move(seed % 2 === 0);
      await world.run(200);
      mortal.abandon();
      await world.get(writing);
      await world.until("all serve", () => world.world.isServing());
      const isEqual = (): boolean => {
        const real = actual(world, mirror.depth);
        return JSON.stringify(mirror.seen()) === JSON.stringify(real);
      };
      await world.until(
        "the ephemeral of the dead is gone",
        () => !mirror.seen().some((line) => line.includes("mortal")),
      );
      await world.until("it shows what is there", isEqual);
      // A session that is lost takes the watch along.
      const session = reader.session;
      reader.link.rest(12_000, true);
      await world.until("the session is lost", () => session?.lost.aborted === true);
      await world.get(
        writer.create(`${ROOT}/late`, { mode: "persistent", data: new Uint8Array(0) }).catch(() => undefined),
      );
      await world.until("it shows what is there", () => reader.state === "connected" && isEqual());
      await world.get(mirror.close());
      expect(mirror.seen()).toEqual(actual(world, mirror.depth));
      expect(reader.reports).toEqual([]);
    },
  );
});

describe("what caches tell", () => {
  test("CuratorCache: created, changed, deleted, each once; the root alone where that is asked for", async () => {
    const world = new RecipeWorld(70);
    const [one, two] = await world.clients(2);
    const cache = new CuratorCache(one, ROOT);
    const events: string[] = [];
    cache.onEvent((event) =>
      events.push(`${event.kind} ${event.kind === "deleted" ? event.before.path : event.entry.path}`),
    );
    await world.get(cache.start());
    const single = await world.get(new CuratorCache(one, ROOT, { singleNode: true }).start());
    const data = new Uint8Array(1);
    await world.get(two.create(ROOT, { mode: "persistent", data }));
    await world.get(two.create(`${ROOT}/a`, { mode: "persistent", data }));
    await world.until("both are seen", () => cache.size === 2);
    await world.get(two.set(`${ROOT}/a`, data));
    await world.until("the change is told", () => events.length === 3);
    await world.get(two.delete(`${ROOT}/a`));
    await world.until("the end is told", () => events.length === 4);
    expect(events).toEqual(["created /app", "created /app/a", "changed /app/a", "deleted /app/a"]);
    expect(single.entries().map(({ path }) => path)).toEqual([ROOT]);
  });

  test("TreeCache: data and children by path", async () => {
    const world = new RecipeWorld(71);
    const [one] = await world.clients(1);
    for (const path of [ROOT, `${ROOT}/b`, `${ROOT}/a`, `${ROOT}/a/x`]) {
      await world.get(one.create(path, { mode: "persistent", data: new TextEncoder().encode(path) }));
    }
    const cache = await world.get(new TreeCache(one, ROOT).start());
    expect(cache.getChildren(ROOT)).toEqual(["a", "b"]);
    expect(cache.getChildren(`${ROOT}/c`)).toBeUndefined();
    expect(cache.getData(`${ROOT}/a/x`)?.data).toEqual(new TextEncoder().encode(`${ROOT}/a/x`));
  });

  test("PersistentWatcher: events as they come; set again, and told so, over lost connections, replicas and sessions; its changer dies", async () => {
    const world = new RecipeWorld(72);
    const [one, two] = await world.clients(2);
    const watcher = new PersistentWatcher(one, ROOT, { recursive: true });
    const events: string[] = [];
    let resets = 0;
    watcher.onEvent(({ kind, path }) => events.push(`${kind} ${path}`));
    watcher.onReset(() => resets++);
    watcher.start();
    await world.until("it is set", () => resets === 1);
    const data = new Uint8Array(0);
    await world.get(two.create(ROOT, { mode: "persistent", data }));
    await world.get(two.create(`${ROOT}/mortal`, { mode: "ephemeral", data }));
    await world.until("both are told", () => events.length === 2);
    world.loseLeader();
    one.link.move(false);
    await world.until("it is there again", () => resets > 1);
    two.abandon();
    await world.until("its end is told", () => events.includes("deleted /app/mortal"));
    const before = resets;
    const { session } = one;
    one.link.rest(12_000, true);
    await world.until(
      "there is another session",
      () => one.session !== undefined && one.session !== session && resets > before,
    );
    const three = await world.client();
    await world.get(three.set(ROOT, data));
    await world.until("the change is told", () => events.includes("dataChanged /app"));
    await world.get(watcher.close());
    await world.get(three.set(ROOT, data));
    await world.run(500);
    expect(events.filter((event) => event === "dataChanged /app")).toHaveLength(1);
  });
});

describe("kazoo's watches", () => {
  test("DataWatch: at first and at each change, until it returns false; its writer dies, a replica is lost", async () => {
    const world = new RecipeWorld(73);
    const [one, two] = await world.clients(2);
    const seen: string[] = [];
    new DataWatch(one, ROOT, (data) => {
      seen.push(data === undefined ? "-" : new TextDecoder().decode(data ?? undefined));
      return seen.length < 4 ? undefined : false;
    });
    await world.until("it is called", () => seen.length === 1);
    await world.get(two.create(ROOT, { mode: "ephemeral", data: new TextEncoder().encode("a") }));
    await world.until("a is told", () => seen.length === 2);
    world.loseLeader();
    await world.run(4000);
    two.abandon();
    await world.until("its end is told", () => seen.length === 3);
    const three = await world.client();
    await world.get(three.create(ROOT, { mode: "persistent", data: new TextEncoder().encode("b") }));
    await world.until("b is told", () => seen.length === 4);
    await world.get(three.set(ROOT, new Uint8Array(0)));
    await world.run(500);
    expect(seen).toEqual(["-", "a", "-", "b"]);
  });

  test("ChildrenWatch: at first and at each change; its children's owner dies, a replica is lost; a lost session ends it where that is asked for", async () => {
    const world = new RecipeWorld(74);
    const [one, two] = await world.clients(2);
    const seen: string[] = [];
    const data = new Uint8Array(0);
    new ChildrenWatch(one, ROOT, (names) => void seen.push(names.join()));
    const mortal = new ChildrenWatch(one, ROOT, () => undefined, { allowSessionLost: false });
    await world.run(200);
    await world.get(two.create(ROOT, { mode: "persistent", data }));
    await world.get(two.create(`${ROOT}/a`, { mode: "ephemeral", data }));
    await world.until("a is told", () => seen.at(-1) === "a");
    world.loseLeader();
    await world.run(4000);
    two.abandon();
    await world.until("its end is told", () => seen.at(-1) === "");
    const { session } = one;
    one.link.rest(12_000, true);
    await world.until("there is another session", () => one.session !== undefined && one.session !== session);
    const three = await world.client();
    await world.get(three.create(`${ROOT}/b`, { mode: "persistent", data }));
    await world.until("b is told", () => seen.at(-1) === "b");
    expect(mortal.isStopped).toBe(true);
  });

  test("PatientChildrenWatch: once nothing has come or gone for a while; over a death and a lost replica", async () => {
    const world = new RecipeWorld(75);
    const [one, two, three] = await world.clients(3);
    const data = new Uint8Array(0);
    await world.get(one.create(ROOT, { mode: "persistent", data }));
    await world.get(three.create(`${ROOT}/mortal`, { mode: "ephemeral", data }));
    const rest = world.watch(new PatientChildrenWatch(one, ROOT, 6000).start());
    await world.run(2000);
    three.abandon();
    await world.run(3000);
    await world.get(two.create(`${ROOT}/a`, { mode: "persistent", data }));
    world.loseLeader();
    await world.run(4000);
    expect(rest.outcome).toBeUndefined();
    const { names, changed } = await world.get(rest.promise);
    expect(names).toEqual(["a"]);
    const told = world.watch(changed);
    await world.run(1000);
    expect(told.outcome).toBeUndefined();
    await world.get(two.create(`${ROOT}/b`, { mode: "persistent", data }));
    await world.get(changed);
    await expect(
      world.get(new PatientChildrenWatch(one, ROOT, 5000).start({ timeoutMs: 100 })),
    ).rejects.toMatchObject({
      fault: "timeout",
    });
  });
});

function lineOf({ path, data }: { readonly path: string; readonly data: Uint8Array | null }): string {
  return `${path}=${data === null ? "" : new TextDecoder().decode(data)}`;
}
