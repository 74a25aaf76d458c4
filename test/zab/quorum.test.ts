import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareZxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { type Membership, membershipProblem, quorumOf } from "../../src/zab/membership.ts";
import {
  HierarchicalQuorum,
  isHopeless,
  JointQuorum,
  latestAcknowledged,
  MajorityQuorum,
  type QuorumVerifier,
} from "../../src/zab/quorum.ts";

/** Sids that a property draws its members and sets from. */
const SIDS = [1, 2, 3, 4, 5, 6, 7];

/** Any sound membership: a majority, or groups with weights. */
const memberships: fc.Arbitrary<Membership> = fc
  .record({
    voters: fc.shuffledSubarray(SIDS, { minLength: 1 }),
    groupOf: fc.array(fc.nat(2), { minLength: 7, maxLength: 7 }),
    weights: fc.array(fc.nat(3), { minLength: 7, maxLength: 7 }),
    isGrouped: fc.boolean(),
  })
  .map(({ voters, groupOf, weights, isGrouped }): Membership => {
    const membership = { version: ZXID_ZERO, voters, observers: [] };
    if (!isGrouped) return membership;
    const groups = [0, 1, 2].map((id) => ({ id, sids: voters.filter((sid) => groupOf[sid - 1] === id) }));
    return { ...membership, groups, weights: new Map(voters.map((sid) => [sid, weights[sid - 1] ?? 0])) };
  })
  .filter((membership) => membershipProblem(membership) === undefined);

/** Every set of sids that holds a quorum. */
function quorumsOf(quorum: QuorumVerifier): readonly ReadonlySet<number>[] {
  const sets = Array.from({ length: 2 ** SIDS.length }, (_, bits) => {
    return new Set(SIDS.filter((sid) => ((bits >> (sid - 1)) & 1) === 1));
  });
  return sets.filter((sids) => quorum.contains(sids));
}

