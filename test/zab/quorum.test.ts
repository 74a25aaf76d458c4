import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareZxid } from "../../src/base/zxid.ts";
import { isHopeless, latestAcknowledged, MajorityQuorum } from "../../src/zab/quorum.ts";

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
