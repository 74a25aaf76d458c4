/**
 * Fast Leader Election, a test for each of its rules. Source: ZooKeeper FastLeaderElection; Medeiros, "ZooKeeper's
 * atomic broadcast protocol: theory and practice" (2012), section 4.1 and Algorithm 4. Departures are told in
 * election.ts.
 */
import { describe, expect, it } from "vitest";
import { compareVotes } from "../../../src/zab/election.ts";
import type { Vote } from "../../../src/zab/message.ts";
import { Bench, type BenchOptions, proposals, zxid } from "../bench.ts";

const PEERS = [1, 2, 3, 4, 5];
/** What each of five peers has on disk: 1:1 to 1:5 in epoch 1. */
const image = { log: proposals(1, 1, 5), acceptedEpoch: 1, currentEpoch: 1 };

function voteFor(leader: number, of: Partial<Vote> = {}): Vote {
  return { leader, zxid: zxid(1, 5), peerEpoch: 1, ...of };
}

/** A peer that has begun to look, as sid 3 of five unless told otherwise. */
function looking(options: BenchOptions = {}): Bench {
  const bench = new Bench({ sid: 3, voters: PEERS, image, ...options });
  bench.step({ kind: "tick" });
  return bench;
}

/** To whom a step sends notifications, with the vote that they carry. */
function told(effects: ReturnType<Bench["step"]>): readonly [number, Vote][] {
  return effects.after.flatMap((one) => (one.kind === "notify" ? [[one.to, one.notification.vote]] : []));
}

describe("the order of votes", () => {
  it("is by peerEpoch, then zxid, then sid, and total", () => {
    const votes: Vote[] = [];
    for (const peerEpoch of [1, 2]) {
      for (const last of [zxid(1, 1), zxid(1, 2), zxid(2, 1)]) {
        for (const leader of [1, 2]) votes.push({ peerEpoch, zxid: last, leader });
      }
    }

    for (const [a, first] of votes.entries()) {
      for (const [b, second] of votes.entries()) {
        expect(Math.sign(compareVotes(first, second))).toBe(Math.sign(a - b));
      }
    }
  });

  it("prefers the later epoch entered to the later zxid: a tail of an old epoch is not what a quorum has", () => {
    const bench = looking();

    bench.hear(2, { vote: voteFor(2, { peerEpoch: 2, zxid: zxid(1, 1) }) });

    expect(bench.peer.notification().vote.leader).toBe(2);
  });
});

describe("a round", () => {
  it("begins with a vote for oneself, sent to every other voter", () => {
    const bench = new Bench({ sid: 3, voters: PEERS, image });

    const effects = bench.step({ kind: "tick" });

    expect(told(effects)).toEqual([1, 2, 4, 5].map((sid) => [sid, voteFor(3)]));
    expect(bench.peer.notification()).toMatchObject({ state: "looking", electionRound: 1 });
  });

  it("passes a better vote on to every voter, and a worse one to nobody", () => {
    const bench = looking();

    expect(told(bench.hear(2, { vote: voteFor(2) }))).toEqual([]);
    expect(told(bench.hear(5, { vote: voteFor(5) }))).toEqual([1, 2, 4, 5].map((sid) => [sid, voteFor(5)]));
  });

  it("that is later resets the tally: votes of the round before count no more", () => {
    const bench = looking();
    for (const sid of [1, 2]) bench.hear(sid, { vote: voteFor(3) });

    bench.hear(4, { electionRound: 2, vote: voteFor(3) });
    bench.pass(1000);
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(1, { sequence: 2, electionRound: 2, vote: voteFor(3) });
    bench.pass(300);
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });
  });

  it("that is later begins with the better of the sender's vote and one's own, not of what one had adopted", () => {
    const bench = looking();
    bench.hear(5, { vote: voteFor(5) });
    expect(bench.peer.notification().vote.leader).toBe(5);

    const effects = bench.hear(2, { electionRound: 2, vote: voteFor(2) });

    expect(bench.peer.notification()).toMatchObject({ electionRound: 2, vote: voteFor(3) });
    expect(told(effects)).toHaveLength(4);
  });

  it("that is earlier is ignored, however good its vote, and answered with the later round", () => {
    const bench = looking();
    bench.hear(2, { electionRound: 7, vote: voteFor(2) });

    const effects = bench.hear(5, { electionRound: 6, vote: voteFor(5, { peerEpoch: 9 }) });

    expect(told(effects)).toEqual([]);
    expect(bench.peer.notification()).toMatchObject({ electionRound: 7, vote: voteFor(3) });
  });

  it("follows each time that a leader is lost", () => {
    const bench = looking();
    bench.hear(5, { vote: voteFor(5), state: "leading", electionRound: 4 });
    bench.hear(4, { vote: voteFor(5), state: "following", electionRound: 4 });
    bench.step({ kind: "linkFailed", to: 5 });

    expect(bench.peer.notification()).toMatchObject({ state: "looking", electionRound: 5, vote: voteFor(3) });
  });
});

