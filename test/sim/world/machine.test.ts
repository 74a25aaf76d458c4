import { describe, expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { ALARM_AHEAD_MS } from "../../../src/durable/limits.ts";
import type { WorldOptions } from "../../../src/world/setting.ts";
import { World } from "../../../src/world/world.ts";
import { Writer } from "./writer.ts";

/** A serving ensemble, its leader, and two clients that write. */
function busy(options: Partial<WorldOptions> = {}): {
  readonly world: World;
  readonly leader: Sid;
  readonly writers: readonly Writer[];
} {
  const world = new World({ voters: 3, ...options }).startAll();
  world.until("all replicas serve", () => world.isServing());
  const writers = ["a", "b"].map((name) => new Writer(world, name));
  world.run(300);
  return { world, leader: must(world.leader(), "a leader"), writers };
}

/** What one replica does from now on: `wrote`, `sent`, `told`, `synced`, each with the start's name. */
function storyOf(world: World, sid: Sid): string[] {
  const story: string[] = [];
  const note = (what: string, machine: { readonly sid: Sid; readonly name: string }): void => {
    if (machine.sid === sid) story.push(`${what} ${machine.name}`);
  };
  world.observers.push({
    stepped: (machine, input, turn) => {
      if (turn.free.length > 0 && turn.writes.length > 0) note("proposes", machine);
      if (input.kind === "tick") note("ticks", machine);
    },
    wrote: (machine) => note("wrote", machine),
    sentFrame: (machine) => note("sent", machine),
    toldClient: (machine) => note("told", machine),
    started: (machine) => note("started", machine),
    died: (machine) => note("died", machine),
    synced: (one) => one === sid && story.push("synced"),
  });
  return story;
}

describe("the output gate", () => {
  test.each(["the leader", "a follower"])(
    "lets nothing of %s out behind a write that is not durable",
    (who) => {
      const { world, leader, writers } = busy();
      const sid =
        who === "the leader"
          ? leader
          : must(
              world.sids.find((one) => one !== leader),
              "a follower",
            );
      const story = storyOf(world, sid);
      expect(world.apply({ kind: "stuckDisk", sid, forMs: 1000 })).toBe(true);
      world.run(900);

      const wroteAt = story.findIndex((event) => event.startsWith("wrote"));
      expect(wroteAt).toBeGreaterThanOrEqual(0);
      const behind = new Set(story.slice(wroteAt).map((event) => event.split(" ")[0]));
      expect(behind).not.toContain("sent");
      expect(behind).not.toContain("told");
      expect(behind).not.toContain("synced");
      const answered = writers.map(({ acknowledged }) => acknowledged.length);
      const length = story.length;
      world.run(3000);

      expect(story.slice(length).some((event) => event.startsWith("sent"))).toBe(true);
      for (const [index, { acknowledged }] of writers.entries()) {
        expect(acknowledged.length).toBeGreaterThan(must(answered[index], "a count"));
      }
    },
  );

  test("lets what a leader proposes out before its own write", () => {
    const { world, leader } = busy();
    const story = storyOf(world, leader);
    world.run(500);

    const proposals = story.flatMap((event, at) => (event.startsWith("proposes") ? [at] : []));
    expect(proposals.length).toBeGreaterThan(5);
    const isBefore = (at: number): boolean => must(story[at + 1], "what follows").startsWith("sent");
    // Where an earlier write is under way the gate is shut for proposals, too.
    expect(proposals.filter(isBefore).length).toBeGreaterThan(proposals.length / 3);
  });
});

describe("a superseded object", () => {
  test("says what it had made durable, and nothing behind its next write; its successor goes on from the disk", () => {
    const { world, leader } = busy();
    const ghost = world.machine(leader).view;
    const story = storyOf(world, leader);
    expect(world.apply({ kind: "supersede", sid: leader, forMs: 2000 })).toBe(true);
    expect(ghost.isSuperseded).toBe(true);
    const successor = world.machine(leader).view;
    expect(successor.instance).toBeGreaterThan(ghost.instance);
    const { durable } = world.disk(leader);
    world.run(1900);

    const ofGhost = story.filter((event) => event.endsWith(ghost.name));
    const wroteAt = ofGhost.findIndex((event) => event.startsWith("wrote"));
    expect(wroteAt).toBeGreaterThanOrEqual(0);
    const behind = new Set(ofGhost.slice(wroteAt).map((event) => event.split(" ")[0]));
    expect(behind).not.toContain("sent");
    expect(behind).not.toContain("told");
    expect(world.disk(leader).durable.currentEpoch).toBeGreaterThanOrEqual(durable.currentEpoch);
    world.run(200);
    expect(story).toContain(`died ${ghost.name}`);
    world.until("all replicas serve", () => world.isServing());
    expect([...world.machines()]).not.toContain(ghost);
  });
});

describe("an object that left memory", () => {
  test("is brought back by its alarm, which it set before", () => {
    const world = new World({ voters: 1 }).startAll();
    world.until("it serves", () => world.isServing());
    world.run(1000);
    world.apply({ kind: "evict", sid: 1 });
    expect(world.replica(1).machine).toBeUndefined();
    const sinceMs = world.nowMs;
    world.until("it serves again", () => world.isServing(), ALARM_AHEAD_MS + 1000);

    expect(world.nowMs - sinceMs).toBeGreaterThan(1000);
  });

  test("is brought back late where the alarm comes late", () => {
    const world = new World({ voters: 1 }).startAll();
    world.until("it serves", () => world.isServing());
    const story = storyOf(world, 1);
    world.apply({ kind: "evict", sid: 1 });
    world.apply({ kind: "badAlarm", sid: 1, lateMs: 60_000, times: 2 });
    world.run(ALARM_AHEAD_MS + 50_000);
    expect(world.replica(1).machine).toBeUndefined();
    world.run(30_000);

    expect(world.isServing()).toBe(true);
    // Both alarms come before the first beat of its timer.
    const startedAt = story.findIndex((event) => event.startsWith("started"));
    expect(
      story
        .slice(startedAt)
        .filter((event) => !event.startsWith("wrote"))
        .slice(0, 3),
    ).toEqual(["started 1#2", "ticks 1#2", "ticks 1#2"]);
  });

  test("is brought back by a client", () => {
    const world = new World({ voters: 1 }).startAll();
    world.until("it serves", () => world.isServing());
    world.apply({ kind: "evict", sid: 1 });
    const writer = new Writer(world, "a");
    world.run(2000);

    expect(writer.acknowledged.length).toBeGreaterThan(10);
  });

  test("is brought back by the leader, which misses it", () => {
    const { world, leader } = busy();
    const sid = must(
      world.sids.find((one) => one !== leader),
      "a follower",
    );
    world.apply({ kind: "evict", sid });
    world.until("all replicas serve", () => world.isServing(), 3000);

    expect(world.isServing()).toBe(true);
  });
});

describe("time", () => {
  test("without its timer an object lives by its alarm", () => {
    const world = new World({ voters: 1 }).startAll();
    world.until("it serves", () => world.isServing());
    const story = storyOf(world, 1);
    world.apply({ kind: "stallTimer", sid: 1, forMs: ALARM_AHEAD_MS * 3 });
    world.run(ALARM_AHEAD_MS * 2.5);

    expect(story.filter((event) => event.startsWith("ticks")).length).toBe(2);
  });

  test("a clock jumps, and runs at another speed for a while", () => {
    const world = new World({ voters: 1 }).startAll();
    const { clock } = world.replica(1);
    const startMs = clock.nowMs;
    world.apply({ kind: "clockJump", sid: 1, byMs: -5000 });
    expect(clock.nowMs - startMs).toBe(-5000);
    world.apply({ kind: "clockRate", sid: 1, rate: 1.5, forMs: 2000 });
    world.run(4000);

    expect(clock.nowMs - startMs).toBe(-5000 + 3000 + 2000);
  });

  test("what happens to an object that stands still waits, in order", () => {
    const { world, leader } = busy();
    const sid = must(
      world.sids.find((one) => one !== leader),
      "a follower",
    );
    const story = storyOf(world, sid);
    world.apply({ kind: "freeze", sid, forMs: 400 });
    world.run(399);
    expect(story.filter((event) => event !== "synced")).toEqual([]);
    world.run(1);

    expect(story.filter((event) => event !== "synced").length).toBeGreaterThan(10);
  });
});

describe("disks are lost and damaged", () => {
  test("only while a quorum is left that was in an epoch and whose trees are whole", () => {
    const { world } = busy();
    world.apply({ kind: "crash", sid: 3, kept: 0, downMs: 60_000 });
    expect(world.apply({ kind: "wipe", sid: 1 })).toBe(true);
    expect(world.apply({ kind: "wipe", sid: 2 })).toBe(false);
    expect(world.apply({ kind: "corrupt", sid: 3 })).toBe(false);
    world.healAll();
    world.until("all replicas are equal", () => world.isConverged() || world.isServing());

    expect(world.apply({ kind: "wipe", sid: 2 })).toBe(true);
  });

  test("at any time where the voter was in no epoch", () => {
    const world = new World({ voters: 3 });
    world.replica(1).reach();
    world.run(100);
    expect(world.apply({ kind: "wipe", sid: 1 })).toBe(true);
    world.startAll();
    world.until("all replicas serve", () => world.isServing());
  });
});
