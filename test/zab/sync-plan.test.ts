import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { isSummarySound, lastCommon, planSync, type SyncPlan } from "../../src/zab/sync-plan.ts";

type Ends = readonly (readonly [number, number])[];

interface Row {
  readonly name: string;
  readonly learner: Ends;
  readonly delivered?: readonly [number, number];
  readonly leader: Ends;
  readonly base?: readonly [number, number];
  readonly plan: SyncPlan["kind"];
  readonly after?: readonly [number, number];
  /** Where the plan is a snapshot: what it must cover. */
  readonly notBefore?: readonly [number, number];
  readonly isDiverged?: true;
}

const WHOLE = [0, 0] as const;

const ROWS: readonly Row[] = [
  { name: "both are empty", learner: [WHOLE], leader: [WHOLE], plan: "diff", after: [0, 0] },
  {
    name: "an empty learner gets everything",
    learner: [WHOLE],
    leader: [WHOLE, [1, 5]],
    plan: "diff",
    after: [0, 0],
  },
  {
    name: "equal histories need nothing",
    learner: [WHOLE, [1, 5]],
    leader: [WHOLE, [1, 5]],
    plan: "diff",
    after: [1, 5],
  },
  {
    name: "a learner behind in the last epoch",
    learner: [WHOLE, [1, 5], [2, 3]],
    leader: [WHOLE, [1, 5], [2, 9]],
    plan: "diff",
    after: [2, 3],
  },
  {
    name: "a learner an epoch behind",
    learner: [WHOLE, [1, 5]],
    leader: [WHOLE, [1, 5], [2, 9]],
    plan: "diff",
    after: [1, 5],
  },
  {
    name: "an old leader with a tail of its own, same epoch last",
    learner: [WHOLE, [1, 9]],
    leader: [WHOLE, [1, 5]],
    plan: "truncate",
    after: [1, 5],
  },
  {
    name: "an old leader with a tail of its own, then a later epoch",
    learner: [WHOLE, [1, 9]],
    leader: [WHOLE, [1, 5], [3, 2]],
    plan: "truncate",
    after: [1, 5],
  },
  {
    name: "the learner lacks the floor of its last zxid: 3:4 < 4:1, yet it parted after 2:2",
    learner: [WHOLE, [2, 2], [4, 1]],
    leader: [WHOLE, [2, 7], [3, 4], [5, 1]],
    plan: "truncate",
    after: [2, 2],
  },
  {
    name: "two lost epochs in a row",
    learner: [WHOLE, [1, 5], [2, 3], [4, 4]],
    leader: [WHOLE, [1, 5], [3, 1], [5, 2]],
    plan: "truncate",
    after: [1, 5],
  },
  {
    name: "nothing but an epoch of its own",
    learner: [WHOLE, [1, 1]],
    leader: [WHOLE, [2, 4]],
    plan: "truncate",
    after: [0, 0],
  },
  {
    name: "the leader's history is trimmed exactly to what is shared",
    learner: [WHOLE, [1, 5]],
    leader: [
      [1, 5],
      [2, 2],
    ],
    base: [1, 5],
    plan: "diff",
    after: [1, 5],
  },
  {
    name: "the leader's history is trimmed beyond what is shared",
    learner: [WHOLE, [1, 4]],
    leader: [[1, 9]],
    base: [1, 5],
    plan: "snapshot",
    notBefore: [1, 4],
  },
  {
    name: "equal histories, but the learner's tree is another",
    learner: [WHOLE, [1, 5]],
    delivered: [1, 5],
    isDiverged: true,
    leader: [WHOLE, [1, 7]],
    plan: "snapshot",
    notBefore: [1, 5],
  },
  {
    name: "an empty learner and a trimmed leader",
    learner: [WHOLE],
    leader: [[1, 9]],
    base: [1, 5],
    plan: "snapshot",
  },
  {
    name: "no epoch in common, both lists cut",
    learner: [[7, 3]],
    leader: [[9, 1]],
    base: [8, 2],
    plan: "snapshot",
  },
  {
    name: "a learner that delivered what the leader lacks",
    learner: [WHOLE, [1, 9]],
    delivered: [1, 7],
    leader: [WHOLE, [1, 5]],
    plan: "snapshot",
    notBefore: [1, 7],
  },
  {
    name: "a learner that delivered exactly what is shared",
    learner: [WHOLE, [1, 9]],
    delivered: [1, 5],
    leader: [WHOLE, [1, 5]],
    plan: "truncate",
    after: [1, 5],
  },
];

