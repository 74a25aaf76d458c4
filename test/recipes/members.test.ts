import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { GroupMember } from "../../src/recipes/group-member.ts";
import { Party } from "../../src/recipes/party.ts";
import { PersistentNode } from "../../src/recipes/persistent-node.ts";
import { PersistentTtlNode } from "../../src/recipes/persistent-ttl-node.ts";
import type { RecipeClient } from "../../src/recipes/recipe-client.ts";
import { ShallowParty } from "../../src/recipes/shallow-party.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/app/group";

describe("PersistentNode", () => {
  test.each(["ephemeral", "ephemeralSequential", "persistent"] as const)(
    "%s: it is there over lost replicas and sessions, and when somebody deletes it",
    async (mode) => {
      const world = new RecipeWorld(80);
      const [one, two] = await world.clients(2);
      const node = new PersistentNode(one, { path: `${PATH}/me`, mode, data: bytes("a") }).start();
      await world.get(node.created);
      const path = node.actualPath ?? "";
      world.loseLeader();
      await world.run(4000);
      expect(world.nodeAt(path)?.data).toEqual(bytes("a"));
      await world.get(two.delete(path));
      await world.until("it is there again", () => world.nodeAt(path) !== undefined);
      await world.get(node.setData(bytes("b")));
      const { session } = one;
      one.link.rest(12_000, true);
      await world.until(
        "there is another session",
        () => one.session !== undefined && one.session !== session,
      );
      await world.until("it is of that session, or of none", () => {
        const found = world.nodeAt(path);
        return found !== undefined && (found.owner === 0n || found.owner === one.session?.id);
      });
      expect(world.nodeAt(path)?.data).toEqual(bytes("b"));
      await world.get(node.close());
      expect(world.nodeAt(path)).toBeUndefined();
      expect(world.childrenOf(PATH)).toEqual([]);
    },
  );

  test("the process dies: an ephemeral goes; its next start waits for that, and makes its own", async () => {
    const world = new RecipeWorld(81);
    const [one, two] = await world.clients(2);
    await world.get(new PersistentNode(one, { path: PATH, data: bytes("old") }).start().created);
    one.abandon();
    const next = new PersistentNode(two, { path: PATH, data: bytes("new") }).start();
    await world.run(500);
    expect(world.nodeAt(PATH)?.data).toEqual(bytes("old"));
    await world.get(next.created);
    expect(world.nodeAt(PATH)).toMatchObject({ data: bytes("new"), owner: two.session?.id });
  });

  test("PersistentTtlNode: it lives while it is touched, over the loss of a replica, and goes after its process died", async () => {
    const world = new RecipeWorld(82);
    const [one] = await world.clients(1);
    const node = new PersistentTtlNode(one, { path: PATH, data: bytes("a"), ttlMs: 3000 }).start();
    await world.get(node.created);
    world.loseLeader();
    await world.run(200_000);
    expect(world.childrenOf(PATH)).toEqual(["touch"]);
    one.abandon();
    await world.get(node.close());
    await world.until("it is gone", () => world.nodeAt(PATH) === undefined, 400_000);
    expect(one.reports).toEqual([]);
  });
});

describe("GroupMember", () => {
  test("all see each other, with what they show; who dies is gone; who loses its session is back; replicas are lost", async () => {
    const world = new RecipeWorld(83);
    const [one, two, three] = await world.clients(3);
    const members = await world.get(
      Promise.all(
        [one, two, three].map(
          async (client, index) =>
            await new GroupMember(client, PATH, { id: `m${index}`, payload: bytes(`${index}`) }).start(),
        ),
      ),
    );
    const seen = (): readonly string[] =>
      members.map(({ currentMembers }) => [...currentMembers.keys()].toSorted().join());
    await world.until("all see all", () => seen().every((list) => list === "m0,m1,m2"));
    await world.get(members[1]?.setThisData(bytes("new")) ?? Promise.resolve());
    await world.until("all see that", () =>
      members.every(({ currentMembers }) => text(currentMembers.get("m1")) === "new"),
    );
    three.abandon();
    await world.until("it is gone", () => seen()[0] === "m0,m1" && seen()[1] === "m0,m1");
    const { session } = two;
    two.link.rest(12_000, true);
    await world.until("it is away", () => seen()[0] === "m0");
    await world.until("it is back", () => two.session !== session && seen()[0] === "m0,m1");
    world.loseLeader();
    await world.run(4000);
    expect(seen()[0]).toBe("m0,m1");
    await world.get(members[1]?.close() ?? Promise.resolve());
    await world.until("it has left", () => seen()[0] === "m0");
  });
});

const PARTIES: readonly (readonly [
  string,
  (client: RecipeClient, identifier: string) => Party | ShallowParty,
])[] = [
  ["Party", (client, identifier) => new Party(client, PATH, identifier)],
  ["ShallowParty", (client, identifier) => new ShallowParty(client, PATH, identifier)],
];

describe.each(PARTIES)("%s", (_name, partyOf) => {
  test("who joins is listed, until it leaves, dies, or loses its session for good; replicas are lost", async () => {
    const world = new RecipeWorld(84);
    const [one, two, three] = await world.clients(3);
    const parties = [one, two, three].map((client, index) => partyOf(client, `p${index}`));
    await world.get(Promise.all(parties.map(async (party) => await party.join())));
    const list = async (): Promise<readonly string[]> => {
      await world.get(one.sync(PATH));
      return (await world.get(must(parties[0], "a party").members())).toSorted();
    };
    expect(await list()).toEqual(["p0", "p1", "p2"]);
    expect(await world.get(must(parties[1], "a party").leave())).toBe(true);
    expect(await list()).toEqual(["p0", "p2"]);
    three.abandon();
    world.loseLeader();
    await world.until("it is gone", () => world.childrenOf(PATH).length === 1);
    const { session } = one;
    one.link.rest(12_000, true);
    await world.until("it is away", () => world.childrenOf(PATH).length === 0);
    await world.until("it is back", () => one.session !== session && world.childrenOf(PATH).length === 1);
    expect(await world.get(must(parties[0], "a party").size())).toBe(1);
  });
});

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(value ?? undefined);
}
