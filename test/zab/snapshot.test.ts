/** SNAP: how a learner that history does not reach is brought up to date, and what is lost on the way: nothing. */
import { describe, expect, it } from "vitest";
import { equalZxid } from "../../src/base/zxid.ts";
import { Bench, proposals, zxid } from "./bench.ts";
import { judgedStages } from "./judged-stages.ts";
import type { Stage } from "./stage.ts";

const staged = judgedStages();

/** One part at a time: the next is sent when the last is acknowledged. */
const ONE_BY_ONE = { learnerWindowBytes: 1 };

const LETTERS = "abcdefghi".split("");

/** 3 leads 2 with ten delivered, trimmed from these logs; 1 has the first of them, and is down. */
function lagging(...trimmed: readonly number[]): Stage {
  const stage = staged({ voters: 3, timing: ONE_BY_ONE }).start(1, 2, 3).pass(40);
  stage.propose(3, LETTERS[0] ?? "").run();
  stage.crash(1);
  for (const letter of LETTERS.slice(1)) stage.propose(3, letter).run();
  stage.propose(3, "last").run();
  return stage.trim(...trimmed);
}

function said(stage: Stage, from: number, to: number): readonly string[] {
  const prefix = `${from} -> ${to}: `;
  return stage.lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
}

function contents(delivered: readonly string[]): string {
  return delivered.map((text) => text.split("=")[1] ?? "").join(" ");
}

describe("a follower that history does not reach", () => {
  it("gets the state in parts, installs it, comes again, and is sent by DIFF what was committed meanwhile", () => {
    const stage = lagging(2, 3);
    stage.holdBack = (from, _, { kind }) => from === 1 && kind === "snapshotAck";
    stage.start(1).pass(200);
    stage.propose(3, "meanwhile").run();
    expect(said(stage, 3, 1).filter((line) => line.startsWith("a part"))).toHaveLength(1);
    expect(stage.history(1)).toEqual(["1:1"]);

    stage.holdBack = (_, __, { kind }) => kind === "snapshotEnd";
    stage.run().propose(3, "and after the end").run();
    stage.holdBack = () => false;
    stage.run().pass(200);

    expect(said(stage, 3, 1)).toContain("SNAP: history from 1:1 is trimmed up to 1:9");
    expect(said(stage, 3, 1)).toContain("the end of the snapshot, which is the state at 1:11");
    expect(said(stage, 3, 1)).toContain("DIFF after 1:11");
    expect(said(stage, 3, 1)).toContain("PROPOSAL 1:12");
    expect(stage.history(1)).toEqual(["1:12"]);
    expect(contents(stage.delivered(1))).toBe("a b c d e f g h i last meanwhile and after the end");
  });

  it.each([
    ["with a part staged", 0, "snapshotAck"],
    ["with all staged and the end on its way", 0, "snapshotEnd"],
    ["with the installation not durable", 0, undefined],
    ["with the installation durable and not begun anew", 9, undefined],
  ] as const)("%s and then no power holds the old history or the new state whole", (_, kept, held) => {
    const stage = lagging(2, 3);
    stage.holdBack = (__, ___, { kind }) => kind === (held ?? "snapshotEnd");
    stage.start(1).pass(200);
    if (held === undefined) {
      stage.stickDisk(1);
      stage.holdBack = () => false;
      stage.run();
      expect(stage.lines).toContain("1 installs the snapshot of 1:10, not durable yet");
    }

    stage.crash(1, kept);
    stage.holdBack = () => false;
    const { base, log } = stage.replica(1).disk.durable;
    const isNew = kept > 0;
    expect(base).toEqual(isNew ? zxid(1, 10) : zxid(0, 0));
    expect(log).toHaveLength(isNew ? 0 : 1);

    stage.propose(3, "later").run().start(1).pass(400);
    expect(contents(stage.delivered(1))).toBe("a b c d e f g h i last later");
    expect(said(stage, 3, 1).filter((line) => line.startsWith("SNAP"))).toHaveLength(isNew ? 1 : 2);
  });

  it.each([
    ["whose log reaches back, by DIFF", [3], "DIFF after 1:1"],
    ["whose log does not either, from the beginning", [2, 3], "SNAP: history from 1:1 is trimmed up to 1:9"],
  ])("and whose leader is lost half-way is brought on by another, %s", (_, trimmed, how) => {
    const stage = lagging(...trimmed);
    stage.holdBack = (from, __, { kind }) => from === 1 && kind === "snapshotAck";
    stage.start(1).pass(200);
    expect(said(stage, 3, 1)).toContain("SNAP: history from 1:1 is trimmed up to 1:9");

    stage.crash(3);
    stage.holdBack = () => false;
    stage.run().passUntilLeads(2).pass(400);
    stage.propose(2, "later").run();

    expect(said(stage, 2, 1)).toContain(how);
    expect(said(stage, 1, 2).find((line) => line.startsWith("ACKEPOCH"))).toContain("history ends at 1:1");
    expect(contents(stage.delivered(1))).toBe("a b c d e f g h i last later");
  });
});