/** Two quorums, one of each, that share no voter. */
function disjoint(a: QuorumVerifier, b: QuorumVerifier): readonly ReadonlySet<number>[] | undefined {
  const ofB = quorumsOf(b);
  for (const one of quorumsOf(a)) {
    const other = ofB.find((set) => [...set].every((sid) => !one.has(sid)));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

describe("a majority", () => {
  it.each([
    [[1], [1], true],
    [[1], [], false],
    [[1, 2, 3], [1], false],
    [[1, 2, 3], [1, 3], true],
    [[1, 2, 3, 4], [1, 2], false],
    [[1, 2, 3, 4, 5], [1, 4, 5], true],
    [[1, 2, 3], [1, 8, 9], false],
  ])("of %j: %j holds one: %s", (voters, sids, holds) => {
    expect(new MajorityQuorum(voters).contains(new Set(sids))).toBe(holds);
  });

  it("is hopeless once half of the voters are lost", () => {
    const quorum = new MajorityQuorum([1, 2, 3, 4]);

    expect(isHopeless(quorum, new Set([1]))).toBe(false);
    expect(isHopeless(quorum, new Set([1, 2]))).toBe(true);
  });

  it("refuses a voter listed twice", () => {
    expect(() => new MajorityQuorum([1, 1])).toThrow("listed once");
  });
});

describe("groups with weights", () => {
  const groups = [
    { id: 1, sids: [1, 2, 3] },
    { id: 2, sids: [4, 5, 6] },
    { id: 3, sids: [7, 8, 9] },
  ];

  it.each([
    [[1, 2, 4, 5], true],
    [[1, 2, 4, 7], false],
    [[1, 4, 7], false],
    [[1, 2, 3, 4, 7], false],
    [[1, 2, 3, 7, 9], true],
  ])("%j of three groups of three hold a quorum: %s", (sids, holds) => {
    expect(new HierarchicalQuorum(groups).contains(new Set(sids))).toBe(holds);
  });

  it("weight 0 does not count, and a group without weight is none", () => {
    const weights = new Map([3, 7, 8, 9].map((sid) => [sid, 0]));
    const quorum = new HierarchicalQuorum(groups, weights);

    expect(quorum.voters).toEqual([1, 2, 4, 5, 6]);
    expect(quorum.isVoter(3)).toBe(false);
    expect(quorum.contains(new Set([1, 3, 4, 5, 7, 8, 9]))).toBe(false);
    expect(quorum.contains(new Set([1, 2, 4, 5]))).toBe(true);
  });

  it("a heavy voter alone can be more than half of its group", () => {
    const quorum = new HierarchicalQuorum([{ id: 1, sids: [1, 2, 3] }], new Map([[2, 3]]));

    expect(quorum.contains(new Set([2]))).toBe(true);
    expect(quorum.contains(new Set([1, 3]))).toBe(false);
  });
});

describe("quorums", () => {
  it("of one membership always share a voter", () => {
    fc.assert(
      fc.property(memberships, (membership) => {
        const quorum = quorumOf(membership);
        expect(disjoint(quorum, quorum)).toBeUndefined();
        expect(quorum.contains(new Set(quorum.voters))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("of two memberships jointly share a voter with every quorum of either", () => {
    fc.assert(
      fc.property(memberships, memberships, (before, after) => {
        const [old, next] = [quorumOf(before), quorumOf(after)];
        const joint = new JointQuorum(old, next);
        expect(disjoint(joint, old)).toBeUndefined();
        expect(disjoint(joint, next)).toBeUndefined();
        expect(joint.contains(new Set(joint.voters))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("of 1, 2, 3 and of 1 to 5 need not share any, which is why they count jointly", () => {
    const [old, next] = [new MajorityQuorum([1, 2, 3]), new MajorityQuorum([1, 2, 3, 4, 5])];

    expect(disjoint(old, next)).toBeDefined();
    expect(new JointQuorum(old, next).contains(new Set([1, 2]))).toBe(false);
    expect(new JointQuorum(old, next).contains(new Set([1, 4, 5]))).toBe(false);
    expect(new JointQuorum(old, next).contains(new Set([1, 2, 5]))).toBe(true);
  });
});

describe("a membership", () => {
  const sound = { version: ZXID_ZERO, voters: [1, 2], observers: [3] };

  it.each([
    [{}, undefined],
    [{ voters: [] }, "there is no voter"],
    [{ voters: [1, 1] }, "server 1 is listed twice"],
    [{ voters: [1, 3] }, "server 3 is listed twice"],
    [{ weights: new Map([[1, 1]]) }, "there are weights and no groups"],
    [{ groups: [{ id: 1, sids: [1] }] }, "each voter must be in exactly one group, and nobody else in any"],
    [
      { groups: [{ id: 1, sids: [1, 3] }] },
      "each voter must be in exactly one group, and nobody else in any",
    ],
    [
      {
        groups: [
          { id: 1, sids: [1] },
          { id: 1, sids: [2] },
        ],
      },
      "a group is listed twice",
    ],
    [
      { groups: [{ id: 1, sids: [1, 2] }], weights: new Map([[3, 1]]) },
      "server 3 has a weight and is no voter",
    ],
    [{ groups: [{ id: 1, sids: [1, 2] }], weights: new Map([[1, -1]]) }, "server 1 has the weight -1"],
    [
      {
        groups: [{ id: 1, sids: [1, 2] }],
        weights: new Map([
          [1, 0],
          [2, 0],
        ]),
      },
      "no voter has a weight",
    ],
    [{ groups: [{ id: 1, sids: [1, 2] }], weights: new Map([[1, 0]]) }, undefined],
  ])("with %j has the problem %s", (change, problem) => {
    expect(membershipProblem({ ...sound, ...change })).toBe(problem);
  });
});

describe("the latest acknowledged zxid", () => {
  it("is the latest that a majority has reached, found as naively as can be", () => {
    const counters = fc.array(fc.nat(5), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(counters, fc.nat(7), (all, heard) => {
        const quorum = new MajorityQuorum(all.map((_, index) => index + 1));
        const acknowledged = new Map(
          all.slice(0, heard).map((counter, index) => [index + 1, { epoch: 1, counter }]),
        );
        const reached = [...acknowledged.values()].filter((zxid) => {
          const atLeast = [...acknowledged.values()].filter((one) => compareZxid(one, zxid) >= 0);
          return atLeast.length * 2 > all.length;
        });
        const naive = reached.toSorted(compareZxid).at(-1);

        expect(latestAcknowledged(quorum, acknowledged)).toEqual(naive);
      }),
    );
  });
});