function toZxid([epoch, counter]: readonly [number, number]): Zxid {
  return { epoch, counter };
}

function summary(ends: Ends): { readonly last: Zxid; readonly epochEnds: readonly Zxid[] } {
  const epochEnds = ends.map(toZxid);
  return { last: epochEnds.at(-1) ?? ZXID_ZERO, epochEnds };
}

describe("planSync", () => {
  it.each(ROWS)(
    "$name: $plan",
    ({ learner, leader, delivered, base, isDiverged, plan, after, notBefore }) => {
      const decided = planSync(
        { ...summary(learner), lastDelivered: toZxid(delivered ?? [0, 0]), isDiverged: isDiverged === true },
        { ...summary(leader), base: toZxid(base ?? [0, 0]) },
      );

      expect(decided.kind).toBe(plan);
      if (decided.kind === "snapshot") expect(decided.notBefore).toEqual(toZxid(notBefore ?? [0, 0]));
      else expect(decided.after).toEqual(toZxid(after ?? [0, 0]));
    },
  );

  it("finds the very last common zxid of any two histories that leaders could have made", () => {
    const steps = fc.array(
      fc.record({ to: fc.nat(3), keep: fc.nat(8), more: fc.integer({ min: 1, max: 4 }) }),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(steps, (turns) => {
        const logs: Zxid[][] = [[], [], [], []];
        turns.forEach(({ to, keep, more }, index) => {
          const source = logs[(to + keep) % 4] ?? [];
          const log = source.slice(0, Math.max(0, source.length - (keep % 3)));
          for (let counter = 1; counter <= more; counter++) log.push({ epoch: index + 1, counter });
          logs[to] = log;
        });
        for (const a of logs)
          for (const b of logs) expect(lastCommon(endsOf(a), endsOf(b))).toEqual(naive(a, b));
      }),
    );
  });
});

function endsOf(log: readonly Zxid[]): readonly Zxid[] {
  return [...new Map([ZXID_ZERO, ...log].map((zxid) => [zxid.epoch, zxid])).values()];
}

function naive(a: readonly Zxid[], b: readonly Zxid[]): Zxid {
  const common = a.filter((zxid) => b.some((other) => equalZxid(zxid, other)));
  return common.toSorted(compareZxid).at(-1) ?? ZXID_ZERO;
}

describe("a summary from a wire", () => {
  it.each([
    [
      "sound",
      [
        [0, 0],
        [1, 5],
      ],
      [1, 5],
      true,
    ],
    ["without ends", [], [0, 0], false],
    ["that ends elsewhere", [[1, 5]], [1, 6], false],
    [
      "with epochs out of order",
      [
        [2, 1],
        [1, 5],
      ],
      [1, 5],
      false,
    ],
    [
      "with an epoch twice",
      [
        [1, 1],
        [1, 5],
      ],
      [1, 5],
      false,
    ],
  ] as const)("%s", (_, ends, last, sound) => {
    expect(isSummarySound({ last: toZxid(last), epochEnds: ends.map(toZxid) })).toBe(sound);
  });

  it("is bounded", () => {
    const epochEnds = Array.from({ length: 65 }, (_, index) => ({ epoch: index, counter: 1 }));

    expect(isSummarySound({ last: { epoch: 64, counter: 1 }, epochEnds })).toBe(false);
  });
});
