import { describe, expect, test } from "vitest";

import type { VotersBefore } from "../../src/base/voters-before.ts";
import {
  configText,
  pendingRefusal,
  votersRefusal,
  type VotersAtStart,
} from "../../src/keeper/config-node.ts";

const MEMBERS = {
  voters: [1, 2, 3],
  observers: [6, 7],
  clientAddresses: ["a.test:2181", "b.test:2181", "c.test:2181", "[::1]:2186"],
};

test("the configuration has a line for each voter, then for each observer, as a real server writes them", () => {
  expect(new TextDecoder().decode(configText(MEMBERS)).split("\n")).toEqual([
    "server.1=a.test:2888:3888:participant;a.test:2181",
    "server.2=b.test:2888:3888:participant;b.test:2181",
    "server.3=c.test:2888:3888:participant;c.test:2181",
    "server.6=[::1]:2888:3888:observer;[::1]:2186",
    "server.7=127.0.0.1:2888:3888:observer",
    "version=0",
  ]);
});

describe("votersRefusal", () => {
  const DATA = configText(MEMBERS);

  function refusal(start: Partial<VotersAtStart>): string | undefined {
    return votersRefusal({
      sid: 1,
      data: DATA,
      voters: [1, 2, 3],
      observers: [9],
      votersBefore: undefined,
      ...start,
    });
  }

  function before(...voters: readonly number[]): VotersBefore {
    return { voters, version: undefined };
  }

  test("the voters of the data may start, in any order, and whatever the observers and addresses are", () => {
    expect(refusal({})).toBeUndefined();
    expect(refusal({ voters: [3, 1, 2] })).toBeUndefined();
    const data = configText({ ...MEMBERS, observers: [], clientAddresses: [] });
    expect(refusal({ data })).toBeUndefined();
  });

  test.each([[[1]], [[1, 2, 3, 4, 5]], [[1, 2, 4]], [[4, 5, 6]]])("voters %j may not", (voters) => {
    expect(refusal({ voters })).toContain(
      `the voters of the data are 1,2,3, and VOTERS is ${voters.join(",")}`,
    );
  });

  test("a replica that was taken off the lists, and is woken by its alarm, may not", () => {
    expect(refusal({ sid: 4 })).toBe("replica 4 is not in VOTERS (1,2,3) or OBSERVERS (9)");
    expect(refusal({ sid: 9 })).toBeUndefined();
  });

  test("once clients have changed the members, the data say who they are", () => {
    const data = new TextEncoder().encode("server.4=a:1:2:participant;3\nversion=100000001");
    expect(refusal({ data, sid: 4 })).toBeUndefined();
  });

  test("once clients have changed the members, only the version says from whom others take over", () => {
    const data = new TextEncoder().encode(
      "server.1=a:1:2:participant;3\nserver.2=b:1:2:participant;3\nversion=100000005",
    );
    const at = (counter: number, voters = [2, 1]): Partial<VotersAtStart> => {
      return { data, voters: [1], votersBefore: { voters, version: { epoch: 1, counter } } };
    };
    expect(refusal(at(5))).toBeUndefined();
    expect(refusal({ ...at(5), sid: 2 })).toContain("replica 2 is not in VOTERS (1)");
    expect(refusal(at(4, [7, 8, 9]))).toBeUndefined();
    expect(refusal(at(6))).toContain("the data of replica 1 are of 1,2@100000005, which is earlier");
    expect(refusal(at(5, [1]))).toContain("set VOTERS_BEFORE=1,2@100000005");
    expect(refusal({ data, votersBefore: before(1, 2) })).toContain("set VOTERS_BEFORE=1,2@100000005");
  });

  test("nobody takes over from members that were just being changed, but for those who take over", () => {
    const encoder = new TextEncoder();
    const one = encoder.encode("server.1=a:1:2:participant;3\nversion=100000005");
    const two = encoder.encode(
      "server.1=a:1:2:participant;3\nserver.2=b:1:2:participant;3\nversion=100000009",
    );
    const start = { sid: 1, data: one, voters: [1], observers: [] };
    const votersBefore = { voters: [1], version: { epoch: 1, counter: 5 } };
    expect(pendingRefusal({ ...start, votersBefore }, [two])).toContain("being changed to 1,2");
    expect(pendingRefusal({ ...start, votersBefore }, [one])).toBeUndefined();
    expect(pendingRefusal({ ...start, votersBefore, data: two }, [two])).toBeUndefined();
    expect(pendingRefusal({ ...start, votersBefore: undefined }, [two])).toBeUndefined();
  });

  test("others may take over where an operator names the voters of the data, and those alone", () => {
    expect(refusal({ voters: [1, 2, 3, 4, 5], votersBefore: before(3, 2, 1) })).toBeUndefined();
    expect(refusal({ voters: [1, 2, 3, 4, 5], votersBefore: before(1) })).toContain(
      "the voters of the data are 1,2,3",
    );
  });

  test("a replica without data may start, but not as a voter over the data of others", () => {
    const fresh = { sid: 4, data: null, voters: [1, 2, 3, 4, 5] };

    expect(refusal(fresh)).toBeUndefined();
    expect(refusal({ ...fresh, data: new Uint8Array() })).toBeUndefined();
    expect(refusal({ ...fresh, votersBefore: before(1, 2, 3) })).toContain(
      "replica 4 has no data and shall vote",
    );
    expect(refusal({ ...fresh, sid: 9, votersBefore: before(1, 2, 3) })).toBeUndefined();
  });
});
