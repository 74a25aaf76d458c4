/**
 * Zab (Junqueira, Reed, Serafini 2011), section IV, Algorithm 2: synchronization. A test for each step, under its
 * number. NEWLEADER(e', I_e') travels in pieces, as in ZooKeeper: where both histories part, what the follower lacks,
 * and NEWLEADER with e' and the last zxid. ACK-LD is the ACK of NEWLEADER, COMMIT-LD is UPTODATE.
 */
import { describe, expect, it } from "vitest";
import { Bench, type BenchOptions, proposals, sentAfter, sentFree, zxid } from "../bench.ts";
import { ackE, ackLd, cepoch, linkOf, prospectiveLeader, sentTo, TO_LEADER } from "./play.ts";

const PEERS = [1, 2, 3, 4, 5];

/** 1:1 to 1:4 and 2:1 to 2:2, all of it of epochs that were. */
const image = { log: [...proposals(1, 1, 4), ...proposals(2, 1, 2)], acceptedEpoch: 2, currentEpoch: 2 };

/** A leader of epoch 3 with that history, whose followers given have sent CEPOCH. */
function discovering(sids: readonly number[], options: BenchOptions = {}): Bench {
  const bench = prospectiveLeader({ image, ...options });
  for (const sid of sids) bench.receive(linkOf(sid), cepoch(2));
  return bench;
}

/** A follower that has promised epoch 3, with that history. */
function promised(): Bench {
  const bench = new Bench({ image }).follow();
  bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 3 });
  return bench;
}

describe("phase 2, leader", () => {
  it("step l.2.1: it sends NEWLEADER(e', I_e') to every follower that sent ACK-E, each what that one lacks", () => {
    const bench = discovering([2, 3, 4], { voters: PEERS });
    const waiting = bench.receive(linkOf(2), ackE({ currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 1)] }));
    expect(sentAfter(waiting)).toEqual([]);

    const effects = bench.receive(linkOf(3), ackE({ currentEpoch: 1, ends: [zxid(1, 6)] }));

    const newLeader = { kind: "newLeader", epoch: 3, last: zxid(2, 2) };
    expect(sentTo(effects, linkOf(2))).toEqual([
      { kind: "diff", after: zxid(2, 1) },
      { kind: "propose", proposals: proposals(2, 2, 2) },
      newLeader,
    ]);
    expect(sentTo(effects, linkOf(3))).toEqual([
      { kind: "truncate", after: zxid(1, 4) },
      { kind: "propose", proposals: proposals(2, 1, 2) },
      newLeader,
    ]);
    expect(sentTo(effects, linkOf(4))).toEqual([]);
  });

  it("step l.2.1: it is in the epoch itself, durably, before NEWLEADER says so", () => {
    const bench = discovering([2]);

    const effects = bench.receive(linkOf(2), ackE({ currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 2)] }));

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 3, currentEpoch: 3 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects).map(({ kind }) => kind)).toEqual(["diff", "newLeader"]);
  });

  it("step l.2.1: it proposes nothing new and delivers nothing of the initial history yet", () => {
    const bench = discovering([2]);

    bench.receive(linkOf(2), ackE({ currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 2)] }));

    expect(bench.peer.canPropose()).toBe(false);
    expect(bench.peer.takeCommitted(1000)).toEqual([]);
  });

  it("step l.2.2: ACK-LD of a quorum commits the initial history, and COMMIT-LD goes to those that sent it", () => {
    const bench = discovering([2, 3, 4], { voters: PEERS });
    for (const sid of [2, 3, 4]) bench.receive(linkOf(sid), ackE({ currentEpoch: 2, ends: [zxid(1, 4)] }));
    const early = bench.receive(linkOf(2), ackLd(3));
    expect(sentAfter(early)).toEqual([]);
    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));

    const effects = bench.receive(linkOf(3), ackLd(3));

    expect(effects.after).toContainEqual({ kind: "committed", upTo: zxid(2, 2) });
    const commitLd = [{ kind: "upToDate", committed: zxid(2, 2) }];
    expect(sentTo(effects, linkOf(2))).toEqual(commitLd);
    expect(sentTo(effects, linkOf(3))).toEqual(commitLd);
    expect(sentTo(effects, linkOf(4))).toEqual([]);
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });

  it("step l.2.2: acknowledged proposals make no quorum without ACK-LD", () => {
    const bench = discovering([2, 3]);
    for (const sid of [2, 3]) bench.receive(linkOf(sid), ackE({ currentEpoch: 1, ends: [zxid(1, 4)] }));

    for (const sid of [2, 3]) bench.receive(linkOf(sid), { kind: "ack", upTo: zxid(2, 2) });

    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });
  });

  it("step l.2.2: an observer is asked for its promise once a quorum of voters has acknowledged NEWLEADER", () => {
    const bench = discovering([2], { observers: [4] });
    bench.open(linkOf(4), 4, "from-learner");
    expect(sentTo(bench.receive(linkOf(4), cepoch(2)), linkOf(4))).toEqual([]);
    const entered = bench.receive(linkOf(2), ackE({ currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 2)] }));
    expect(sentTo(entered, linkOf(4))).toEqual([]);

    const established = bench.receive(linkOf(2), ackLd(3));

    expect(sentTo(established, linkOf(4))).toEqual([{ kind: "leaderInfo", newEpoch: 3 }]);
  });

  it("step l.2.2: an observer that acknowledges what it was not asked makes no quorum", () => {
    const bench = discovering([2], { observers: [4] });
    bench.open(linkOf(4), 4, "from-learner");
    bench.receive(linkOf(4), cepoch(2));

    bench.receive(linkOf(4), ackE({ ends: [zxid(1, 4), zxid(2, 2)] }));

    expect(bench.peer.status().dropped).toEqual({ "from learner: ackEpoch": 1 });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });
  });
});

