/**
 * Bugs by which ZooKeeper has lost acknowledged writes, each played here under its number, with why it cannot happen.
 * All are of one family: what a server says, or counts, was not what its disk held.
 */
import { describe, expect, it } from "vitest";
import { compareZxid } from "../../../src/base/zxid.ts";
import { Bench, proposals, zxid } from "../bench.ts";
import type { DiskImage } from "../disk.ts";
import { judgedStages } from "../judged-stages.ts";
import type { Stage } from "../stage.ts";
import { TO_LEADER } from "./play.ts";

const staged = judgedStages();

/** In epoch 1 with the proposals 1:1 up to 1:last. */
function upTo(last: number): Partial<DiskImage> {
  return { log: proposals(1, 1, last), acceptedEpoch: 1, currentEpoch: 1 };
}

const ALL = ["1:1", "1:2", "1:3"];

function zxids(delivered: readonly string[]): readonly string[] {
  return delivered.map((text) => text.split("=")[0] ?? "");
}

describe("a follower in synchronization", () => {
  /*
   * ZOOKEEPER-3911. A follower held what DIFF brought in memory and acknowledged NEWLEADER; the leader served; power
   * failed everywhere; without the old leader the writes were gone though clients had seen them. Here what a step
   * says leaves behind what it writes: ACK of NEWLEADER is the word of a disk that has everything before it.
   */
  it("has all of DIFF on disk when its ACK of NEWLEADER leaves (ZOOKEEPER-3911)", () => {
    const stage = staged({ voters: 3, disks: { 1: upTo(1), 2: upTo(1), 3: upTo(3) } });
    stage.start(3, 1).stickDisk(1).pass(400);
    expect(stage.delivered(3)).toEqual([]);

    stage.finishWrites(1).run();
    expect(zxids(stage.delivered(3))).toEqual(ALL);

    for (const sid of [1, 3]) stage.crash(sid);
    stage.start(1, 2).passUntilLeads(1);
    expect(zxids(stage.delivered(2))).toEqual(ALL);
  });

  /*
   * ZOOKEEPER-4643. A follower wrote currentEpoch when NEWLEADER came and the transactions later. After a crash in
   * between it had the later epoch with the shorter history, won the election by it, and truncated what had been
   * committed. Here the epoch is written behind the history it stands for: at no crash point does it claim more than
   * it has.
   */
  it.each([0, 1, 2, 3])(
    "crashed with %i of its writes durable elects nobody that lacks a commit (ZOOKEEPER-4643)",
    (kept) => {
      const stage = staged({ voters: 3, disks: { 1: upTo(5), 2: upTo(3), 3: upTo(3) } }).start(2, 3);
      stage.passUntilLeads(3).propose(3, "later").run();
      expect(zxids(stage.delivered(2))).toEqual([...ALL, "2:1"]);
      stage.crash(2).crash(3);

      stage.holdBack = (_, to, { kind }) => to === 1 && kind === "truncate";
      stage.start(1, 3).pass(400).stickDisk(1);
      stage.holdBack = () => false;
      stage.run();
      expect(stage.replica(1).disk.pending).toBe(3);
      stage.crash(1, kept).crash(3);
      stage.start(1, 2).passUntilLeads(kept === 3 ? 1 : 2);

      for (const sid of [1, 2]) expect(zxids(stage.delivered(sid))).toEqual([...ALL, "2:1"]);
    },
  );

  /*
   * ZOOKEEPER-4646. The repair of 3911 handed the transactions to another thread before the acknowledgement, and did
   * not wait for it: a crash right after ACK of NEWLEADER still lost them. Here there is no other thread: whoever
   * sees the ACK may take away the power at that very moment.
   */
  it("loses nothing when power fails as its ACK of NEWLEADER arrives (ZOOKEEPER-4646)", () => {
    const stage = staged({ voters: 3, disks: { 1: upTo(1), 2: upTo(1), 3: upTo(3) } });
    stage.start(3, 1);
    stage.holdBack = (_, __, { kind }) => kind === "upToDate";
    stage.passUntilLeads(3);
    expect(zxids(stage.delivered(3))).toEqual(ALL);
    expect(stage.delivered(1)).toEqual([]);

    stage.crash(3).crash(1, 0);
    stage.holdBack = () => false;
    stage.start(1, 2).passUntilLeads(1);

    expect(zxids(stage.delivered(2))).toEqual(ALL);
  });

  /*
   * ZOOKEEPER-4785. NEWLEADER was acknowledged and the epoch written while transactions of the same DIFF were still
   * queued for the log: a race of two threads that a slow disk loses. Here each piece is a write in order, and with
   * the disk finishing one write at a time the ACK of NEWLEADER is the last word to leave.
   */
  it("with a slow disk acknowledges NEWLEADER behind every piece of history (ZOOKEEPER-4785)", () => {
    const log = [...proposals(1, 1, 3), ...proposals(2, 1, 1)];
    const stage = staged({ voters: 3, disks: { 1: upTo(5), 3: { log, acceptedEpoch: 2, currentEpoch: 2 } } });
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "leaderInfo";
    stage.start(3, 1).pass(300).stickDisk(1);
    stage.holdBack = () => false;
    stage.run();

    const said = [1, 2, 3, 4].map(() => {
      const before = stage.lines.length;
      stage.finishWrites(1, 1).run();
      return stage.lines.slice(before).filter((line) => line.startsWith("1 -> 3"));
    });

    expect(said).toEqual([
      ["1 -> 3: ACKEPOCH, promises it, was in epoch 1, history ends at 1:5"],
      [],
      ["1 -> 3: ACK up to 2:1"],
      ["1 -> 3: ACK of NEWLEADER of epoch 3"],
    ]);
    expect(stage.history(1)).toEqual([...ALL, "2:1"]);
  });

  /*
   * ZOOKEEPER-4394. A COMMIT between NEWLEADER and UPTODATE met an empty queue: a null pointer, and the follower
   * joined and failed for ever. Here a leader commits nothing to a follower before UPTODATE, which says how far; and
   * a follower that is told so anyway, or of what it was never sent, begins anew with what it has.
   */
  it("is sent no COMMIT before UPTODATE, which carries it (ZOOKEEPER-4394)", () => {
    const stage = staged({ voters: 3 }).start(1, 2, 3).pass(100);
    stage.crash(1).propose(3, "a").run();
    stage.holdBack = (from, _, { kind }) => from === 1 && kind === "ackNewLeader";
    stage.start(1).pass(200);
    stage.propose(3, "b").run();
    expect(zxids(stage.delivered(3))).toEqual(["1:1", "1:2"]);

    stage.holdBack = () => false;
    stage.run();

    const joining = stage.lines.filter((line) => line.startsWith("3 -> 1: ")).slice(-4);
    expect(joining).toEqual([
      "3 -> 1: PROPOSAL 1:1",
      "3 -> 1: NEWLEADER of epoch 1, history ends at 1:1",
      "3 -> 1: PROPOSAL 1:2",
      "3 -> 1: UPTODATE, committed up to 1:2",
    ]);
    expect(zxids(stage.delivered(1))).toEqual(["1:1", "1:2"]);
  });

  it.each([
    ["before UPTODATE", zxid(1, 3)],
    ["of a proposal that it was never sent", zxid(2, 1)],
  ])(
    "leaves a leader that sends COMMIT %s, with history and epochs unharmed (ZOOKEEPER-4394)",
    (_, committed) => {
      const bench = new Bench({ image: upTo(3) }).follow();
      bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 2 });
      bench.receive(TO_LEADER, { kind: "diff", after: zxid(1, 3) });
      bench.receive(TO_LEADER, { kind: "newLeader", epoch: 2, last: zxid(1, 3) });
      if (committed.epoch === 2) bench.receive(TO_LEADER, { kind: "upToDate", committed: zxid(1, 3) });

      const effects = bench.receive(TO_LEADER, { kind: "commit", upTo: committed });

      expect(effects.writes).toEqual([]);
      expect(bench.peer.phase.role).toBe("looking");
      expect(bench.disk.visible).toMatchObject({ log: proposals(1, 1, 3), currentEpoch: 2 });
    },
  );
});

