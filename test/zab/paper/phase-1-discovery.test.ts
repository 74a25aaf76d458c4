/**
 * Zab (Junqueira, Reed, Serafini 2011), section IV, Algorithm 1: discovery. A test for each step, under its number.
 * CEPOCH is LEARNERINFO here, NEWEPOCH is LEADERINFO, ACK-E is ACKEPOCH; f.p is acceptedEpoch, f.a is currentEpoch.
 */
import { describe, expect, it } from "vitest";
import { Bench, proposals, sentAfter, zxid } from "../bench.ts";
import { ackE, cepoch, linkOf, prospectiveLeader, sentTo, TO_LEADER } from "./play.ts";

const PEERS = [1, 2, 3, 4, 5];

describe("phase 1, follower", () => {
  it("step f.1.1: a follower sends its last promise to the prospective leader, in CEPOCH(f.p)", () => {
    const bench = new Bench({ image: { acceptedEpoch: 4, currentEpoch: 2 } });
    bench.step({ kind: "tick" });
    const vote = { leader: 3, zxid: zxid(2, 9), peerEpoch: 2 };
    bench.hear(2, { state: "following", vote });
    bench.hear(3, { state: "leading", vote });

    const effects = bench.open(TO_LEADER, 3, "to-leader");

    expect(sentTo(effects, TO_LEADER)).toEqual([cepoch(4)]);
    expect(effects.writes).toEqual([]);
  });

  it("step f.1.2: it takes NEWEPOCH(e') above its promise: f.p is e', durably, before ACK-E(f.a, h_f) says so", () => {
    const log = [...proposals(1, 1, 4), ...proposals(2, 1, 2)];
    const bench = new Bench({ image: { log, acceptedEpoch: 4, currentEpoch: 2 } }).follow();

    const effects = bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 7 });

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 7, currentEpoch: 2 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toEqual([
      expect.objectContaining({
        kind: "ackEpoch",
        promised: true,
        currentEpoch: 2,
        history: { last: zxid(2, 2), epochEnds: [zxid(0, 0), zxid(1, 4), zxid(2, 2)] },
      }),
    ]);
  });

  it("step f.1.2: it does not take NEWEPOCH(e') below its promise, and says nothing to that leader any more", () => {
    const bench = new Bench({ image: { acceptedEpoch: 4, currentEpoch: 2 } }).follow();

    const effects = bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 3 });

    expect(effects.writes).toEqual([]);
    expect(sentTo(effects, TO_LEADER)).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().acceptedEpoch).toBe(4);
  });

  it("step f.1.2: a promise made before is acknowledged but not made again, so no two leaders count it", () => {
    const bench = new Bench({ image: { acceptedEpoch: 4, currentEpoch: 2 } }).follow();

    const effects = bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 4 });

    expect(effects.writes).toEqual([]);
    expect(sentAfter(effects)).toEqual([expect.objectContaining({ kind: "ackEpoch", promised: false })]);
  });

  it("step f.1.2: a promise survives a crash: the next leader is told of it", () => {
    const bench = new Bench({ image: { acceptedEpoch: 4, currentEpoch: 2 } }).follow();
    bench.receive(TO_LEADER, { kind: "leaderInfo", newEpoch: 7 });
    bench.disk.crash(bench.disk.pending);

    const restarted = new Bench({ image: bench.disk.durable });
    const vote = { leader: 3, zxid: zxid(2, 9), peerEpoch: 2 };
    restarted.step({ kind: "tick" });
    restarted.hear(2, { state: "following", vote });
    restarted.hear(3, { state: "leading", vote });

    expect(sentTo(restarted.open(TO_LEADER, 3, "to-leader"), TO_LEADER)).toEqual([cepoch(7)]);
  });
});

