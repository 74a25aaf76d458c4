/** A learner's side of discovery, synchronization and broadcast, with the order of its durable writes and its words. */
import { describe, expect, it } from "vitest";
import { Bench, proposal, proposals, sentAfter, sentFree, zxid } from "./bench.ts";

const LINK = 9;

/** A follower with history 1:1 to 1:3 that has promised epoch 6 and is told it has a prefix. */
function aligned(): Bench {
  const image = { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 };
  const bench = new Bench({ image }).follow();
  bench.receive(LINK, { kind: "leaderInfo", newEpoch: 6 });
  bench.receive(LINK, { kind: "diff", after: zxid(1, 3) });
  return bench;
}

/** The same in broadcast, with nothing proposed in the epoch. */
function serving(): Bench {
  const bench = aligned();
  bench.receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 3) });
  bench.receive(LINK, { kind: "upToDate", committed: zxid(1, 3) });
  return bench;
}

describe("discovery (Zab, Algorithm 1)", () => {
  it("a follower opens the link and introduces itself with the epoch it promised", () => {
    const bench = new Bench({ image: { acceptedEpoch: 4, currentEpoch: 2 } });
    bench.step({ kind: "tick" });
    const vote = { leader: 3, zxid: zxid(50, 0), peerEpoch: 50 };
    bench.hear(2, { state: "following", vote });

    const elected = bench.hear(3, { state: "leading", vote });
    expect(elected.after).toContainEqual({ kind: "openLink", to: 3 });

    const opened = bench.open(LINK, 3, "to-leader");
    expect(sentAfter(opened)).toEqual([{ kind: "learnerInfo", acceptedEpoch: 4 }]);
  });

  it("goes on with the later of two links, as its leader does", () => {
    const bench = new Bench().follow();

    const effects = bench.open(LINK + 1, 3, "to-leader");

    expect(effects.after).toContainEqual({
      kind: "closeLink",
      link: LINK,
      reason: "replaced by a newer link",
    });
    expect(sentAfter(effects)).toEqual([{ kind: "learnerInfo", acceptedEpoch: 0 }]);
    expect(bench.peer.phase).toMatchObject({ role: "following", link: LINK + 1 });
  });

  it("closes a link to somebody it does not follow", () => {
    const { after } = new Bench().follow().open(LINK + 1, 2, "to-leader");

    expect(after).toContainEqual({ kind: "closeLink", link: LINK + 1, reason: "no longer wanted" });
  });

  it("leaves a leader that is in a later election before the link is open", () => {
    const bench = new Bench();
    bench.step({ kind: "tick" });
    const vote = { leader: 3, zxid: zxid(50, 0), peerEpoch: 50 };
    bench.hear(2, { state: "following", vote });
    bench.hear(3, { state: "leading", vote });

    bench.hear(3, { state: "looking", instance: 2, electionRound: 2, vote });

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("promises a later epoch durably before it says so", () => {
    const image = { acceptedEpoch: 4, currentEpoch: 2 };
    const effects = new Bench({ image }).follow().receive(LINK, { kind: "leaderInfo", newEpoch: 5 });

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 5, currentEpoch: 2 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toMatchObject([{ kind: "ackEpoch", promised: true, currentEpoch: 2 }]);
  });

  it("has promised what it holds, where it was an observer that had not entered the epoch", () => {
    const image = { log: proposals(3, 1, 2), acceptedEpoch: 1, currentEpoch: 1 };
    const bench = new Bench({ image });
    bench.step({ kind: "tick" });

    expect(bench.peer.status()).toMatchObject({ acceptedEpoch: 3, currentEpoch: 1 });
  });

  it("acknowledges the epoch it has promised before without promising again", () => {
    const image = { acceptedEpoch: 5, currentEpoch: 2 };
    const effects = new Bench({ image }).follow().receive(LINK, { kind: "leaderInfo", newEpoch: 5 });

    expect(effects.writes).toEqual([]);
    expect(sentAfter(effects)).toMatchObject([{ kind: "ackEpoch", promised: false }]);
  });

  it("leaves a leader whose epoch is behind its promise", () => {
    const bench = new Bench({ image: { acceptedEpoch: 5, currentEpoch: 2 } }).follow();

    const effects = bench.receive(LINK, { kind: "leaderInfo", newEpoch: 4 });

    expect(effects.writes).toEqual([]);
    expect(sentAfter(effects)).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
  });
});

describe("synchronization (Zab, Algorithm 2)", () => {
  it("accepts history and acknowledges it behind the write (ZOOKEEPER-3911)", () => {
    const effects = aligned().receive(LINK, { kind: "propose", proposals: proposals(1, 4, 6) });

    expect(effects.writes).toEqual([{ kind: "append", proposals: proposals(1, 4, 6) }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toEqual([{ kind: "ack", upTo: zxid(1, 6) }]);
  });

  it("does not enter the epoch while history arrives (ZOOKEEPER-4643, 4646)", () => {
    const bench = aligned();

    bench.receive(LINK, { kind: "propose", proposals: proposals(1, 4, 6) });

    expect(bench.disk.visible.currentEpoch).toBe(1);
  });

  it("enters the epoch with NEWLEADER and acknowledges behind that write (ZOOKEEPER-4785)", () => {
    const effects = aligned().receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 3) });

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 6, currentEpoch: 6 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toEqual([{ kind: "ackNewLeader", epoch: 6 }]);
  });

  it("refuses NEWLEADER where a hole would stay", () => {
    const bench = aligned();

    const effects = bench.receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 4) });

    expect(effects.writes).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("forgets what no quorum accepted, in the order truncate then append", () => {
    const bench = new Bench({ image: { log: proposals(1, 1, 5), acceptedEpoch: 1, currentEpoch: 1 } });
    bench.follow().receive(LINK, { kind: "leaderInfo", newEpoch: 6 });

    const cut = bench.receive(LINK, { kind: "truncate", after: zxid(1, 3) });
    const grown = bench.receive(LINK, { kind: "propose", proposals: proposals(3, 1, 2) });

    expect(cut.writes).toEqual([{ kind: "truncate", after: zxid(1, 3) }]);
    expect(grown.writes).toEqual([{ kind: "append", proposals: proposals(3, 1, 2) }]);
    expect(bench.disk.visible.log).toEqual([...proposals(1, 1, 3), ...proposals(3, 1, 2)]);
  });

  it("refuses to forget what it delivered, and says so", () => {
    const image = { log: proposals(1, 1, 5), acceptedEpoch: 1, currentEpoch: 1, lastDelivered: zxid(1, 4) };
    const bench = new Bench({ image }).follow();
    bench.receive(LINK, { kind: "leaderInfo", newEpoch: 6 });

    const effects = bench.receive(LINK, { kind: "truncate", after: zxid(1, 3) });

    expect(effects.writes).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().lastElectionReason).toContain("truncation to 1:3");
    expect(bench.peer.status().dropped).toEqual({ "from leader: truncate": 1 });
  });

  it("refuses to be cut at a zxid it does not have", () => {
    const bench = new Bench({ image: { log: proposals(1, 1, 5), acceptedEpoch: 1, currentEpoch: 1 } });
    bench.follow().receive(LINK, { kind: "leaderInfo", newEpoch: 6 });

    const effects = bench.receive(LINK, { kind: "truncate", after: zxid(0, 7) });

    expect(effects.writes).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("leaves a leader that makes no progress, but not one that makes slow progress", () => {
    const bench = aligned();
    for (let counter = 4; counter < 24; counter++) {
      for (let beat = 0; beat < 5; beat++) {
        bench.pass(200);
        bench.receive(LINK, { kind: "ping" });
      }
      bench.receive(LINK, { kind: "propose", proposals: [proposal(1, counter)] });
    }
    expect(bench.peer.phase.role).toBe("following");

    for (let beat = 0; beat < 55; beat++) {
      bench.pass(200);
      bench.receive(LINK, { kind: "ping" });
    }
    expect(bench.peer.status().lastElectionReason).toBe("no progress in synchronization");
  });
});

describe("broadcast (Zab, Algorithm 3)", () => {
  it("serves from UPTODATE on, with the leader's latest committed zxid (Zab specification, issue 3)", () => {
    const bench = aligned();
    bench.receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 3) });
    bench.receive(LINK, { kind: "propose", proposals: proposals(6, 1, 4) });

    const effects = bench.receive(LINK, { kind: "upToDate", committed: zxid(6, 2) });

    expect(effects.after).toContainEqual({ kind: "committed", upTo: zxid(6, 2) });
    expect(bench.peer.phase).toMatchObject({ role: "following", stage: "broadcast" });
    const delivered = [bench.peer.takeCommitted(10_000), bench.peer.takeCommitted(10_000)].flat();
    expect(delivered).toEqual([...proposals(1, 1, 3), ...proposals(6, 1, 2)]);
    expect(bench.peer.takeCommitted(10_000)).toEqual([]);
  });

  it("drops a proposal it has accepted already, silently (Zab specification, issue 2)", () => {
    const bench = serving();
    bench.receive(LINK, { kind: "propose", proposals: proposals(6, 1, 2) });

    const effects = bench.receive(LINK, { kind: "propose", proposals: proposals(6, 1, 3) });

    expect(effects.writes).toEqual([{ kind: "append", proposals: proposals(6, 3, 3) }]);
    expect(bench.peer.phase.role).toBe("following");
  });

  it("leaves a leader whose proposals have a gap", () => {
    const bench = serving();

    const effects = bench.receive(LINK, { kind: "propose", proposals: proposals(6, 2, 3) });

    expect(effects.writes).toEqual([]);
    expect(effects.after).toContainEqual({
      kind: "closeLink",
      link: LINK,
      reason: "6:2 does not follow 1:3",
    });
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("takes no proposal of a later epoch than it promised on this link", () => {
    const bench = serving();

    const effects = bench.receive(LINK, { kind: "propose", proposals: proposals(7, 1, 1) });

    expect(effects.writes).toEqual([]);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("leaves on a commit without its proposal (ZOOKEEPER-4394)", () => {
    const bench = serving();

    bench.receive(LINK, { kind: "commit", upTo: zxid(6, 1) });

    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.lastCommitted).toEqual(zxid(1, 3));
  });

  it("commits what its leader has, where the two are a quorum, without a word of its own on the way", () => {
    const bench = serving();

    const accepted = bench.receive(LINK, { kind: "propose", proposals: proposals(6, 1, 2) });
    const told = bench.receive(LINK, { kind: "leaderAck", upTo: zxid(6, 2) });

    expect(accepted.after).not.toContainEqual({ kind: "committed", upTo: zxid(6, 2) });
    expect(told.after).toContainEqual({ kind: "committed", upTo: zxid(6, 2) });
  });

  it("leaves a leader that tells it so without the proposal, or where the two are no quorum", () => {
    const bench = serving();
    bench.receive(LINK, { kind: "leaderAck", upTo: zxid(6, 1) });
    expect(bench.peer.phase.role).toBe("looking");

    const image = { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 };
    const one = new Bench({ image, voters: [1, 2, 3, 4, 5] }).follow();
    one.receive(LINK, { kind: "leaderInfo", newEpoch: 6 });
    one.receive(LINK, { kind: "diff", after: zxid(1, 3) });
    one.receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 3) });
    one.receive(LINK, { kind: "upToDate", committed: zxid(1, 3) });
    one.receive(LINK, { kind: "propose", proposals: proposals(6, 1, 1) });
    expect(one.peer.phase.role).toBe("following");

    one.receive(LINK, { kind: "leaderAck", upTo: zxid(6, 1) });
    expect(one.peer.phase.role).toBe("looking");
    expect(one.peer.lastCommitted).toEqual(zxid(1, 3));
  });

  it("answers a ping at once, also behind a slow write", () => {
    expect(sentFree(serving().receive(LINK, { kind: "ping" }))).toEqual([{ kind: "pong" }]);
  });

  it("looks again after the leader's silence, not after its own stall", () => {
    const bench = serving();

    bench.nowMs += 60_000;
    bench.step({ kind: "tick" });
    expect(bench.peer.phase.role).toBe("following");

    bench.pass(1600);
    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().lastElectionReason).toBe("the leader is silent");
  });

  it("looks again at once when the link closes", () => {
    const bench = serving();

    const effects = bench.step({ kind: "linkClosed", link: LINK });

    expect(effects.after).toContainEqual({ kind: "phase", phase: { role: "looking" } });
    const { vote } = bench.peer.notification();
    expect(vote).toEqual({ leader: 1, zxid: zxid(1, 3), peerEpoch: 6 });
  });

  it.each([
    ["ack", { kind: "ack", upTo: zxid(1, 1) }],
    ["leaderInfo", { kind: "leaderInfo", newEpoch: 9 }],
    ["diff", { kind: "diff", after: zxid(1, 3) }],
    ["truncate", { kind: "truncate", after: zxid(1, 1) }],
    ["newLeader", { kind: "newLeader", epoch: 6, last: zxid(1, 3) }],
    ["upToDate", { kind: "upToDate", committed: zxid(1, 3) }],
  ] as const)("drops, counts and leaves on an unexpected %s", (kind, message) => {
    const bench = serving();

    const effects = bench.receive(LINK, message);

    expect(effects.writes).toEqual([]);
    expect(bench.peer.status().dropped).toEqual({ [`from leader: ${kind}`]: 1 });
    expect(bench.peer.phase.role).toBe("looking");
  });
});

describe("an observer", () => {
  it("promises, accepts and delivers as a follower does", () => {
    const bench = new Bench({ sid: 4, observers: [4] }).follow();
    const answer = bench.receive(LINK, { kind: "leaderInfo", newEpoch: 6 });
    expect(answer.writes).toEqual([{ kind: "epochs", acceptedEpoch: 6, currentEpoch: 0 }]);
    expect(sentAfter(answer)).toMatchObject([{ kind: "ackEpoch", promised: true }]);

    bench.receive(LINK, { kind: "diff", after: zxid(0, 0) });
    bench.receive(LINK, { kind: "propose", proposals: proposals(1, 1, 2) });
    bench.receive(LINK, { kind: "newLeader", epoch: 6, last: zxid(1, 2) });
    expect(bench.peer.takeCommitted(1000)).toEqual([]);
    bench.receive(LINK, { kind: "upToDate", committed: zxid(1, 2) });

    expect(bench.peer.phase).toMatchObject({ role: "observing", stage: "broadcast" });
    expect(bench.peer.takeCommitted(1000)).toEqual(proposals(1, 1, 2));
  });
});