describe("a follower that is sent a snapshot", () => {
  /** 3 leads 2, both with ten delivered and none of it in their logs; 1 has the first, and is down. */
  function lagging(): Stage {
    const stage = staged({ voters: 3, timing: { learnerWindowBytes: 1 } })
      .start(1, 2, 3)
      .pass(40);
    stage.propose(3, "a").run().crash(1);
    for (const content of "bcdefghij") stage.propose(3, content).run();
    return stage.propose(3, "k").run().trim(2, 3);
  }

  const WHOLE = "a b c d e f g h i j k";

  function contents(stage: Stage, sid: number): string {
    return stage
      .delivered(sid)
      .map((text) => text.split("=")[1])
      .join(" ");
  }

  /*
   * ZOOKEEPER-3642. The leader was lost behind SNAP and before NEWLEADER. The follower held the snapshot in memory
   * only, told the next leader its zxid, was sent DIFF from there, and after a restart lacked all of the snapshot. Here
   * what is staged is told to nobody. Once it is whole it is installed in one transaction, and what the follower
   * tells then is what its disk holds.
   */
  it.each([
    ["before its end", "1:1"],
    ["behind its end", "1:11"],
  ])("whose leader is lost %s tells the next what its disk holds (ZOOKEEPER-3642)", (when, last) => {
    const stage = lagging();
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "snapshotEnd";
    stage.start(1).pass(300);
    stage.holdBack = (_, __, { kind }) => kind === "learnerInfo";
    if (when === "behind its end") stage.run();
    stage.crash(3);
    stage.holdBack = () => false;
    const before = stage.lines.length;
    stage.run().passUntilLeads(2).pass(1000);

    const told = stage.lines.slice(before).find((line) => line.startsWith("1 -> 2: ACKEPOCH"));
    expect(told).toMatch(new RegExp(`history ends at ${last}$`));
    stage.propose(2, "later").run().crash(1).start(1).pass(400);
    expect(contents(stage, 1)).toBe(`${WHOLE} later`);
  });

  /*
   * ZOOKEEPER-2872. The snapshot was written without waiting for the disk, what followed went to the log, and power
   * failed: the old snapshot with the new log behind it, a hole between them, and nobody noticed. Here the snapshot
   * takes the place of the log in the very transaction that makes it the state; before that nothing follows on the
   * link, and at no crash point is there a log that does not begin where the state ends.
   */
  it.each([0, 1, 2, 3])(
    "at crash point %i has no log behind a state that it does not follow (ZOOKEEPER-2872)",
    (point) => {
      const stage = lagging();
      stage.holdBack = (_, to, { kind }) => to === 1 && kind === "snapshotEnd";
      stage.start(1).pass(200);
      if (point < 2) stage.stickDisk(1);
      stage.holdBack = () => false;
      stage.run();
      if (point >= 2) stage.stickDisk(1).propose(3, "l").run().propose(3, "m").run();
      const { disk } = stage.replica(1);
      expect(disk.pending).toBe(1);
      stage.crash(1, point % 2);

      const { base, log, lastDelivered } = disk.durable;
      expect(base).toEqual(point === 0 ? zxid(0, 0) : zxid(1, 11));
      expect(log.map(({ zxid: { counter } }) => counter)).toEqual([[1], [], [], [12]][point]);
      expect(compareZxid(lastDelivered, base)).toBeGreaterThanOrEqual(0);
      stage.start(1).pass(400);
      expect(contents(stage, 1)).toBe(point < 2 ? WHOLE : `${WHOLE} l m`);
    },
  );

  /*
   * ZOOKEEPER-3104. NEWLEADER was queued before the snapshot was taken, which then held more than NEWLEADER said; the
   * follower wrote its own snapshot at NEWLEADER, between the two. Here the end of a snapshot carries the zxid at
   * which it is whole, NEWLEADER never comes on the same link, and on the next it comes behind the history between.
   */
  it("hears of NEWLEADER on its next link only, behind all that was committed meanwhile (ZOOKEEPER-3104)", () => {
    const stage = lagging();
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "snapshotEnd";
    stage.start(1).pass(200).propose(3, "l").run();
    stage.holdBack = () => false;
    stage.run();

    const said = stage.lines.filter((line) => line.startsWith("3 -> 1: ")).map((line) => line.slice(8));
    expect(said.slice(said.indexOf("the end of the snapshot, which is the state at 1:11"))).toEqual([
      "the end of the snapshot, which is the state at 1:11",
      "LEADERINFO, the new epoch is 1",
      "DIFF after 1:11",
      "PROPOSAL 1:12",
      "NEWLEADER of epoch 1, history ends at 1:12",
      "UPTODATE, committed up to 1:12",
    ]);
    expect(contents(stage, 1)).toBe(`${WHOLE} l`);
  });
});