describe("what a learner has acknowledged", () => {
  it("stays acknowledged while a snapshot is to replace it: who cleared first would lose what it helped commit", () => {
    const stage = staged({ voters: 5 }).start(1, 2, 3, 4, 5).pass(40).propose(5, "a").run();
    stage.holdBack = (_, to, { kind }) => to === 2 || to === 3 || kind === "commit";
    stage.propose(5, "b").run();
    expect(stage.delivered(5)).toEqual(["1:1=a", "1:2=b"]);
    for (const sid of [2, 3]) expect(stage.history(sid)).toEqual(["1:1"]);

    stage.crash(5).input(1, { kind: "diverged" });
    stage.holdBack = (_, to, { kind }) => (to === 2 || to === 3) && kind === "diff";
    stage.pass(1000);
    expect(stage.peer(4).phase).toEqual({ role: "leading", stage: "synchronization" });
    expect(stage.peer(1).phase).toMatchObject({ role: "following", leader: 4 });
    expect(said(stage, 4, 1).filter((line) => line.startsWith("SNAP"))).toEqual([]);

    stage.crash(4);
    stage.holdBack = () => false;
    stage.run().pass(3000);
    expect(stage.history(1)).toEqual(["1:1", "1:2"]);
    expect([1, 2, 3].map((sid) => stage.peer(sid).phase.role)).not.toContain("leading");

    stage.start(5).passUntilLeads(5).pass(2000);
    stage.propose(5, "c").run();
    for (const sid of [1, 2, 3, 5]) expect(contents(stage.delivered(sid))).toBe("a b c");
    expect(stage.peer(1).status().voice).toBe("full");
  });
});

describe("a leader", () => {
  it("asserts that no snapshot ends before what its learner may have acknowledged or delivered", () => {
    const image = {
      base: zxid(1, 2),
      log: proposals(1, 3, 5),
      lastDelivered: zxid(1, 2),
      acceptedEpoch: 1,
      currentEpoch: 1,
    };
    const wanted = [zxid(1, 4), zxid(1, 3)].map((lastDelivered, index) => {
      const bench = new Bench({ image });
      bench.step({ kind: "tick" });
      const { vote } = bench.peer.notification();
      for (const sid of [2, 3]) bench.hear(sid, { vote });
      bench.open(7, 2, "from-learner");
      bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 1 });
      const ends = [zxid(0, 0), zxid(1, 4 + index)];
      const history = { last: zxid(1, 4 + index), epochEnds: ends };
      const rest = { promised: true, currentEpoch: 1, history, lastDelivered } as const;
      bench.receive(7, { kind: "ackEpoch", ...rest, voice: "none" });
      bench.open(8, 3, "from-learner");
      bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 1 });
      bench.receive(8, { kind: "ackEpoch", ...rest, voice: "full" });
      expect(bench.peer.snapshotsWanted()).toEqual([]);
      if (index === 0) bench.receive(8, { kind: "ack", upTo: zxid(1, 5) });
      bench.receive(8, { kind: "ackNewLeader", epoch: 2 });
      const { notBefore } = bench.peer.snapshotsWanted()[0] ?? { notBefore: zxid(0, 0) };
      const payload = new Uint8Array(1);
      const end = { last: zxid(1, 3), payload };
      expect(() => bench.step({ kind: "snapshotPart", link: 7, payload, end })).toThrow(
        "a snapshot covers what the learner may have acknowledged",
      );
      return notBefore;
    });
    expect(wanted).toEqual([zxid(1, 4), zxid(1, 5)]);
  });

  it("gives a learner up that acknowledges no part for learnerStallMs, while others go on", () => {
    const timing = { learnerStallMs: 3000, heartbeatLimitMs: 1500 };
    const image = {
      base: zxid(1, 3),
      lastDelivered: zxid(1, 3),
      acceptedEpoch: 1,
      currentEpoch: 1,
    };
    const bench = new Bench({ image, timing }).lead(2);
    bench.open(8, 3, "from-learner");
    bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 2 });
    const history = { last: zxid(0, 0), epochEnds: [zxid(0, 0)] };
    const nothing = { promised: false, currentEpoch: 0, history, lastDelivered: zxid(0, 0) } as const;
    bench.receive(8, { kind: "ackEpoch", ...nothing, voice: "fresh" });
    bench.step({ kind: "snapshotPart", link: 8, payload: new Uint8Array(1) });
    const closed: unknown[] = [];
    let stalledMs = 0;

    for (let counter = 1; closed.length === 0 && counter < 100; counter++) {
      bench.step({ kind: "propose", proposals: proposals(2, counter, counter) });
      bench.receive(7, { kind: "ack", upTo: zxid(2, counter) });
      bench.receive(8, { kind: "pong" });
      const { after } = bench.pass(100);
      closed.push(...after.filter(({ kind }) => kind === "closeLink"));
      stalledMs += 100;
      expect(equalZxid(bench.peer.lastCommitted, zxid(2, counter))).toBe(true);
    }

    expect(closed).toEqual([{ kind: "closeLink", link: 8, reason: "acknowledges nothing" }]);
    expect(stalledMs).toBe(3100);
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });
});
