/** Fast Leader Election, a test per rule, on one peer whose counterparts the test plays. */
import { describe, expect, it } from "vitest";
import { compareVotes } from "../../src/zab/election.ts";
import { Bench, proposals, zxid } from "./bench.ts";

const EMPTY = { zxid: zxid(0, 0), peerEpoch: 0 };
/** In epoch 1, with no history: what most ensembles were once. */
const ENTERED = { acceptedEpoch: 1, currentEpoch: 1 };
const IN_1 = { zxid: zxid(0, 0), peerEpoch: 1 };

describe("votes are ordered", () => {
  it.each([
    [
      "peerEpoch first",
      { leader: 1, zxid: zxid(1, 1), peerEpoch: 2 },
      { leader: 3, zxid: zxid(1, 9), peerEpoch: 1 },
    ],
    [
      "then zxid",
      { leader: 1, zxid: zxid(1, 9), peerEpoch: 1 },
      { leader: 3, zxid: zxid(1, 8), peerEpoch: 1 },
    ],
    ["then sid", { leader: 3, ...EMPTY }, { leader: 2, ...EMPTY }],
  ])("%s", (_, better, worse) => {
    expect(compareVotes(better, worse)).toBeGreaterThan(0);
    expect(compareVotes(worse, better)).toBeLessThan(0);
    expect(compareVotes(better, better)).toBe(0);
  });
});

describe("a looking peer", () => {
  it("votes for itself first, and tells every other voter", () => {
    const bench = new Bench({ sid: 2 });

    const { after } = bench.step({ kind: "tick" });

    const notices = after.filter((effect) => effect.kind === "notify");
    expect(notices.map(({ to }) => to)).toEqual([1, 3]);
    expect(bench.peer.notification()).toMatchObject({
      from: 2,
      state: "looking",
      electionRound: 1,
      vote: { leader: 2, ...EMPTY },
    });
  });

  it("adopts a better vote of its round and passes it on", () => {
    const bench = new Bench({ sid: 2 });
    bench.step({ kind: "tick" });

    const { after } = bench.hear(3, {});

    expect(bench.peer.notification().vote.leader).toBe(3);
    expect(after.filter(({ kind }) => kind === "notify")).toHaveLength(2);
  });

  it("keeps its vote against a worse one", () => {
    const bench = new Bench({ sid: 2 });
    bench.step({ kind: "tick" });

    bench.hear(1, {});

    expect(bench.peer.notification().vote.leader).toBe(2);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("prefers the later history to the higher sid", () => {
    const bench = new Bench({
      sid: 1,
      image: { log: proposals(1, 1, 5), acceptedEpoch: 1, currentEpoch: 1 },
    });
    bench.step({ kind: "tick" });

    bench.hear(3, { vote: { leader: 3, zxid: zxid(1, 4), peerEpoch: 1 } });

    expect(bench.peer.notification().vote).toEqual({ leader: 1, zxid: zxid(1, 5), peerEpoch: 1 });
  });

  it("joins the round of one that votes for nobody, whomever it names, and takes over no such vote", () => {
    const bench = new Bench({ sid: 2 });
    bench.step({ kind: "tick" });
    const round = bench.peer.notification().electionRound;

    bench.hear(3, { electionRound: round + 6, vote: { leader: 7, zxid: zxid(0, 0), peerEpoch: -1 } });

    expect(bench.peer.notification().electionRound).toBe(round + 6);
    expect(bench.peer.notification().vote.leader).toBe(2);
    expect(bench.peer.status().dropped).toEqual({});
  });

  it("is counted anew when it is told that the members it has accepted are committed: who left is no candidate", () => {
    const payload = new TextEncoder().encode("members 1 observers ");
    const image = { log: [{ zxid: zxid(1, 1), payload }], acceptedEpoch: 1, currentEpoch: 1 };
    const bench = new Bench({ sid: 1, image });
    bench.step({ kind: "tick" });
    bench.hear(2, { vote: { leader: 2, zxid: zxid(1, 5), peerEpoch: 1 } });
    expect(bench.peer.notification().vote.leader).toBe(2);

    const membership = { version: zxid(1, 1), isCommitted: true, voters: [1], observers: [] };
    bench.hear(3, { vote: { leader: 2, zxid: zxid(1, 5), peerEpoch: 1 }, membership });

    expect(bench.peer.phase.role).toBe("leading");
  });

  it("decides at once when every voter has answered alike", () => {
    const bench = new Bench({ sid: 1 });
    bench.step({ kind: "tick" });
    const vote = { leader: 3, ...EMPTY };

    bench.hear(2, { vote });
    bench.hear(3, { vote });

    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 3, stage: "discovery" });
  });

  it("waits with a mere quorum for a better vote, then decides", () => {
    const bench = new Bench({ sid: 2, image: ENTERED, timing: { finalizeWaitMs: 200 } });
    bench.step({ kind: "tick" });
    bench.hear(1, { vote: { leader: 2, ...IN_1 } });

    bench.pass(180);
    expect(bench.peer.phase.role).toBe("looking");

    bench.pass(20);
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });
  });

  it("begins the wait anew when a better vote comes meanwhile", () => {
    const bench = new Bench({ sid: 2, image: ENTERED, timing: { finalizeWaitMs: 200 } });
    bench.step({ kind: "tick" });
    bench.hear(1, { vote: { leader: 2, ...IN_1 } });
    bench.pass(180);

    bench.hear(3, { vote: { leader: 3, ...IN_1 } });
    bench.pass(180);
    expect(bench.peer.phase.role).toBe("looking");

    bench.pass(20);
    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 3 });
  });

  it("enters a higher round with a fresh tally", () => {
    const bench = new Bench({ sid: 3 });
    bench.step({ kind: "tick" });
    bench.hear(1, { vote: { leader: 3, ...EMPTY } });

    bench.hear(2, { electionRound: 7, vote: { leader: 2, ...EMPTY } });
    bench.pass(1000);

    expect(bench.peer.notification()).toMatchObject({ electionRound: 7, vote: { leader: 3 } });
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("ignores a lower round", () => {
    const bench = new Bench({ sid: 1 });
    bench.step({ kind: "tick" });
    bench.hear(2, { electionRound: 5 });

    bench.hear(3, { electionRound: 4, vote: { leader: 3, zxid: zxid(9, 9), peerEpoch: 9 } });

    expect(bench.peer.notification().vote.leader).toBe(2);
  });

  it("asks again with growing patience", () => {
    const timing = { notificationRetryMs: 50, notificationRetryMaxMs: 400 };
    const bench = new Bench({ sid: 1, timing });
    bench.step({ kind: "tick" });

    const { after } = bench.pass(2000);

    const rounds = after.filter(({ kind }) => kind === "notify").length / 2;
    expect(rounds).toBeGreaterThanOrEqual(5);
    expect(rounds).toBeLessThanOrEqual(8);
  });

  it("does not hear a superseded instance, nor an old word of the present one", () => {
    const bench = new Bench({ sid: 1 });
    bench.step({ kind: "tick" });
    bench.hear(2, { instance: 5, sequence: 3 });

    bench.hear(2, { instance: 4, sequence: 9, vote: { leader: 3, ...EMPTY } });
    bench.hear(2, { instance: 5, sequence: 2, vote: { leader: 3, ...EMPTY } });

    expect(bench.peer.notification().vote.leader).toBe(2);
    expect(bench.peer.status().dropped).toEqual({ "notification: stale": 2 });
  });

  it("drops and counts votes of strangers, of itself and for strangers", () => {
    const bench = new Bench({ sid: 1, observers: [8] });
    bench.step({ kind: "tick" });

    bench.hear(8, {});
    bench.hear(9, {});
    bench.hear(1, {});
    bench.hear(2, { vote: { leader: 8, zxid: zxid(9, 9), peerEpoch: 9 } });
    bench.hear(3, { electionRound: 2 ** 60 });

    expect(bench.peer.notification().vote.leader).toBe(1);
    expect(bench.peer.status().dropped).toEqual({
      "notification: sid": 3,
      "notification: malformed": 2,
    });
  });
});

