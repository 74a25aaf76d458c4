import { describe, expect, test } from "vitest";

import { seededRng } from "../../src/base/rng.ts";
import { CHANGE_STAGES } from "../faults/fault.ts";
import { CHANGE_MEMBERS, CHANGE_SIDS, type Change, changeRound, changeText, randomChange } from "./change.ts";

function changesOf(round: ReturnType<typeof changeRound>): readonly Change[] {
  return round.flatMap(({ change }) => change ?? []);
}

describe("a round of changes", () => {
  const changes = changesOf(changeRound());

  test("has each stage meet each blow", () => {
    const pairs = new Set(changes.map(({ stage, blow }) => `${stage} ${blow}`));
    expect(pairs.size).toBe(CHANGE_STAGES.length * 3);
  });

  test("goes from one voter to three to five, back, and from one to five at once", () => {
    const counts = [CHANGE_MEMBERS.voters, ...changes.map(({ voters }) => voters)].map(
      ({ length }) => length,
    );
    expect(counts.join()).toContain("1,3,5,3,1,3");
    expect(counts.join()).toContain("5,1,5");
  });

  test("has each voter leave and come back, one at a time", () => {
    const left = changes.flatMap(({ voters, isLeaving }, nth) => {
      const before = changes[nth - 1]?.voters ?? CHANGE_MEMBERS.voters;
      return isLeaving ? before.filter((sid) => !voters.includes(sid)) : [];
    });
    expect(left.toSorted((a, b) => a - b)).toEqual([...CHANGE_SIDS]);
  });

  test("is told as voters, blow and stage", () => {
    expect(changes.slice(0, 2).map(changeText)).toEqual([
      "to voters 1,2,3, abort when unsent",
      "to voters 1,2,3,4,5, freeze when accepted",
    ]);
  });
});

test("a random change is to one, three or five voters of the run, in order", () => {
  const rng = seededRng([1, 2, 3, 4]);
  const changes = changesOf(Array.from({ length: 200 }, () => randomChange(rng)));
  for (const { voters } of changes) {
    expect(voters).toEqual(CHANGE_SIDS.filter((sid) => voters.includes(sid)));
  }
  expect(new Set(changes.map(({ voters }) => voters.length))).toEqual(new Set([1, 3, 5]));
});
