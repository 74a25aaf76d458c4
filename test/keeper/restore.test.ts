/**
 * A restore among keepers, with replicas that die at any moment of it: either nobody has it, or all have it and nothing
 * of before, and what was in the file is what they show.
 */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, zxidText } from "../../src/base/zxid.ts";
import { digestText } from "../../src/tree/digest.ts";
import { tokenPathOf, TOKENS_PATH } from "../../src/tree/tokens.ts";
import { Leader, create as createInFile } from "../tree/harness.ts";
import { call } from "./test-caller.ts";
import { bytes, connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";
import { entriesOf } from "./world-replica.ts";

/** What a file holds. */
function fileTree(): Leader {
  const leader = new Leader();
  for (let index = 0; index < 5; index++) leader.write(createInFile(`/file-${index}`));
  return leader;
}

const HASH = "ab".repeat(32);
const OTHER = "cd".repeat(32);

const FILE = fileTree().tree;
const DIGEST = digestText(FILE.digest);

interface Story {
  readonly world: World;
  readonly leader: Sid;
  readonly client: TestClient;
  readonly permit: Zxid;
}

/** An ensemble with some znodes, where the leader has permitted a restore. */
function ensemble(seed: number, observers = 0): Story {
  const world = new World({ voters: 3, observers, seed }).startAll();
  const leader = world.untilServing();
  const client = connected(world, leader);
  for (let index = 0; index < 5; index++) client.get(create(`/own-${index}`, { data: bytes("x") }));
  world.untilEqual();
  world.input(leader, { kind: "restoreStep", step: { kind: "permitRestore" } });
  world.until("it is permitted", () => world.keeper(leader).restorePermit !== undefined);
  const permit = must(world.keeper(leader).restorePermit, "a permit");
  return { world, leader, client, permit };
}

function stage({ world, permit }: Story, sids: readonly Sid[], file = FILE): void {
  for (const sid of sids) world.replica(sid).restores.set(zxidText(permit), entriesOf(file));
}

function propose({ world, leader, permit }: Story, digest = DIGEST): void {
  const staged = { permit, digest };
  world.input(leader, { kind: "restoreStep", step: { kind: "proposeRestore", staged } });
}

/** Which of the trees a replica has. */
function shown(world: World, sid: Sid): "own" | "file" | "a mixture" {
  const tree = world.tree(sid);
  const own = [0, 1, 2, 3, 4].filter((index) => tree.get(`/own-${index}`) !== undefined).length;
  const file = [0, 1, 2, 3, 4].filter((index) => tree.get(`/file-${index}`) !== undefined).length;
  if (own === 5 && file === 0) return "own";
  return own === 0 && file === 5 ? "file" : "a mixture";
}

describe("a restore", () => {
  it("is the same tree everywhere, closes every connection, and what comes behind has later zxids", () => {
    const story = ensemble(1, 1);
    const { world, client, leader } = story;
    stage(story, world.sids);
    const before = world.tree(leader).lastApplied;
    propose(story);
    world.until("it has come about", () => world.sids.every((sid) => shown(world, sid) === "file"), 20_000);
    expect(client.isClosed).toBe(true);
    world.untilServing();
    world.untilEqual();
    expect(world.sids.map((sid) => world.replica(sid).installed)).toEqual([0, 0, 0, 0]);
    const now = must(world.leader(), "a leader");
    const next = connected(world, now);
    next.get(create("/behind"));
    const node = must(world.tree(now).get("/behind"), "it is there");
    expect(compareZxid(node.czxid, before)).toBeGreaterThan(0);
    expect(node.czxid.epoch).toBeGreaterThan(before.epoch);
  });

  it("that somebody has not staged comes to it as a snapshot", () => {
    const story = ensemble(2, 1);
    const { world } = story;
    stage(story, world.voters);
    propose(story);
    world.until("it has come about", () => world.sids.every((sid) => shown(world, sid) === "file"), 30_000);
    world.untilServing();
    world.untilEqual();
    expect(world.replica(4).installed).toBe(1);
  });

  it("that was proposed is the last word of its leader: what is asked meanwhile is not done", () => {
    const story = ensemble(3);
    const { world, client } = story;
    stage(story, world.sids);
    propose(story);
    client.send(create("/late"));
    propose(story);
    world.until("it has come about", () => world.sids.every((sid) => shown(world, sid) === "file"), 20_000);
    world.untilServing();
    world.untilEqual();
    expect(world.sids.map((sid) => world.tree(sid).get("/late"))).toEqual([undefined, undefined, undefined]);
  });

  it.each([true, false])("brings no token back, and ends none, where there are tokens: %s", (hasTokens) => {
    const story = ensemble(5);
    const { world, leader } = story;
    const token = { kind: "createToken", hash: HASH, name: "kept", grants: [], lifeMs: undefined } as const;
    if (hasTokens) expect(call(world, leader, token).answered().code).toBe(0);
    world.untilEqual();
    const file = fileTree();
    const by = { identities: [{ scheme: "super", id: "" }] };
    file.write(createInFile(TOKENS_PATH), by);
    file.write(createInFile(tokenPathOf("revoked")), by);
    stage(story, world.sids, file.tree);
    propose(story, digestText(file.tree.digest));
    world.until("it has come about", () => world.sids.every((sid) => shown(world, sid) === "file"), 20_000);
    world.untilServing();
    world.untilEqual();
    for (const sid of world.sids) {
      const tree = world.tree(sid);
      expect(tree.childNames("/zookeeper")).toEqual(
        hasTokens ? ["config", "quota", "tokens"] : ["config", "quota"],
      );
      expect(tree.childNames(TOKENS_PATH)).toEqual(hasTokens ? [HASH] : []);
      expect(tree.get("/zookeeper")?.childCount).toBe(tree.childNames("/zookeeper").length);
      expect(tree.isSound()).toBe(true);
    }
    expect(call(world, must(world.leader(), "a leader"), { ...token, hash: OTHER }).answered().code).toBe(0);
  });

  it("under another permit than the last is not proposed", () => {
    const story = ensemble(4);
    const { world, leader, permit } = story;
    world.input(leader, { kind: "restoreStep", step: { kind: "permitRestore" } });
    world.until("another is permitted", () => {
      const other = world.keeper(leader).restorePermit;
      return other !== undefined && compareZxid(other, permit) > 0;
    });
    stage(story, world.sids);
    propose(story);
    world.run(2000);
    expect(world.sids.map((sid) => shown(world, sid))).toEqual(["own", "own", "own"]);
  });

  it("has come about everywhere or nowhere, whoever dies when", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const story = ensemble(100 + seed, seed % 2);
      const { world } = story;
      stage(story, world.sids);
      propose(story);
      const seen = new Set<string>();
      for (let round = 0; round < 4; round++) {
        world.run(world.rng.below(12));
        const sid = 1 + world.rng.below(world.sids.length);
        world.crash(sid);
        if (world.rng.below(2) === 0) world.run(world.rng.below(3000));
        world.startAll();
      }
      world.startAll();
      world.until("all serve", () => world.sids.every((sid) => world.keeper(sid).serving), 60_000);
      world.untilEqual();
      for (const sid of world.sids) seen.add(shown(world, sid));
      expect(seen.size).toBe(1);
      outcomes.add([...seen][0] ?? "");
      const client = connected(world, must(world.leader(), "a leader"));
      client.get(create("/behind"));
      world.untilEqual();
    }
    expect(outcomes).toEqual(new Set(["own", "file"]));
  });
});
