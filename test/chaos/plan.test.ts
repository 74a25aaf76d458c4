import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { seededRng } from "../../src/base/rng.ts";
import { type Members, sidsOf } from "../../src/base/settings.ts";
import type { Operation } from "../sim/history/types.ts";
import { askedWithin, checkWithoutQuorum, type Injected, stretchesWithoutQuorum } from "./outages.ts";
import {
  doubleRoundFor,
  faultsFor,
  faultText,
  type PlannedFault,
  randomFaults,
  roundFor,
  shortRoundFor,
  type Situation,
} from "./plan.ts";
import type { FaultKind } from "./target.ts";

const THREE: Members = { voters: [1, 2, 3], observers: [] };
const SEVEN: Members = { voters: [1, 2, 3, 4, 5], observers: [6, 7] };

/** The round as it goes under leaders who change with each fault, as names for people. */
function played(members: Members, round: readonly PlannedFault[]): readonly string[] {
  const struck = new Map<FaultKind, Set<number>>();
  return round.map((planned, index) => {
    const leader = members.voters[index % members.voters.length] ?? 0;
    const situation: Situation = { leader, members, struck };
    const faults = faultsFor(planned, situation);
    for (const { fault } of faults)
      struck.set(fault.kind, (struck.get(fault.kind) ?? new Set()).add(fault.sid));
    return faults.map(({ fault }) => faultText(fault, situation)).join(" + ");
  });
}

describe("a round", () => {
  test.each([THREE, SEVEN, { voters: [1], observers: [] }, { voters: [1], observers: [2, 3, 4] }])(
    "of %j aborts, freezes and cuts off every replica",
    (members) => {
      const names = played(members, roundFor(members));

      for (const kind of ["abort", "freeze", "cut"]) {
        for (const sid of sidsOf(members)) {
          expect(names.some((name) => new RegExp(`^${kind} \\w+ ${sid}$`).test(name))).toBe(true);
        }
      }
    },
  );

  test("of two faults at once strikes different replicas, and every one of them", () => {
    const names = played(SEVEN, doubleRoundFor(SEVEN));

    for (const name of names) {
      const sids = name.split(" + ").map((one) => /\d+/.exec(one)?.[0]);
      expect(sids.length).toBeGreaterThan(1);
      expect(new Set(sids).size).toBe(sids.length);
    }
    for (const sid of sidsOf(SEVEN)) expect(names.join("\n")).toMatch(new RegExp(` ${sid}\\b`));
    expect(names.join("\n")).toMatch(/^cut leader \d \+ freeze observer 6$/m);
    expect(names.filter((name) => name.split(" + ").length === 3)).toHaveLength(2);
  });

  test("that is short strikes every replica all the same", () => {
    const names = played(SEVEN, shortRoundFor(SEVEN));

    for (const sid of sidsOf(SEVEN)) expect(names.join("\n")).toMatch(new RegExp(` ${sid}\\b`));
    expect(names.at(-1)).toBe("kill all");
  });

  test("of random faults never strikes one replica twice at once, where there are others", () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, isDouble) => {
        const rng = seededRng([seed, 1, 2, 3]);
        const planned = randomFaults(SEVEN, { kinds: ["freeze", "cut link", "drop"], rng, isDouble });
        const faults = faultsFor(planned, { leader: 3, members: SEVEN, struck: new Map() }).map(
          ({ fault }) => fault,
        );
        expect(new Set(faults.map(({ sid }) => sid)).size).toBe(faults.length);
        for (const { sid, peer } of faults) expect(sid).not.toBe(peer);
        if (isDouble) expect(faults).toHaveLength(2);
      }),
    );
  });
});

describe("stretchesWithoutQuorum", () => {
  function injected(kind: FaultKind, sid: number, [askedMs, ms]: readonly [number, number]): Injected {
    return { fault: { kind, sid, peer: 0, ms }, askedMs, inForceMs: askedMs + 5 };
  }

  test("there is none while a majority of the voters is left, whatever observers suffer", () => {
    const two = [injected("freeze", 1, [0, 4000]), injected("down", 2, [0, 4000])];
    const observers = [injected("cut", 6, [0, 4000]), injected("freeze", 7, [0, 4000])];

    expect(stretchesWithoutQuorum([...two, ...observers], SEVEN.voters)).toEqual([]);
    expect(stretchesWithoutQuorum(two, THREE.voters)).toEqual([{ fromMs: 5, untilMs: 3990 }]);
  });

  test("it begins when the last fault is in force, and ends with the first", () => {
    const three = [
      injected("freeze", 1, [0, 4000]),
      injected("cut", 2, [1000, 4000]),
      injected("down", 3, [2000, 4000]),
    ];

    expect(stretchesWithoutQuorum(three, SEVEN.voters)).toEqual([{ fromMs: 2005, untilMs: 3990 }]);
  });

  test("a replica that is started is not away any more, nor is a link that is cut, nor a sole voter cut off", () => {
    const frozen = [injected("freeze", 1, [0, 4000]), injected("freeze", 2, [0, 4000])];

    expect(stretchesWithoutQuorum([...frozen, injected("abort", 2, [500, 0])], THREE.voters)).toEqual([
      { fromMs: 5, untilMs: 500 },
    ]);
    expect(stretchesWithoutQuorum([...frozen, injected("kill all", 3, [700, 0])], THREE.voters)).toEqual([
      { fromMs: 5, untilMs: 700 },
    ]);
    const link = [injected("freeze", 1, [0, 4000]), injected("cut link", 2, [0, 4000])];
    expect(stretchesWithoutQuorum(link, THREE.voters)).toEqual([]);
    expect(stretchesWithoutQuorum([injected("cut", 1, [0, 4000])], [1])).toEqual([]);
    expect(stretchesWithoutQuorum([injected("freeze", 1, [0, 4000])], [1])).toHaveLength(1);
  });
});

test("only what was asked for and acknowledged within a stretch without a quorum is a violation", () => {
  const outcome = {
    kind: "answered",
    zxid: { epoch: 1, counter: 1 },
    error: 0,
    response: undefined,
  } as const;
  const unknown = { kind: "unknown", reason: "" } as const;
  const request = { op: "delete", path: "/c", version: -1 } as const;
  const common = { id: 1, client: "1", session: 1n, connection: 1, request, outcome };
  const early: Operation = { ...common, startMs: 90, endMs: 150 };
  const late: Operation = { ...common, startMs: 150, endMs: 250 };
  const lost: Operation = { ...common, startMs: 150, endMs: Infinity, outcome: unknown };
  const local: Operation = { ...late, endMs: 160, request: { op: "getData", path: "/c", watch: false } };
  const within: Operation = { ...late, endMs: 160 };
  const synced: Operation = { ...within, request: { op: "sync", path: "/c" } };
  const stretches = [{ fromMs: 100, untilMs: 200 }];

  expect(checkWithoutQuorum([early, late, lost, local], stretches)).toEqual([]);
  expect(checkWithoutQuorum([within, synced], stretches)).toHaveLength(2);
  expect(askedWithin([early, late, lost, local, within, synced], stretches)).toHaveLength(4);
});
