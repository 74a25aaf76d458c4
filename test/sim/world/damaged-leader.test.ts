import { expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { World } from "../../../src/world/world.ts";
import { Writer } from "./writer.ts";

/**
 * 1. A follower is down and falls so far behind that it needs a snapshot.
 * 2. The leader's tree is damaged on disk. It is elected again, and serves with the one voter that is left.
 * 3. The two have different digests, and neither is a quorum: nobody is judged.
 * 4. The follower comes back, asks for a snapshot, and refuses it, as its content is not what its digest says.
 */
test("a leader whose snapshots are refused finds out that its own tree is damaged, and lets another lead", () => {
  const world = new World({ voters: 3, seed: 7, logRowsMax: 4, snapshotPartBytes: 300 }).startAll();
  world.until("all replicas serve", () => world.isServing());
  const leader = must(world.leader(), "a leader");
  const behind = must(
    world.sids.find((sid) => sid !== leader),
    "a follower",
  );
  const writer = new Writer(world, "a");
  world.apply({ kind: "crash", sid: behind, kept: 0, downMs: 3000 });
  world.run(2000);
  writer.stop();
  world.run(200);
  expect(world.apply({ kind: "corrupt", sid: leader })).toBe(true);
  world.until("the damaged one leads again", () => world.leader() === leader);

  world.until("all replicas serve", () => world.isServing(), 30_000);
  world.until("all replicas are equal", () => world.isConverged(), 30_000);
});

/**
 * 1. Voters 1 and 2 fall so far behind that they need snapshots, and 3 loses its disk.
 * 2. The tree of 5 is damaged. It is elected: 4 has no more than it has, and a smaller sid.
 * 3. With 4 alone it has no quorum, so that it never serves; 1, 2 and 3 refuse its snapshot.
 */
test("it finds out although it has no quorum before a snapshot is taken, and so does not serve", () => {
  const world = new World({ voters: 5, seed: 7, logRowsMax: 4, snapshotPartBytes: 300 }).startAll();
  world.until("all replicas serve", () => world.isServing());
  const writer = new Writer(world, "a");
  for (const sid of [1, 2]) world.apply({ kind: "crash", sid, kept: 0, downMs: 3000 });
  world.run(2000);
  writer.stop();
  world.run(200);
  world.apply({ kind: "crash", sid: 4, kept: 99, downMs: 100 });
  expect(world.apply({ kind: "wipe", sid: 3 })).toBe(true);
  expect(world.apply({ kind: "corrupt", sid: 5 })).toBe(true);

  world.until("all replicas serve", () => world.isServing(), 30_000);
  world.until("all replicas are equal", () => world.isConverged(), 30_000);
});
