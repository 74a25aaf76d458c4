import { describe, expect, test } from "vitest";
import { must } from "../../../src/base/assert.ts";
import type { Fault } from "../../../src/world/fault.ts";
import { World } from "../../../src/world/world.ts";
import { Writer } from "./writer.ts";

/** One of each kind in the midst of a load, with what makes it bite, and what the story then tells. */
const EACH: {
  readonly [Kind in Fault["kind"]]: {
    readonly fault: Fault & { readonly kind: Kind };
    readonly before?: readonly Fault[];
    readonly sign: string;
  };
} = {
  crash: { fault: { kind: "crash", sid: 2, kept: 1, downMs: 700 }, sign: "died 2#1 power fails" },
  crashAll: { fault: { kind: "crashAll", downMs: 700 }, sign: "died 4#1 power fails" },
  crashWithin: {
    fault: { kind: "crashWithin", sid: 3, effects: 17, downMs: 700 },
    sign: "died 3#1 dies between two effects",
  },
  failWrite: { fault: { kind: "failWrite", sid: 3 }, sign: "died 3#1 the write fails" },
  slowDisk: { fault: { kind: "slowDisk", sid: 3, ms: 60, forMs: 2000 }, sign: "slowDisk begins" },
  stuckDisk: {
    fault: { kind: "stuckDisk", sid: 3, forMs: 2500 },
    sign: "1#1 closes a link: the leader is silent",
  },
  freeze: { fault: { kind: "freeze", sid: 3, forMs: 2500 }, sign: "3#1 linkClosed" },
  partition: { fault: { kind: "partition", sids: [3], forMs: 3000 }, sign: "1#1 linkClosed" },
  block: {
    fault: { kind: "block", from: 3, to: 2, forMs: 3000 },
    sign: "2#1 closes a link: the leader is silent",
  },
  breakLinks: { fault: { kind: "breakLinks", a: 3, b: 1, kept: 1 }, sign: "1#1 linkClosed" },
  muteLinks: { fault: { kind: "muteLinks", a: 3, b: 1 }, sign: "1#1 closes a link: the leader is silent" },
  slowNetwork: { fault: { kind: "slowNetwork", delayMs: 80, forMs: 2000 }, sign: "slowNetwork begins" },
  badNotifications: {
    before: [{ kind: "crash", sid: 3, kept: 0, downMs: 3000 }],
    fault: { kind: "badNotifications", lose: 2, repeat: 2, delayMs: 300, forMs: 4000 },
    sign: "3#2 linkOpened",
  },
  clockJump: { fault: { kind: "clockJump", sid: 3, byMs: -8000 }, sign: "clockJump begins" },
  clockRate: { fault: { kind: "clockRate", sid: 3, rate: 1.5, forMs: 4000 }, sign: "clockRate begins" },
  stallTimer: { fault: { kind: "stallTimer", sid: 3, forMs: 3000 }, sign: "stallTimer begins" },
  badAlarm: { fault: { kind: "badAlarm", sid: 2, lateMs: 1000, times: 2 }, sign: "badAlarm begins" },
  supersede: { fault: { kind: "supersede", sid: 3, forMs: 1500 }, sign: "died 3#1 superseded" },
  evict: { fault: { kind: "evict", sid: 2 }, sign: "died 2#1 evicted" },
  wipe: { fault: { kind: "wipe", sid: 2 }, sign: "2 lost its disk: wipe" },
  trim: {
    before: [
      { kind: "crash", sid: 4, kept: 0, downMs: 1000 },
      { kind: "trim", sid: 2 },
      { kind: "trim", sid: 1 },
    ],
    fault: { kind: "trim", sid: 3 },
    sign: "died 4#2 a snapshot was installed",
  },
  corrupt: { fault: { kind: "corrupt", sid: 2 }, sign: "died 2#2 a snapshot was installed" },
  dropClients: { fault: { kind: "dropClients", sid: 2, isUnnoticed: false }, sign: "2#1 clientClosed" },
};