describe("phase 1, leader", () => {
  it("step l.1.1: with CEPOCH from less than a quorum it proposes no epoch", () => {
    const bench = prospectiveLeader({ voters: PEERS });

    const effects = bench.receive(linkOf(2), cepoch(3));

    expect(effects.writes).toEqual([]);
    expect(sentAfter(effects)).toEqual([]);
    expect(bench.peer.status().acceptedEpoch).toBe(0);
  });

  it("step l.1.1: with CEPOCH from a quorum it proposes an epoch above all of them, to all of them", () => {
    const bench = prospectiveLeader({ voters: PEERS, image: { acceptedEpoch: 2, currentEpoch: 1 } });
    bench.receive(linkOf(2), cepoch(6));

    const effects = bench.receive(linkOf(3), cepoch(4));

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 7, currentEpoch: 1 }]);
    expect(effects.free).toEqual([]);
    const newEpoch = [{ kind: "leaderInfo", newEpoch: 7 }];
    expect(sentTo(effects, linkOf(2))).toEqual(newEpoch);
    expect(sentTo(effects, linkOf(3))).toEqual(newEpoch);
    expect(sentTo(effects, linkOf(4))).toEqual([]);
  });

  it("step l.1.1: the epoch is above the leader's own promise too", () => {
    const bench = prospectiveLeader({ image: { acceptedEpoch: 9, currentEpoch: 1 } });

    const effects = bench.receive(linkOf(2), cepoch(6));

    expect(sentAfter(effects)).toEqual([{ kind: "leaderInfo", newEpoch: 10 }]);
  });

  it("step l.1.1: an observer's CEPOCH makes no quorum; the epoch is above its promise, and not asked of it yet", () => {
    const bench = prospectiveLeader({ observers: [4] });
    bench.open(linkOf(4), 4, "from-learner");

    const effects = bench.receive(linkOf(4), cepoch(50));
    expect(sentAfter(effects)).toEqual([]);

    const chosen = bench.receive(linkOf(2), cepoch(6));
    expect(sentTo(chosen, linkOf(2))).toEqual([{ kind: "leaderInfo", newEpoch: 51 }]);
    expect(sentTo(chosen, linkOf(4))).toEqual([]);
  });

  it("step l.1.1: who comes when the epoch is proposed already is proposed the same", () => {
    const bench = prospectiveLeader();
    bench.receive(linkOf(2), cepoch(0));

    const effects = bench.receive(linkOf(3), cepoch(0));

    expect(effects.writes).toEqual([]);
    expect(sentTo(effects, linkOf(3))).toEqual([{ kind: "leaderInfo", newEpoch: 1 }]);
  });

  it("step l.1.2: ACK-E of a quorum ends discovery; less, or the same follower twice, does not", () => {
    const bench = prospectiveLeader({ voters: PEERS, image: { acceptedEpoch: 1, currentEpoch: 1 } });
    for (const sid of [2, 3, 4]) bench.receive(linkOf(sid), cepoch(1));
    bench.receive(linkOf(2), ackE());
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });

    bench.open(200, 2, "from-learner");
    bench.receive(200, cepoch(2));
    bench.receive(200, ackE({ promised: false }));
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });

    bench.receive(linkOf(3), ackE());
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });
  });

  const image = { log: [...proposals(1, 1, 4), ...proposals(2, 1, 2)], acceptedEpoch: 2, currentEpoch: 2 };

  it.each([
    ["a later f.a, whatever the zxid", { currentEpoch: 3, ends: [zxid(1, 4)] }],
    ["the same f.a and a later zxid", { currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 3)] }],
  ])(
    "step l.1.2: the initial history is the best of the quorum: the leader resigns to a follower with %s",
    (_, said) => {
      const bench = prospectiveLeader({ image });
      bench.receive(linkOf(2), cepoch(2));

      bench.receive(linkOf(2), ackE(said));

      expect(bench.peer.phase.role).toBe("looking");
      expect(bench.peer.status().lastElectionReason).toMatch(/voter 2 has the later history/);
      expect(bench.peer.status().currentEpoch).toBe(2);
    },
  );

  it.each([
    ["an earlier f.a and a later zxid", { currentEpoch: 1, ends: [zxid(1, 99)] }],
    ["the same f.a and the same zxid", { currentEpoch: 2, ends: [zxid(1, 4), zxid(2, 2)] }],
    ["an empty history", {}],
  ])("step l.1.2: its own is the initial history where a follower has %s", (_, said) => {
    const bench = prospectiveLeader({ image });
    bench.receive(linkOf(2), cepoch(2));

    const effects = bench.receive(linkOf(2), ackE(said));

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });
    expect(bench.peer.lastZxid).toEqual(zxid(2, 2));
    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 3, currentEpoch: 3 }]);
  });

  it("step l.1.2: a promise that was made to somebody else is none: without a quorum of its own it resigns", () => {
    const bench = prospectiveLeader();
    for (const sid of [2, 3]) bench.receive(linkOf(sid), cepoch(0));

    for (const sid of [2, 3]) bench.receive(linkOf(sid), ackE({ promised: false }));

    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().currentEpoch).toBe(0);
  });
});
