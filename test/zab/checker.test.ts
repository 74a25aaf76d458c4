/** The checker is checked: each property is broken once, in the record of a true run or by a disk that lies. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { Disk, type DiskImage, EMPTY_DISK } from "./disk.ts";
import { Ensemble } from "./harness.ts";
import { brokenProperties, type PropertyName, type RunRecord, type Seen } from "./properties.ts";

/** The record of a run with two epochs of three proposals each, delivered by all of three replicas. */
function trueRun(): RunRecord {
  const ensemble = new Ensemble({ voters: 3 }).startAll();
  const first = ensemble.converge();
  ensemble.propose(first, 3);
  ensemble.converge();
  ensemble.input(first, { kind: "resign" });
  ensemble.until("its time ends", () => ensemble.leader() === undefined);
  ensemble.propose(ensemble.converge(), 3);
  ensemble.converge();
  return structuredClone(ensemble.checker.record);
}

function lists(run: RunRecord): readonly Seen[][] {
  return [...run.deliveries.values()];
}

function listOf(run: RunRecord, index: number): Seen[] {
  return must(lists(run)[index], "a process");
}

function take(list: Seen[], index: number): Seen {
  return must(list.splice(index, 1)[0], "a delivery");
}

function alien(epoch: number): Seen {
  return { text: `${epoch}:99=alien`, epoch };
}

/** What is planted, where, and all that it breaks. */
const PLANTS: readonly (readonly [string, readonly PropertyName[], (run: RunRecord) => void])[] = [
  [
    "a second leader of an epoch while the first leads",
    ["Leadership1", "Leadership2"],
    ({ tenures }) => tenures.push({ ...must(tenures[0], "a tenure"), primary: "replica 9 start 1" }),
  ],
  [
    "a second leader of an epoch when the first leads no more",
    ["Leadership2"],
    ({ tenures }) => {
      const { epoch, untilEvent } = must(tenures[0], "a tenure");
      const fromEvent = untilEvent + 1;
      tenures.push({ primary: "replica 9 start 1", epoch, fromEvent, untilEvent: fromEvent });
    },
  ],
  [
    "one replica that begins with what comes second",
    ["PrefixConsistency", "TotalOrder", "LocalPrimaryOrder"],
    (run) => take(listOf(run, 0), 0),
  ],
  [
    "a proposal that nobody has broadcast, delivered by all",
    ["Integrity"],
    (run) => lists(run).forEach((list) => list.push(alien(99))),
  ],
  [
    "two replicas that end with different proposals",
    ["PrefixConsistency", "Agreement"],
    (run) => {
      for (const [index, list] of lists(run).entries()) {
        run.past.add(alien(90 + index).text);
        list.push(alien(90 + index));
      }
    },
  ],
  [
    "two proposals of different primaries, each before the other at somebody",
    ["PrefixConsistency", "TotalOrder"],
    (run) => {
      for (const text of [alien(99).text, "99:98=other"]) run.past.add(text);
      const pair = [alien(99), { text: "99:98=other", epoch: 99 }];
      listOf(run, 0).push(...pair);
      listOf(run, 1).push(...pair.toReversed());
    },
  ],
  [
    "a hole in what one primary broadcast, the same at all",
    ["LocalPrimaryOrder"],
    (run) => lists(run).forEach((list) => take(list, 1)),
  ],
  [
    "an epoch delivered before an earlier one, by all alike",
    ["GlobalPrimaryOrder"],
    (run) => lists(run).forEach((list) => list.unshift(take(list, 3))),
  ],
  [
    "a primary that had not delivered all of the epochs before when it broadcast",
    ["PrimaryIntegrity"],
    ({ broadcasts }) => {
      const later = must(broadcasts[1], "the second primary");
      broadcasts[1] = { ...later, delivered: new Set([...later.delivered].slice(1)) };
    },
  ],
];

describe("a true run", () => {
  it("breaks no property, and is one in which each could be broken", () => {
    const run = trueRun();

    expect(brokenProperties(run)).toEqual(new Map());
    expect(run.tenures.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(run.broadcasts.map(({ texts }) => texts.length)).toEqual([3, 3]);
    expect(lists(run).map((list) => list.length)).toEqual([6, 6, 6]);
  });

  it.each(PLANTS)("with %s breaks %j", (_, names, plant) => {
    const run = trueRun();

    plant(run);

    expect([...brokenProperties(run).keys()].toSorted()).toEqual(names.toSorted());
  });

  it("has a plant for every property", () => {
    const planted = new Set(PLANTS.flatMap(([, names]) => names));

    expect(planted.size).toBe(9);
  });
});

/** The replica comes back with a disk that holds less than it called durable. */
function forget(ensemble: Ensemble, sid: number, change: Partial<DiskImage>): void {
  const replica = ensemble.replica(sid);
  const disk = new Disk({ ...replica.disk.durable, ...change });
  while (disk.start().instance < replica.instance);
  Object.assign(replica, { disk });
}

describe("a disk that lies", () => {
  it("by forgetting a promise gives an epoch two leaders, which ends the run", () => {
    const image = { ...EMPTY_DISK, acceptedEpoch: 1, currentEpoch: 1 };
    const disks = new Map([1, 2, 3].map((sid) => [sid, new Disk(image)]));
    const ensemble = new Ensemble({ voters: 3, disks }).startAll();
    expect(ensemble.converge()).toBe(3);
    for (const sid of ensemble.voters) ensemble.crash(sid);
    for (const sid of [1, 2]) forget(ensemble, sid, { acceptedEpoch: 1, currentEpoch: 1 });

    for (const sid of [1, 2]) ensemble.start(sid);

    expect(() => ensemble.converge()).toThrow(
      "epoch 2 has two leaders, replica 3 start 1 and replica 2 start 2",
    );
  });

  it("by forgetting proposals changes the order that the world has seen, which ends the run", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    ensemble.propose(ensemble.converge(), 3);
    ensemble.converge();
    for (const sid of ensemble.voters) ensemble.crash(sid);
    for (const sid of [1, 2]) {
      const log = ensemble.replica(sid).disk.durable.log.slice(0, 2);
      forget(ensemble, sid, { log, lastDelivered: { epoch: 0, counter: 0 } });
    }
    for (const sid of [1, 2]) ensemble.start(sid);
    ensemble.propose(ensemble.converge(), 1);

    expect(() => ensemble.converge()).toThrow("delivered 2:1=p4 as number 2, where others have 1:3=p3");
  });
});