describe("a leader", () => {
  /*
   * ZOOKEEPER-4925 (3.9.3). A follower that joined by DIFF left what it was sent out of its memory of committed
   * transactions: a hole. As leader it served others from that memory, hole and all. Here there is one history, of
   * disk and memory together, and no way to put something behind a gap: neither the history nor a learner takes it.
   */
  it("that once joined by DIFF has no hole to pass on (ZOOKEEPER-4925)", () => {
    const stage = staged({ voters: 3, disks: { 2: upTo(1), 3: upTo(1) } })
      .start(2, 3)
      .passUntilLeads(3);
    stage.start(1).pass(300).crash(2).propose(3, "a", "b").run();
    stage.crash(1).propose(3, "c").run().start(1).pass(200);
    expect(zxids(stage.delivered(1))).toEqual(["1:1", "2:1", "2:2", "2:3"]);

    stage.crash(3).start(2).passUntilLeads(1);

    expect(stage.history(2)).toEqual(["1:1", "2:1", "2:2", "2:3"]);
    expect(stage.lines).toContain("1 -> 2: DIFF after 1:1");
  });

  it("whose stream has a hole is left by its learner, and nothing behind the hole is accepted (ZOOKEEPER-4925)", () => {
    const bench = new Bench({ image: upTo(1) }).follow();
    bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 2 });
    bench.receive(TO_LEADER, { kind: "diff", after: zxid(1, 1) });

    const effects = bench.receive(TO_LEADER, { kind: "propose", proposals: proposals(1, 3, 4) });

    expect(effects.writes).toEqual([]);
    expect(bench.peer.status().lastElectionReason).toBe("1:3 does not follow 1:1");
  });

  /*
   * ZOOKEEPER-2418. A leader sent what it found in the log on disk and then what it had in memory, and did not see
   * that the one ended before the other began. Here memory begins where it let go of what the log shows, and a read
   * that would begin behind a gap is an assertion that stops the replica, never a message.
   */
  it("sends one history from disk and memory without a gap between them (ZOOKEEPER-2418)", () => {
    const disks = { 2: upTo(3), 3: upTo(3) };
    const stage = staged({ voters: 3, disks, timing: { recentBytesMax: 100 } })
      .start(2, 3)
      .passUntilLeads(3);
    for (const content of ["a", "b", "c", "d", "e", "f"]) stage.propose(3, content).run();

    stage.start(1).pass(200);

    expect(stage.lines.filter((line) => line.startsWith("3 -> 1: PROPOSAL")).length).toBeGreaterThan(1);
    expect(stage.history(1)).toEqual([...ALL, "2:1", "2:2", "2:3", "2:4", "2:5", "2:6"]);
  });

  it("that finds a hole in its log stops rather than sends (ZOOKEEPER-2418)", () => {
    const stage = staged({ voters: 3, disks: { 2: upTo(3), 3: upTo(3) } })
      .start(2, 3)
      .passUntilLeads(3);
    const { disk } = stage.replica(3);
    const read = disk.read.bind(disk);
    disk.read = (range) => read(range).filter(({ zxid: { counter } }) => counter !== 1);

    expect(() => stage.start(1).pass(200)).toThrow("no hole behind 0:0");
    expect(stage.history(1)).toEqual([]);
  });

  /*
   * ZOOKEEPER-4352 (open). A server that became leader right after it joined remembered in memory only what it had
   * processed since, took that for all there is, and sent a new server that DIFF alone. Here a DIFF begins at the
   * last zxid that both histories hold, whoever was leader when.
   */
  it("that joined a moment ago brings an empty replica all of the history (ZOOKEEPER-4352)", () => {
    const stage = staged({ voters: 3, disks: { 1: upTo(3), 2: upTo(1) } })
      .start(1, 2)
      .passUntilLeads(1);
    stage.propose(1, "a").run().crash(1).crash(2);

    stage.start(1, 2).passUntilLeads(2);
    stage.start(3).pass(200);

    expect(stage.lines).toContain("2 -> 3: DIFF after 0:0");
    for (const sid of [1, 2, 3]) expect(zxids(stage.delivered(sid))).toEqual([...ALL, "2:1"]);
    expect(stage.history(3)).toEqual([...ALL, "2:1"]);
  });
});

