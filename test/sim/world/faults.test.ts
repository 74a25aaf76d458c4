import { describe, expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import type { Fault } from "./fault.ts";
import type { WorldOptions } from "./setting.ts";
import { World } from "./world.ts";
import { Writer } from "./writer.ts";

/** One of each kind, against replica 2 of 3, which leads in none of the seeds by itself. */
const EACH: { readonly [Kind in Fault["kind"]]: Fault & { readonly kind: Kind } } = {
  crash: { kind: "crash", sid: 2, kept: 1, downMs: 700 },
  crashAll: { kind: "crashAll", downMs: 700 },
  crashWithin: { kind: "crashWithin", sid: 3, effects: 17, downMs: 700 },
  failWrite: { kind: "failWrite", sid: 3 },
  slowDisk: { kind: "slowDisk", sid: 3, ms: 60, forMs: 2000 },
  stuckDisk: { kind: "stuckDisk", sid: 3, forMs: 2000 },
  freeze: { kind: "freeze", sid: 3, forMs: 2500 },
  partition: { kind: "partition", sids: [3], forMs: 3000 },
  block: { kind: "block", from: 3, to: 2, forMs: 3000 },
  breakLinks: { kind: "breakLinks", a: 3, b: 1, kept: 1 },
  muteLinks: { kind: "muteLinks", a: 3, b: 1 },
  slowNetwork: { kind: "slowNetwork", delayMs: 80, forMs: 2000 },
  badNotifications: { kind: "badNotifications", lose: 2, repeat: 2, delayMs: 300, forMs: 4000 },
  clockJump: { kind: "clockJump", sid: 3, byMs: -8000 },
  clockRate: { kind: "clockRate", sid: 3, rate: 1.5, forMs: 4000 },
  stallTimer: { kind: "stallTimer", sid: 3, forMs: 3000 },
  badAlarm: { kind: "badAlarm", sid: 2, lateMs: 1000, times: 2 },
  supersede: { kind: "supersede", sid: 3, forMs: 1500 },
  evict: { kind: "evict", sid: 2 },
  wipe: { kind: "wipe", sid: 2 },
  trim: { kind: "trim", sid: 2 },
  corrupt: { kind: "corrupt", sid: 2 },
  dropClients: { kind: "dropClients", sid: 2, isUnnoticed: true },
};

const BUSY_MS = 6000;

/** A world under a load, with this happening to it in the midst. */
function suffer(faults: readonly Fault[], options: Partial<WorldOptions> = {}): World {
  const world = new World({
    voters: 3,
    observers: 1,
    seed: 7,
    snapshotPartBytes: 300,
    ...options,
  }).startAll();
  world.until("all replicas serve", () => world.isServing());
  const writers = ["a", "b", "c"].map((name) => new Writer(world, name));
  world.run(500);
  for (const [index, fault] of faults.entries()) {
    world.later(index * 300, () => expect(world.apply(fault), `${fault.kind} is allowed`).toBe(true));
  }
  world.run(BUSY_MS);
  world.healAll();
  world.until("all replicas serve again", () => world.isServing());
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  world.run(1000);
  for (const [index, { acknowledged }] of writers.entries()) {
    expect(acknowledged.length, "writes after the fault").toBeGreaterThan(must(before[index], "a count"));
  }
  for (const writer of writers) writer.stop();
  world.run(200);
  world.until("all replicas are equal", () => world.isConverged());
  for (const { acknowledged } of writers) {
    for (const path of acknowledged) expect(world.tree(1).get(path), `${path} is there`).toBeDefined();
  }
  return world;
}

/** All that observers are told, as one number. */
function digestOf(run: (watch: (world: World) => void) => void): {
  readonly sum: number;
  readonly events: number;
} {
  let sum = 0;
  let events = 0;
  run((world) => {
    const note = (text: string): void => {
      events++;
      for (const character of `${world.moment} ${text}`) {
        sum = (Math.imul(sum, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
      }
    };
    world.observers.push({
      started: ({ name, instance }) => note(`started ${name} ${instance}`),
      stepped: ({ name }, { kind }, { free, writes, after }) =>
        note(
          `${name} ${kind} ${free.length} ${writes.length} ${after.map((action) => action.kind).join(" ")}`,
        ),
      synced: (sid) => note(`synced ${sid}`),
      toldClient: ({ name }, connection, bytes) => note(`told ${name} ${connection} ${bytes.join(" ")}`),
      sentFrame: ({ name }, to, bytes) => note(`sent ${name} ${to} ${bytes.join(" ")}`),
      died: ({ name }, why) => note(`died ${name} ${why}`),
      fault: ({ kind }, stage) => note(`${kind} ${stage}`),
    });
  });
  return { sum, events };
}

describe("a world under one fault", () => {
  test.each(Object.values(EACH))("$kind: it goes on, loses nothing, and converges", (fault) => {
    suffer([fault]);
  });

  test("and under all of them, one after the other", () => {
    suffer(Object.values(EACH).filter(({ kind }) => kind !== "wipe" && kind !== "corrupt"));
  });
});

test("the same seed and the same faults make the same run, event for event", () => {
  const faults = [EACH.crash, EACH.partition, EACH.supersede, EACH.badNotifications, EACH.crashWithin];
  const runs = [7, 7, 8].map((seed) =>
    digestOf((watch) => {
      const world = new World({ voters: 3, seed });
      watch(world);
      world.startAll().until("all replicas serve", () => world.isServing());
      for (const name of ["a", "b"]) void new Writer(world, name);
      for (const [index, fault] of faults.entries()) world.later(index * 300, () => world.apply(fault));
      world.run(5000);
    }),
  );
  expect(runs[0]?.events).toBeGreaterThan(1000);
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).not.toEqual(runs[0]);
});