describe("votes out of election", () => {
  const vote = { leader: 2, zxid: zxid(4, 1), peerEpoch: 4 };

  it("bring a restarted peer to an established leader at once, whatever the round", () => {
    const bench = new Bench({ sid: 1, voters: [1, 2, 3, 4, 5] });
    bench.step({ kind: "tick" });

    bench.hear(3, { state: "following", electionRound: 9, vote });
    bench.hear(2, { state: "leading", electionRound: 9, vote });

    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 2 });
    expect(bench.peer.notification().electionRound).toBe(9);
  });

  it("do not elect a leader that has not said itself that it leads", () => {
    const bench = new Bench({ sid: 1, voters: [1, 2, 3, 4, 5] });
    bench.step({ kind: "tick" });

    for (const from of [3, 4, 5]) bench.hear(from, { state: "following", electionRound: 9, vote });
    bench.pass(1000);

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("count for nothing once their sender looks again", () => {
    const bench = new Bench({ sid: 1, voters: [1, 2, 3, 4, 5] });
    bench.step({ kind: "tick" });
    bench.hear(3, { state: "following", sequence: 1, electionRound: 9, vote });
    bench.hear(3, { state: "looking", sequence: 2, electionRound: 1 });

    bench.hear(2, { state: "leading", electionRound: 9, vote });

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("do not make a peer lead for followers of an earlier round of its own", () => {
    const bench = new Bench({ sid: 2 });
    bench.step({ kind: "tick" });

    bench.hear(1, { state: "following", electionRound: 9, vote });
    bench.hear(3, { state: "following", electionRound: 9, vote });

    expect(bench.peer.phase.role).toBe("looking");
  });
});

describe("who does not look", () => {
  it("an only voter leads at once", () => {
    const bench = new Bench({ sid: 1, voters: [1] });

    bench.step({ kind: "tick" });

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
    expect(bench.peer.nextZxid).toEqual(zxid(1, 1));
  });

  it("a leader is not disturbed by a late voter with a better vote", () => {
    const bench = new Bench({ sid: 1 }).lead(1);

    bench.hear(3, { sequence: 2, electionRound: 99, vote: { leader: 3, zxid: zxid(9, 9), peerEpoch: 9 } });

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });

  it("an observer never votes, and joins whoever leads", () => {
    const bench = new Bench({ sid: 4, observers: [4] });
    bench.step({ kind: "tick" });
    const vote = { leader: 2, ...EMPTY };

    bench.hear(1, { vote });
    bench.hear(2, { vote });
    bench.hear(3, { vote });
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(1, { sequence: 2, state: "following", vote });
    bench.hear(2, { sequence: 2, state: "leading", vote });
    expect(bench.peer.phase).toMatchObject({ role: "observing", leader: 2 });
  });
});