describe("a disk", () => {
  /*
   * ZOOKEEPER-4882 (open). A leader, or follower, delivers what a quorum of others has, also where its own disk has
   * failed to write it. When it joined again it told what its memory held; the log went on behind the gap, and after
   * a restart the gap was everybody's. Here a write that fails takes the memory with it: the replica starts from its
   * disk.
   */
  it.each([
    ["leader", 3],
    ["follower", 2],
  ])(
    "that fails under a %s leaves no gap, and its replica begins with what it holds (ZOOKEEPER-4882)",
    (_, broken) => {
      const stage = staged({ voters: 3 }).start(1, 2, 3).pass(100).propose(3, "a").run();
      stage.stickDisk(broken).propose(3, "b", "c").run();
      expect(zxids(stage.delivered(broken))).toEqual(["1:1", "1:2", "1:3"]);
      expect(stage.lines).not.toContain(`${broken} delivers 1:2 to 1:3`);

      stage.crash(broken, 0);
      expect(stage.history(broken)).toEqual(["1:1"]);
      stage.pass(300).start(broken).pass(400);
      const leader = [1, 2, 3].find((sid) => stage.peer(sid).phase.role === "leading") ?? 0;
      stage.propose(leader, "d").run();

      for (const sid of [1, 2, 3]) stage.crash(sid);
      stage.start(1, 2, 3).pass(400);
      for (const sid of [1, 2, 3]) {
        expect(stage.delivered(sid).map((text) => text.split("=")[1])).toEqual(["a", "b", "c", "d"]);
        expect(stage.history(sid)).toHaveLength(4);
      }
    },
  );

  /*
   * ZOOKEEPER-5094 (open). TRUNC synchronization applied what followed in memory and would have written it at
   * NEWLEADER. When the link broke before, memory stayed ahead of the log; the next leader was told what memory held
   * and sent what comes behind it. Here what follows TRUNC goes to the log piece by piece and to the tree not before
   * it is committed, so wherever it breaks off, with or without a crash, what is told next is what the disk holds.
   */
  it.each([undefined, 0, 1, 2])(
    "after a TRUNC that broke off before NEWLEADER tells what it holds, %j writes surviving (ZOOKEEPER-5094)",
    (kept) => {
      const log = [...proposals(1, 1, 3), ...proposals(2, 1, 2)];
      const disk = { log, acceptedEpoch: 2, currentEpoch: 2 };
      const stage = staged({ voters: 3, disks: { 1: upTo(5), 2: disk, 3: disk } })
        .start(2, 3)
        .passUntilLeads(3);
      stage.holdBack = (_, to, { kind }) => to === 1 && (kind === "newLeader" || kind === "truncate");
      stage.start(1).pass(200);
      if (kept !== undefined) stage.stickDisk(1);
      stage.holdBack = (_, to, { kind }) => to === 1 && kind === "newLeader";
      stage.run();

      if (kept === undefined) stage.breakLink(1, 3).run();
      else stage.crash(1, kept);
      const last = stage.history(1).at(-1);
      expect(last).toBe(["1:5", "1:3"][kept ?? 2] ?? "2:2");
      const before = stage.lines.length;
      stage.holdBack = () => false;
      if (kept !== undefined) stage.start(1);
      stage.pass(400).propose(3, "a").run();

      const told = stage.lines.slice(before).find((line) => line.startsWith("1 -> 3: ACKEPOCH"));
      expect(told).toMatch(new RegExp(`was in epoch 1, history ends at ${last}$`));
      expect(stage.history(1)).toEqual([...ALL, "2:1", "2:2", "3:1"]);
      expect(zxids(stage.delivered(1))).toEqual([...ALL, "2:1", "2:2", "3:1"]);
    },
  );
});