/** Elected in a calm world of this seed. */
const LEADER = 3;

const BUSY_MS = 4500;

/** All that observers are told: some of it as lines, the whole as one number. */
class Story {
  readonly lines: string[] = [];
  events = 0;
  sum = 0;

  constructor(world: World) {
    const note = (line: string): void => {
      this.lines.push(line);
      this.#add(`${world.moment} ${line}`);
    };
    world.observers.push({
      started: ({ name, instance }) => note(`started ${name} as ${instance}`),
      stepped: ({ name }, { kind }, { after }) => {
        if (kind !== "tick" && kind !== "linkBytes") note(`${name} ${kind}`);
        for (const action of after) {
          if (action.kind === "closeLink") note(`${name} closes a link: ${action.reason}`);
        }
        this.#add(`${world.moment} ${name} ${kind} ${after.map((action) => action.kind).join(" ")}`);
      },
      synced: (sid) => this.#add(`${world.moment} synced ${sid}`),
      toldClient: ({ name }, connection, bytes) => this.#add(`told ${name} ${connection} ${bytes.join(" ")}`),
      sentFrame: ({ name }, to, bytes) => this.#add(`sent ${name} ${to} ${bytes.join(" ")}`),
      died: ({ name }, why) => note(`died ${name} ${why}`),
      lostDisk: (sid, kind) => note(`${sid} lost its disk: ${kind}`),
      fault: ({ kind }, stage) => note(`${kind} ${stage}`),
    });
  }

  #add(text: string): void {
    this.events++;
    for (let at = 0; at < text.length; at++) this.sum = (Math.imul(this.sum, 31) + text.charCodeAt(at)) >>> 0;
  }
}

/** A world under a load, with these happening to it in the midst, until it has recovered. */
function suffer(faults: readonly Fault[], apartMs: number): { readonly story: Story; readonly world: World } {
  const world = new World({ voters: 3, observers: 1, seed: 7, snapshotPartBytes: 300 }).startAll();
  const story = new Story(world);
  world.until("all replicas serve", () => world.isServing());
  expect(world.leader(), "the replica that faults spare or hit").toBe(LEADER);
  const writers = ["a", "b"].map((name) => new Writer(world, name));
  world.run(400);
  const refused: string[] = [];
  for (const [index, fault] of faults.entries()) {
    world.later(index * apartMs, () => {
      if (!world.apply(fault)) refused.push(fault.kind);
    });
  }
  world.run(BUSY_MS + apartMs * faults.length);
  expect(refused).toEqual([]);
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
    expect(acknowledged.filter((path) => world.tree(1).get(path) === undefined)).toEqual([]);
  }
  return { story, world };
}

describe("a world under one fault", () => {
  test.each(Object.values(EACH))(
    "$fault.kind: it is felt, nothing is lost, and all converge",
    ({ fault, before = [], sign }) => {
      const { story, world } = suffer([...before, fault], 10);

      expect(story.lines).toContain(sign);
      world.close();
    },
  );

  test("and under all of them, one after the other", () => {
    const { story, world } = suffer(
      Object.values(EACH).map(({ fault }) => fault),
      1500,
    );
    for (const kind of Object.keys(EACH)) expect(story.lines).toContain(`${kind} begins`);
    world.close();
  });
});

test("the same seed and the same faults make the same run, event for event", () => {
  const faults = [EACH.crash, EACH.partition, EACH.supersede, EACH.badNotifications, EACH.crashWithin];
  const runs = [7, 7, 8].map((seed) => {
    const world = new World({ voters: 3, seed });
    const story = new Story(world);
    world.startAll().until("all replicas serve", () => world.isServing());
    for (const name of ["a", "b"]) void new Writer(world, name);
    for (const [index, { fault }] of faults.entries()) world.later(index * 300, () => world.apply(fault));
    world.run(5000);
    return { sum: story.sum, events: story.events };
  });
  expect(runs[0]?.events).toBeGreaterThan(1000);
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).not.toEqual(runs[0]);
});