describe("the end of an election", () => {
  it("comes at once when every voter has answered alike", () => {
    const bench = looking();
    for (const sid of [1, 2, 4]) bench.hear(sid, { vote: voteFor(5) });
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(5, { vote: voteFor(5) });

    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 5 });
  });

  it("waits finalizeWaitMs with a mere quorum, and a better vote meanwhile begins the wait anew", () => {
    const bench = looking({ timing: { finalizeWaitMs: 200 } });
    for (const sid of [1, 2]) bench.hear(sid, { vote: voteFor(3) });
    bench.pass(180);

    bench.hear(5, { vote: voteFor(5) });
    for (const sid of [1, 2]) bench.hear(sid, { sequence: 2, vote: voteFor(5) });
    bench.pass(180);
    expect(bench.peer.phase.role).toBe("looking");

    bench.pass(40);
    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 5 });
  });

  it("does not come while a quorum agrees on another than oneself does", () => {
    const bench = looking();

    for (const sid of [1, 2, 4]) bench.hear(sid, { vote: voteFor(2) });
    bench.pass(1000);

    expect(bench.peer.notification().vote.leader).toBe(3);
    expect(bench.peer.phase.role).toBe("looking");
  });

  it("counts of each voter its latest word only", () => {
    const bench = looking();
    bench.hear(1, { sequence: 1, vote: voteFor(3) });
    bench.hear(1, { sequence: 2, vote: voteFor(1) });

    bench.hear(2, { vote: voteFor(3) });
    bench.pass(1000);

    expect(bench.peer.phase.role).toBe("looking");
  });
});

describe("an established ensemble", () => {
  const established = { electionRound: 9, vote: voteFor(2, { peerEpoch: 4, zxid: zxid(4, 7) }) };

  it("is joined once its leader says that it leads and a quorum, oneself included, is with it", () => {
    const bench = looking();
    bench.hear(2, { state: "leading", ...established });
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(1, { state: "following", ...established });

    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 2 });
    expect(bench.peer.notification().electionRound).toBe(9);
  });

  it("is not joined on hearsay: a leader that is silent is followed by nobody anew (checkLeader)", () => {
    const bench = looking();

    for (const sid of [1, 4, 5]) bench.hear(sid, { state: "following", ...established });
    bench.pass(1000);

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("does not make oneself lead who is said to lead, but in an earlier round (checkLeader)", () => {
    const bench = looking();
    const vote = voteFor(3);

    for (const sid of [1, 4, 5]) bench.hear(sid, { state: "following", electionRound: 9, vote });

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("is joined whatever better vote one has: an established leader is not disturbed", () => {
    const log = [...proposals(1, 1, 5), ...proposals(3, 1, 9)];
    const bench = looking({ image: { log, acceptedEpoch: 9, currentEpoch: 9 } });

    bench.hear(2, { state: "leading", ...established });
    bench.hear(1, { state: "following", ...established });

    expect(bench.peer.phase).toMatchObject({ role: "following", leader: 2 });
  });

  it("answers who looks and goes on: neither leader nor follower enters the round of a latecomer", () => {
    const leader = new Bench({ image }).lead(2);
    const follower = new Bench({ image }).follow();
    const late = { sequence: 2, electionRound: 99, vote: voteFor(2, { peerEpoch: 9, zxid: zxid(9, 9) }) };

    leader.hear(2, late);
    follower.hear(2, late);

    expect(leader.peer.notification()).toMatchObject({
      state: "leading",
      electionRound: 1,
      vote: { leader: 1 },
    });
    expect(follower.peer.notification()).toMatchObject({ state: "following", vote: { leader: 3 } });
  });

  it("counts a voter no more that looks again", () => {
    const bench = looking();
    bench.hear(1, { sequence: 1, state: "following", ...established });
    bench.hear(1, { sequence: 2, state: "looking", vote: voteFor(1) });

    bench.hear(2, { state: "leading", ...established });

    expect(bench.peer.phase.role).toBe("looking");
  });
});

describe("who is heard", () => {
  it("is the latest instance of a replica: what a superseded one still says is dropped", () => {
    const bench = looking();
    bench.hear(5, { instance: 8, vote: voteFor(5) });

    bench.hear(5, { instance: 7, sequence: 99, electionRound: 50, vote: voteFor(4) });

    expect(bench.peer.notification()).toMatchObject({ electionRound: 1, vote: voteFor(5) });
    expect(bench.peer.status().dropped).toEqual({ "notification: stale": 1 });
  });

  it("is a new instance at once, though its sequence begins anew", () => {
    const bench = looking();
    bench.hear(5, { instance: 7, sequence: 99, vote: voteFor(5, { zxid: zxid(1, 4) }) });

    bench.hear(5, { instance: 8, sequence: 1, vote: voteFor(5) });

    expect(bench.peer.notification().vote).toEqual(voteFor(5));
  });

  it("is no observer, and nobody elects one", () => {
    const bench = looking({ observers: [6] });

    bench.hear(6, { vote: voteFor(5) });
    bench.hear(1, { vote: voteFor(6, { peerEpoch: 9 }) });

    expect(bench.peer.notification().vote).toEqual(voteFor(3));
  });
});

describe("an observer", () => {
  it("votes for nobody and is counted by nobody, not even itself", () => {
    const bench = looking({ sid: 6, observers: [6] });

    for (const sid of [1, 2, 3, 4]) bench.hear(sid, { vote: voteFor(5) });
    bench.hear(5, { sequence: 1, state: "leading", vote: voteFor(5) });
    bench.hear(4, { sequence: 2, state: "following", vote: voteFor(5) });
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(3, { sequence: 2, state: "following", vote: voteFor(5) });
    expect(bench.peer.phase).toMatchObject({ role: "observing", leader: 5 });
  });
});
