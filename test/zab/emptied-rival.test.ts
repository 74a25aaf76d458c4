/**
 * What a voter has promised it may forget, when its disk is lost, and be let in by another leader. Five voters: peer 1
 * wants to lead epoch 2 with the promises of 2 and 3. Voter 2 is emptied, comes to the leader of epoch 1, and
 * acknowledges what commits there; so what 2 has said to peer 1 proves nothing any more, and peer 1 is not told.
 */
import { describe, expect, it } from "vitest";
import type { Zxid } from "../../src/base/zxid.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import type { ZabMessage } from "../../src/zab/message.ts";
import { Bench, proposals, sentAfter, zxid } from "./bench.ts";

function ackEpoch(last: Zxid): ZabMessage {
  const history = { last, epochEnds: [zxid(0, 0), last] };
  const base = { lastDelivered: zxid(0, 0), voice: "full", promised: true } as const;
  return { kind: "ackEpoch", currentEpoch: 1, history, ...base };
}

/** Voter sid opens link 10 + sid and promises epoch 2, with a history up to `last`. */
function promise(bench: Bench, sid: number, last: Zxid): ReturnType<typeof sentAfter> {
  bench.open(10 + sid, sid, "from-learner");
  bench.receive(10 + sid, { kind: "learnerInfo", acceptedEpoch: 1 });
  return sentAfter(bench.receive(10 + sid, ackEpoch(last)));
}

/** Peer 1 is through discovery with voters 2 and 3, whose histories are its own. */
function rival(): Bench {
  const image = { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 };
  const bench = new Bench({ voters: [1, 2, 3, 4, 5], image });
  bench.step({ kind: "tick" });
  const { vote } = bench.peer.notification();
  for (const sid of [2, 3]) bench.hear(sid, { vote, voice: "full" });
  bench.pass(DEFAULT_TIMING.finalizeWaitMs + 20);
  for (const sid of [2, 3]) {
    bench.open(10 + sid, sid, "from-learner");
    bench.receive(10 + sid, { kind: "learnerInfo", acceptedEpoch: 1 });
  }
  for (const sid of [2, 3]) bench.receive(10 + sid, ackEpoch(zxid(1, 3)));
  expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });
  return bench;
}

describe("a leader that is not established", () => {
  it("leaves where a voter comes with a later history: the promise that counted instead may be forgotten", () => {
    const bench = rival();
    bench.step({ kind: "linkClosed", link: 12 });

    const answer = promise(bench, 4, zxid(1, 4));

    expect(answer).toEqual([]);
    expect(bench.peer.phase).toEqual({ role: "looking" });
    expect(bench.peer.status().lastElectionReason).toBe("voter 4 has the later history 1:4");
  });

  it("is not by who acknowledged NEWLEADER before another promised, and was not heard since", () => {
    const bench = rival();
    bench.receive(12, { kind: "ackNewLeader", epoch: 2 });
    bench.step({ kind: "linkClosed", link: 13 });
    promise(bench, 4, zxid(1, 3));
    bench.receive(14, { kind: "ackNewLeader", epoch: 2 });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });

    bench.pass(2 * DEFAULT_TIMING.heartbeatIntervalMs);
    bench.receive(14, { kind: "pong" });
    bench.receive(14, { kind: "pong" });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });

    bench.receive(12, { kind: "pong" });
    bench.receive(12, { kind: "pong" });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });

  it("is at once by those that acknowledged NEWLEADER after all of them had promised", () => {
    const bench = rival();
    bench.receive(12, { kind: "ackNewLeader", epoch: 2 });
    bench.receive(13, { kind: "ackNewLeader", epoch: 2 });

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });
});

describe("a leader that stood still for longer than others wait for it", () => {
  it("takes no learner for one that is there before it has heard it again", () => {
    const bench = rival();
    for (const sid of [2, 3]) bench.receive(10 + sid, { kind: "ackNewLeader", epoch: 2 });
    const heard = (): readonly boolean[] => bench.peer.status().learners.map(({ isHeard }) => isHeard);
    bench.nowMs += DEFAULT_TIMING.heartbeatLimitMs;
    bench.step({ kind: "tick" });
    expect(heard()).toEqual([true, true]);

    bench.nowMs += DEFAULT_TIMING.heartbeatLimitMs + 1;
    bench.receive(12, { kind: "pong" });
    expect(heard()).toEqual([false, false]);

    bench.pass(20);
    bench.receive(12, { kind: "pong" });
    expect(heard()).toEqual([true, false]);
  });
});
