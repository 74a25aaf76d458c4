import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareZxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { follows, History } from "../../src/zab/history.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { proposal, proposals, zxid } from "./bench.ts";
import { Disk, EMPTY_DISK } from "./disk.ts";

describe("what follows what", () => {
  it.each([
    [zxid(0, 0), zxid(1, 1), true],
    [zxid(1, 1), zxid(1, 2), true],
    [zxid(1, 1), zxid(1, 3), false],
    [zxid(1, 7), zxid(4, 1), true],
    [zxid(1, 7), zxid(4, 2), false],
    [zxid(4, 1), zxid(3, 1), false],
    [zxid(1, 1), zxid(1, 1), false],
  ])("%j then %j: %s", (previous, next, expected) => {
    expect(follows(previous, next)).toBe(expected);
  });
});

describe("a history", () => {
  it("equals a plain list through appends, truncations, small memory and a log some steps behind", () => {
    const operation = fc.oneof(
      fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ do: fc.constant("epoch" as const), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ do: fc.constant("truncate" as const), count: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), fc.nat(300), (operations, recent) => {
        const disk = new Disk();
        const history = new History(disk, recent);
        let list: Proposal[] = [];
        let epoch = 0;
        const writes: PeerWrite[] = [];
        for (const { do: what, count } of operations) {
          history.beginStep();
          const write = change({ what, count }, list, epoch + 1);
          // An epoch has one leader, and is never made again, whatever is cut off.
          if (write.kind === "append")
            epoch = Math.max(epoch, ...write.proposals.map((one) => one.zxid.epoch));
          if (write.kind === "append") history.append(write.proposals);
          else if (write.kind === "truncate") history.truncate(write.after);
          list = apply(write, list);
          expectSame(history, list);
          writes.push(write);
          if (count % 2 === 0) disk.transact(writes.splice(0), ZXID_ZERO);
        }
      }),
    );
  });

  it("begins where the log was trimmed", () => {
    const disk = new Disk({ ...EMPTY_DISK, base: zxid(3, 4), log: proposals(3, 5, 6) });
    const history = new History(disk, 1000);

    expect(history.summary()).toEqual({ last: zxid(3, 6), epochEnds: [zxid(3, 6)] });
    expect(history.contains(zxid(3, 4))).toBe(true);
    expect(history.contains(zxid(3, 3))).toBe(false);
  });

  it("sums up an epoch that ended where the log was trimmed", () => {
    const disk = new Disk({ ...EMPTY_DISK, base: zxid(3, 4), log: proposals(5, 1, 2) });

    expect(new History(disk, 1000).summary().epochEnds).toEqual([zxid(3, 4), zxid(5, 2)]);
  });

  it("reads at least one proposal, however large", () => {
    const history = new History(new Disk(), 1000);
    history.append([proposal(1, 1, 5000), proposal(1, 2)]);

    const range = { after: zxid(0, 0), upTo: zxid(1, 2), bytesMax: 100 };
    expect(history.read(range)).toHaveLength(1);
  });

  it("takes no hole", () => {
    const history = new History(new Disk(), 1000);

    expect(() => history.append([proposal(1, 2)])).toThrow("1:2 follows 0:0");
  });
});

type HistoryChange = Extract<PeerWrite, { kind: "append" | "truncate" }>;

interface Change {
  readonly what: "append" | "epoch" | "truncate";
  readonly count: number;
}

function change({ what, count }: Change, list: readonly Proposal[], newEpoch: number): HistoryChange {
  const last = list.at(-1)?.zxid ?? ZXID_ZERO;
  if (what === "truncate") {
    return { kind: "truncate", after: list[list.length - 1 - count]?.zxid ?? ZXID_ZERO };
  }
  const isNew = what === "epoch" || last.epoch === 0;
  const epoch = isNew ? newEpoch : last.epoch;
  const first = isNew ? 1 : last.counter + 1;
  return { kind: "append", proposals: proposals(epoch, first, first + count - 1) };
}

function apply(write: HistoryChange, list: readonly Proposal[]): Proposal[] {
  if (write.kind === "append") return [...list, ...write.proposals];
  return list.filter((one) => compareZxid(one.zxid, write.after) <= 0);
}

function expectSame(history: History, list: readonly Proposal[]): void {
  const read: Proposal[] = [];
  for (let after = ZXID_ZERO; compareZxid(after, history.last) < 0;) {
    const part = history.read({ after, upTo: history.last, bytesMax: 100 });
    read.push(...part);
    after = part.at(-1)?.zxid ?? history.last;
  }
  expect(read).toEqual(list);
  expect(history.last).toEqual(list.at(-1)?.zxid ?? ZXID_ZERO);
  for (const { zxid: one } of list) expect(history.contains(one)).toBe(true);
  const ends = new Map([ZXID_ZERO, ...list.map((one) => one.zxid)].map((one) => [one.epoch, one]));
  expect(history.summary().epochEnds).toEqual([...ends.values()]);
}