describe("phase 2, follower", () => {
  it("step f.2.1: it takes no NEWLEADER of another epoch than it promised, and looks for a leader again", () => {
    const bench = promised();
    bench.receive(TO_LEADER, { kind: "diff", after: zxid(2, 2) });

    const effects = bench.receive(TO_LEADER, { kind: "newLeader", epoch: 4, last: zxid(2, 2) });

    expect(effects.writes).toEqual([]);
    expect(sentTo(effects, TO_LEADER)).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("step f.2.1: it takes no NEWLEADER before it has promised on this link", () => {
    const bench = new Bench({ image }).follow();

    bench.receive(TO_LEADER, { kind: "newLeader", epoch: 2, last: zxid(2, 2) });

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("step f.2.1: it accepts I_e' in the order of zxids and then f.a is e', durably, before ACK-LD", () => {
    const bench = promised();
    const cut = bench.receive(TO_LEADER, { kind: "truncate", after: zxid(1, 4) });
    const more = bench.receive(TO_LEADER, { kind: "propose", proposals: proposals(1, 5, 7) });

    const effects = bench.receive(TO_LEADER, { kind: "newLeader", epoch: 3, last: zxid(1, 7) });

    expect(cut.writes).toEqual([{ kind: "truncate", after: zxid(1, 4) }]);
    expect(more.writes).toEqual([{ kind: "append", proposals: proposals(1, 5, 7) }]);
    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 3, currentEpoch: 3 }]);
    expect(sentFree(effects)).toEqual([]);
    expect(sentAfter(effects)).toEqual([ackLd(3)]);
    expect(bench.disk.visible.log.map((one) => one.zxid)).toEqual(proposals(1, 1, 7).map((one) => one.zxid));
  });

  it("step f.2.1: the change of f.a and of the history is one: at no crash point is the epoch ahead of its history", () => {
    const crashed = [0, 1, 2, 3, 4].map((kept) => {
      const bench = promised();
      bench.receive(TO_LEADER, { kind: "truncate", after: zxid(1, 4) });
      bench.receive(TO_LEADER, { kind: "propose", proposals: proposals(1, 5, 7) });
      bench.receive(TO_LEADER, { kind: "newLeader", epoch: 3, last: zxid(1, 7) });
      expect(bench.disk.pending).toBe(4);
      bench.disk.crash(kept);
      const { acceptedEpoch, currentEpoch, log } = bench.disk.durable;
      return [acceptedEpoch, currentEpoch, log.at(-1)?.zxid];
    });

    expect(crashed).toEqual([
      [2, 2, zxid(2, 2)],
      [3, 2, zxid(2, 2)],
      [3, 2, zxid(1, 4)],
      [3, 2, zxid(1, 7)],
      [3, 3, zxid(1, 7)],
    ]);
  });

  it("step f.2.2: upon COMMIT-LD, not before, it delivers all of the initial history in the order of zxids", () => {
    const bench = promised();
    bench.receive(TO_LEADER, { kind: "diff", after: zxid(2, 2) });
    bench.receive(TO_LEADER, { kind: "newLeader", epoch: 3, last: zxid(2, 2) });
    expect(bench.peer.takeCommitted(10_000)).toEqual([]);

    bench.receive(TO_LEADER, { kind: "upToDate", committed: zxid(2, 2) });

    const delivered = [bench.peer.takeCommitted(10_000), bench.peer.takeCommitted(10_000)].flat();
    expect(delivered).toEqual(image.log);
    expect(bench.peer.phase).toMatchObject({ role: "following", stage: "broadcast" });
  });

  it("step f.2.2: COMMIT-LD without ACK-LD is not taken", () => {
    const bench = promised();
    bench.receive(TO_LEADER, { kind: "diff", after: zxid(2, 2) });

    bench.receive(TO_LEADER, { kind: "upToDate", committed: zxid(2, 2) });

    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));
    expect(bench.peer.phase.role).toBe("looking");
  });
});
