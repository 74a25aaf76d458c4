/** Streams of events where the tree is replaced, by a restore or a snapshot, and where their reader's token ends. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Identity } from "../../src/base/acl.ts";
import type { Sid } from "../../src/base/ids.ts";
import { scopeIdentity } from "../../src/base/scope-identity.ts";
import { type Zxid, zxidDigits, zxidText } from "../../src/base/zxid.ts";
import { endOf } from "../../src/keeper/event-stream.ts";
import { digestText } from "../../src/tree/digest.ts";
import { create as createInFile, Leader } from "../tree/harness.ts";
import { call, create } from "./test-caller.ts";
import { goOn, TestReader } from "./test-reader.ts";
import { World } from "./world.ts";
import { entriesOf } from "./world-replica.ts";

function write(world: World, sid: Sid, path: string): Zxid {
  const request = create(path);
  return call(world, sid, { kind: "write", request }).answered().zxid;
}

describe("a restore", () => {
  it("is told as a reset, live and from the history, and nothing of before it again", () => {
    const world = new World({ voters: 3, seed: 1 }).startAll();
    const leader = world.untilServing();
    const begin = write(world, leader, "/own");
    world.untilEqual();
    const live = world.sids.map((sid) => new TestReader(world, sid));
    const file = new Leader();
    file.write(createInFile("/file"));
    world.input(leader, { kind: "restoreStep", step: { kind: "permitRestore" } });
    world.until("it is permitted", () => world.keeper(leader).restorePermit !== undefined);
    const permit = must(world.keeper(leader).restorePermit, "a permit");
    for (const sid of world.sids) world.replica(sid).restores.set(zxidText(permit), entriesOf(file.tree));
    const staged = { permit, digest: digestText(file.tree.digest) };
    world.input(leader, { kind: "restoreStep", step: { kind: "proposeRestore", staged } });
    world.until("it has come about", () =>
      world.sids.every((sid) => world.tree(sid).get("/file") !== undefined),
    );
    world.untilServing();
    write(world, world.untilServing(), "/behind");
    world.untilEqual();
    const at = must(world.sids[0], "a sid");
    const late = new TestReader(world, at, { since: endOf(begin) });
    world.run(300);

    expect(late.told).toEqual(["reset undefined", "created /behind"]);
    const [reset] = late.events.filter(({ event }) => event === "reset");
    expect(reset?.data).toEqual({ type: "reset", zxid: String(reset?.id).slice(0, 20) });
    // Here a replica that starts anew says nothing of what its last turn left unsaid: readers hear it elsewhere.
    for (const reader of live) {
      expect(["lost", "end: reset"]).toContain(reader.over);
      const again = goOn(world, at, reader);
      world.run(300);
      expect([...reader.told, ...again.told]).toEqual(["reset undefined", "created /behind"]);
    }
  });
});

describe("a snapshot", () => {
  it("leaves no hole: its replica tells nothing of before it, and others do", () => {
    const world = new World({ voters: 3, seed: 2 }).startAll();
    const leader = world.untilServing();
    const [follower = 0, other = 0] = world.sids.filter((sid) => sid !== leader);
    const begin = write(world, leader, "/a");
    world.untilEqual();
    const reader = new TestReader(world, follower);
    world.run(50);
    world.crash(follower);
    for (let nth = 0; nth < 30; nth++) write(world, leader, `/n${nth}`);
    world.run(100);
    const replica = world.replica(leader);
    const before = replica.disk.durable.lastDelivered;
    replica.trim(before);
    world.start(follower);
    for (let nth = 30; nth < 40; nth++) write(world, leader, `/n${nth}`);
    world.untilEqual();
    expect(world.replica(follower).installed).toBe(1);

    const at = [follower, other].map((sid) => goOn(world, sid, reader, { minZxid: begin }));
    world.run(300);
    expect(at[0]?.over).toBe("refused: gone");
    expect(at[1]?.told).toEqual(Array.from({ length: 40 }, (_, nth) => `created /n${nth}`));
    const refused = at[0]?.words[0];
    const oldest =
      refused !== undefined && refused !== "lost" && refused.kind === "refused" ? refused.oldest : begin;
    expect(zxidDigits(oldest) > zxidDigits(begin)).toBe(true);
  });
});

describe("a reader's token", () => {
  const HASH = "ab".repeat(32);
  const bearing: readonly Identity[] = [scopeIdentity({ kind: "token", hash: HASH })];

  function bearers(lifeMs: number | undefined): { world: World; leader: Sid; other: Sid } {
    const world = new World({ voters: 3, seed: 3 }).startAll();
    const leader = world.untilServing();
    for (const path of ["/app", "/other"]) write(world, leader, path);
    const grants = [{ prefix: "/app", permissions: ["read"] }] as const;
    const request = { kind: "createToken", hash: HASH, name: "ci", grants, lifeMs } as const;
    expect(call(world, leader, request).answered().code).toBe(0);
    world.untilEqual();
    return {
      world,
      leader,
      other: must(
        world.sids.find((sid) => sid !== leader),
        "another",
      ),
    };
  }

  it("lets it hear of what it may read alone, and its end ends the stream", () => {
    const { world, leader, other } = bearers(undefined);
    world.identities = bearing;
    const mine = new TestReader(world, other, { path: "/app" });
    const all = new TestReader(world, other, { path: "/" });
    const theirs = new TestReader(world, other, { path: "/other" });
    world.identities = [scopeIdentity({ kind: "token", hash: "cd".repeat(32) })];
    const unknown = new TestReader(world, other, { path: "/app" });
    world.identities = [];
    write(world, leader, "/app/x");
    write(world, leader, "/other/x");
    world.run(300);
    expect([mine, all, theirs, unknown].map(({ over }) => over)).toEqual([
      undefined,
      "refused: no-auth",
      "refused: no-auth",
      "refused: unauthorized",
    ]);
    call(world, leader, { kind: "revokeToken", hash: HASH }).answered();
    write(world, leader, "/app/y");
    world.run(300);
    expect(mine.told).toEqual(["created /app/x"]);
    expect(mine.over).toBe("end: revoked");
  });

  it("that is over ends the stream", () => {
    const { world, other } = bearers(5000);
    world.identities = bearing;
    const mine = new TestReader(world, other, { path: "/app" });
    world.run(3000);
    expect(mine.over).toBeUndefined();
    world.run(3000);
    expect(mine.over).toBe("end: revoked");
  });
});
