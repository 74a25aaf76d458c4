/** When waiting for an ensemble is in vain, and when it is not. */
import { describe, expect, test } from "vitest";

import { configText, votersRefusal } from "../../src/keeper/config-node.ts";
import { errorsOf, standstill } from "../../src/cli/standstill.ts";

test("what keeps replicas from telling their status is told once each", () => {
  const replica = (error: string | null): unknown => ({ sid: 1, status: null, error });
  const replicas = [replica("bad data"), replica(null), replica("bad data"), replica("no answer"), null];

  expect(errorsOf(JSON.stringify({ replicas }))).toEqual(["bad data", "no answer"]);
  expect(errorsOf(`{"code":"no-such-ensemble"}`)).toEqual([]);
  expect(errorsOf("null")).toEqual([]);
});

interface Said {
  readonly sid?: number;
  readonly role?: string;
  readonly mode?: string;
  readonly voice?: string;
  readonly lastZxid?: string;
  readonly founders?: readonly number[];
}

function replica(sid: number, said: Said = {}): unknown {
  const { role = "participant", mode = "looking", voice = "full", lastZxid = "7:3", founders } = said;
  return { sid, role, status: { mode, lastZxid, zab: { voice, founders } }, error: null };
}

function silent(sid: number, error: string): unknown {
  return { sid, role: "participant", status: null, error };
}

function stillOf(...replicas: readonly unknown[]): string | undefined {
  return standstill(JSON.stringify({ replicas }), "/data")?.why;
}

const FRESH = { voice: "fresh", lastZxid: "0:0" };

describe("standstill", () => {
  test("a majority without a history, beside one that has some, is told", () => {
    expect(stillOf(replica(1), replica(2, FRESH), replica(3, FRESH))).toContain(
      "of the voters 1,2,3 only 1 has a history; 2,3 lost theirs, or are new",
    );
    const five = [replica(1), replica(2), ...[3, 4, 5].map((sid) => replica(sid, FRESH))];
    expect(stillOf(...five, replica(6, { role: "observer" }))).toContain(
      "only 1,2 have a history; 3,4,5 lost",
    );
  });

  test("empty voters of an ensemble that was founded are told, with who founded it and what to do", () => {
    const said = stillOf(...[4, 5].map((sid) => replica(sid, { ...FRESH, founders: [1, 2, 3] })));

    expect(said).toContain("the voters 4,5 have no data, and this ensemble was founded by 1,2,3 before");
    expect(said).toContain("remove all of /data");
  });

  test.each<[string, readonly unknown[]]>([
    ["not all have asked the register", [replica(4, FRESH), replica(5, { ...FRESH, founders: [1] })]],
    ["nobody has a history: a first start", [1, 2, 3].map((sid) => replica(sid, FRESH))],
    ["a majority has one", [replica(1), replica(2), replica(3, FRESH)]],
    ["one may come yet", [replica(1), replica(2, FRESH), silent(3, "no answer in time")]],
    ["the leader is at work", [replica(1, { mode: "leader" }), replica(2, FRESH), replica(3, FRESH)]],
    ["it follows already", [replica(1), replica(2, { ...FRESH, mode: "follower" }), replica(3, FRESH)]],
    [
      "the first epoch is entered, and nothing proposed",
      [replica(1, { lastZxid: "0:0" }), replica(2, FRESH), replica(3, FRESH)],
    ],
    ["an observer is fresh", [replica(1), replica(2, { ...FRESH, role: "observer" })]],
    ["nothing is known", [null, {}]],
  ])("is none where %s", (_, replicas) => {
    expect(stillOf(...replicas)).toBeUndefined();
  });

  test("what replicas say together is believed when they say it twice, what one refuses at once", () => {
    const emptied = { replicas: [replica(1), replica(2, FRESH), replica(3, FRESH)] };
    const refused = { replicas: [silent(1, "the data is of format 99")] };

    expect(standstill(JSON.stringify(emptied), "/data")?.isSure).toBe(false);
    expect(standstill(JSON.stringify(refused), "/data")?.isSure).toBe(true);
  });

  test("a replica that refuses the voters is told in its own words, once, whatever the others say", () => {
    const data = configText({ voters: [1, 2, 3], observers: [], clientAddresses: [] });
    const start = { sid: 1, voters: [1, 2, 3, 4, 5], observers: [], votersBefore: undefined };
    const other = String(votersRefusal({ ...start, data }));
    const empty = String(
      votersRefusal({ ...start, data: null, votersBefore: { voters: [1, 2, 3], version: undefined } }),
    );

    expect(stillOf(silent(1, other), silent(2, other), replica(3))).toBe(`its replicas say: ${other}.`);
    expect(stillOf(replica(1), silent(2, empty))).toBe(`its replicas say: ${empty}.`);
  });

  test("data of a later version are told in the replica's words, which say what to do", () => {
    const error = "the data is of format 9, which Edgekeeper 2.0.0 wrote; this is 1.0.0";

    expect(stillOf(silent(1, error))).toBe(`its replicas say: ${error}.`);
  });

  test("foreign data are told with the directory", () => {
    const error = "the data belongs to replica main/2, not main/1";

    expect(stillOf(silent(1, error))).toBe(
      `its replicas say: ${error}. The data in /data are another ensemble's: ` + `choose another --data.`,
    );
  });

  test("is none where a replica fails for a reason that may pass", () => {
    expect(stillOf(silent(1, "it broke"), silent(2, "it broke"))).toBeUndefined();
  });
});
