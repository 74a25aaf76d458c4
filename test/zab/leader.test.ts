/** A leader's side of discovery, synchronization and broadcast; the test plays its learners. */
import { describe, expect, it } from "vitest";
import type { Zxid } from "../../src/base/zxid.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import type { Voice, ZabMessage } from "../../src/zab/message.ts";
import { Bench, type BenchOptions, proposal, proposals, sentAfter, sentFree, zxid } from "./bench.ts";

/** Makes it lead, with links 7 and 8 to voters 2 and 3, nothing said on them. */
function elected(options: BenchOptions = {}): Bench {
  const bench = new Bench(options);
  bench.step({ kind: "tick" });
  const { vote } = bench.peer.notification();
  for (const sid of [2, 3]) bench.hear(sid, { vote });
  for (const sid of [2, 3]) bench.open(sid + 5, sid, "from-learner");
  return bench;
}

function ackEpoch(
  ends: readonly Zxid[],
  rest: { currentEpoch?: number; promised?: boolean; voice?: Voice } = {},
): ZabMessage {
  const last = ends.at(-1) ?? zxid(0, 0);
  const history = { last, epochEnds: ends };
  return {
    kind: "ackEpoch",
    promised: true,
    currentEpoch: 0,
    history,
    voice: "full",
    lastDelivered: zxid(0, 0),
    ...rest,
  };
}

const EMPTY = [zxid(0, 0)];

describe("discovery (Zab, Algorithm 1)", () => {
  it("chooses an epoch above all that a quorum has promised, durably before it says so", () => {
    const bench = elected({ image: { acceptedEpoch: 3, currentEpoch: 2 } });

    const effects = bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 6 });

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 7, currentEpoch: 2 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toEqual([{ kind: "leaderInfo", newEpoch: 7 }]);
  });

  it("resigns when a voter of the quorum has the later history", () => {
    const bench = elected({ image: { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 } });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 1 });

    bench.receive(7, ackEpoch([zxid(0, 0), zxid(1, 4)], { currentEpoch: 1 }));

    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().lastElectionReason).toBe("voter 2 has the later history 1:4");
  });

  it("counts the later currentEpoch as the later history, not the later zxid alone", () => {
    const bench = elected({ image: { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 } });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 2 });

    bench.receive(7, ackEpoch([zxid(0, 0), zxid(1, 3)], { currentEpoch: 2 }));

    expect(bench.peer.phase.role).toBe("looking");
  });

  it("does not count a promise that was made before, and resigns when no quorum is left to make it", () => {
    const bench = elected();
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 0 });
    bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 1 });

    bench.receive(7, ackEpoch(EMPTY, { promised: false }));
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });

    bench.receive(8, ackEpoch(EMPTY, { promised: false }));
    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().lastElectionReason).toBe("the epoch was promised before");
  });

  it("without history does not begin one over a fresh voter that has begun to fill", () => {
    for (const last of [zxid(1, 2), zxid(0, 0)]) {
      const bench = elected({ image: { log: [], acceptedEpoch: 1, currentEpoch: 1 } });
      bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 1 });
      bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 0 });
      const epochEnds = last.epoch === 0 ? EMPTY : [...EMPTY, last];

      bench.receive(7, ackEpoch(epochEnds, { currentEpoch: 0, voice: "fresh" }));
      bench.receive(8, ackEpoch(EMPTY, { currentEpoch: 0, voice: "fresh" }));

      const stage = last.epoch === 0 ? "synchronization" : "discovery";
      expect(bench.peer.phase).toEqual({ role: "leading", stage });
    }
  });

  it("starts a new epoch for a voter that has promised a later one", () => {
    const bench = new Bench().lead(1);
    bench.open(8, 3, "from-learner");

    bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 5 });

    expect(bench.peer.status().lastElectionReason).toBe("replica 3 has promised epoch 5");
  });

  it("adopts a link that was opened while it was still looking, with what came on it", () => {
    const bench = new Bench();
    bench.step({ kind: "tick" });
    bench.open(7, 2, "from-learner");
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 0 });
    const { vote } = bench.peer.notification();
    bench.hear(2, { vote });

    const effects = bench.hear(3, { vote });

    expect(sentAfter(effects)[0]).toEqual({ kind: "leaderInfo", newEpoch: 1 });
  });

  it("closes such a link after a while, and at once when it follows another", () => {
    const bench = new Bench();
    bench.step({ kind: "tick" });
    bench.open(7, 2, "from-learner");
    const late = bench.pass(1100);
    expect(late.after).toContainEqual({ kind: "closeLink", link: 7, reason: "not leading" });

    bench.follow();
    const refused = bench.open(8, 2, "from-learner");
    expect(refused.after).toContainEqual({ kind: "closeLink", link: 8, reason: "not leading" });
  });
});

describe("synchronization (Zab, Algorithm 2)", () => {
  const image = { log: [...proposals(1, 1, 5), ...proposals(3, 1, 2)], acceptedEpoch: 3, currentEpoch: 3 };

  it("enters the epoch durably before it says NEWLEADER, and sends what the learner lacks before", () => {
    const bench = elected({ image });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 3 });

    const effects = bench.receive(7, ackEpoch([zxid(0, 0), zxid(1, 4)]));

    expect(effects.writes).toEqual([{ kind: "epochs", acceptedEpoch: 4, currentEpoch: 4 }]);
    expect(effects.free).toEqual([]);
    expect(sentAfter(effects)).toEqual([
      { kind: "diff", after: zxid(1, 4) },
      { kind: "propose", proposals: [...proposals(1, 5, 5), ...proposals(3, 1, 2)] },
      { kind: "newLeader", epoch: 4, last: zxid(3, 2) },
    ]);
  });

  it("has an old leader forget its tail", () => {
    const bench = elected({ image });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 3 });

    const effects = bench.receive(7, ackEpoch([zxid(0, 0), zxid(1, 9), zxid(2, 2)], { currentEpoch: 2 }));

    expect(sentAfter(effects)[0]).toEqual({ kind: "truncate", after: zxid(1, 5) });
    expect(sentAfter(effects)[1]).toEqual({ kind: "propose", proposals: proposals(3, 1, 2) });
  });

  it("sends a snapshot to whom only that helps, in parts as the window allows, and says why", () => {
    const bench = elected({
      image: { ...image, base: zxid(1, 2), log: proposals(1, 3, 5), lastDelivered: zxid(1, 2) },
    });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 3 });

    const effects = bench.receive(7, ackEpoch(EMPTY));

    const reason = "no epoch in common with 0:0";
    expect(sentAfter(effects)).toContainEqual({ kind: "snapshot", reason });
    expect(bench.peer.status().learners[0]).toMatchObject({ sid: 2, snapshot: reason });
    expect(bench.peer.snapshotsWanted()).toEqual([{ link: 7, sid: 2, notBefore: zxid(0, 0) }]);

    const payload = new Uint8Array(DEFAULT_TIMING.learnerWindowBytes);
    bench.step({ kind: "snapshotPart", link: 7, payload });
    expect(bench.peer.snapshotsWanted()).toEqual([]);
    bench.receive(7, { kind: "snapshotAck", parts: 1 });
    expect(bench.peer.snapshotsWanted()).toHaveLength(1);

    const end = { last: zxid(1, 2), payload: new Uint8Array(1) };
    const last = bench.step({ kind: "snapshotPart", link: 7, payload: new Uint8Array(2), end });
    expect(sentAfter(last)).toEqual([
      { kind: "snapshotPart", payload: new Uint8Array(2) },
      { kind: "snapshotEnd", ...end },
    ]);
    expect(bench.peer.snapshotsWanted()).toEqual([]);
  });

  it("keeps a window of unacknowledged history", () => {
    const bench = elected({
      image: {
        log: [1, 2, 3, 4].map((counter) => proposal(1, counter, 700_000)),
        acceptedEpoch: 1,
        currentEpoch: 1,
      },
      timing: { learnerWindowBytes: 1_000_000 },
    });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 3 });

    const first = sentAfter(bench.receive(7, ackEpoch(EMPTY)));
    expect(first.map(({ kind }) => kind)).toEqual(["diff", "propose", "propose"]);

    const second = sentFree(bench.receive(7, { kind: "ack", upTo: zxid(1, 1) }));
    expect(second.map(({ kind }) => kind)).toEqual(["propose"]);
  });

  it("commits its whole history once a quorum has acknowledged NEWLEADER, not before", () => {
    const bench = elected({ image });
    bench.receive(7, { kind: "learnerInfo", acceptedEpoch: 3 });
    bench.receive(7, ackEpoch(EMPTY));
    bench.receive(7, { kind: "ack", upTo: zxid(3, 2) });
    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));

    const effects = bench.receive(7, { kind: "ackNewLeader", epoch: 4 });

    expect(effects.after).toContainEqual({ kind: "committed", upTo: zxid(3, 2) });
    expect(sentAfter(effects)).toEqual([{ kind: "upToDate", committed: zxid(3, 2) }]);
    expect(bench.peer.nextZxid).toEqual(zxid(4, 1));
  });
});

describe("broadcast (Zab, Algorithm 3)", () => {
  it("lets PROPOSE outrun its own write, and commits with the first acknowledgement", () => {
    const bench = new Bench().lead(1);

    const proposed = bench.step({ kind: "propose", proposals: proposals(1, 1, 3) });
    expect(sentFree(proposed)).toEqual([{ kind: "propose", proposals: proposals(1, 1, 3) }]);
    expect(proposed.writes).toEqual([{ kind: "append", proposals: proposals(1, 1, 3) }]);
    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));

    const acknowledged = bench.receive(7, { kind: "ack", upTo: zxid(1, 2) });
    expect(acknowledged.after).toContainEqual({ kind: "committed", upTo: zxid(1, 2) });
  });

  it("tells a voter with which it is a quorum what its own disk has, behind that write, and no COMMIT then", () => {
    const bench = new Bench().lead(1);

    const proposed = bench.step({ kind: "propose", proposals: proposals(1, 1, 3) });
    expect(sentAfter(proposed)).toEqual([{ kind: "leaderAck", upTo: zxid(1, 3) }]);

    const acknowledged = bench.receive(7, { kind: "ack", upTo: zxid(1, 3) });
    expect(bench.peer.lastCommitted).toEqual(zxid(1, 3));
    expect([...sentFree(acknowledged), ...sentAfter(acknowledged)]).toEqual([]);
  });

  it("an only voter commits behind its own write", () => {
    const bench = new Bench({ voters: [1], observers: [2] });
    bench.step({ kind: "tick" });

    const effects = bench.step({ kind: "propose", proposals: proposals(1, 1, 2) });

    expect(effects.writes).toHaveLength(1);
    expect(effects.after).toEqual([{ kind: "committed", upTo: zxid(1, 2) }]);
    expect(bench.peer.outstandingProposals).toBe(0);
  });

  it("proposes to all that sent ACKEPOCH, counts who acknowledged NEWLEADER (Zab specification, issue 1)", () => {
    const bench = new Bench({ voters: [1, 2, 3, 4, 5] });
    bench.step({ kind: "tick" });
    const { vote } = bench.peer.notification();
    for (const sid of [2, 3, 4, 5]) bench.hear(sid, { vote });
    for (const link of [2, 3, 4, 5]) {
      bench.open(link, link, "from-learner");
      bench.receive(link, { kind: "learnerInfo", acceptedEpoch: 0 });
    }
    for (const link of [2, 3, 4]) bench.receive(link, ackEpoch(EMPTY));
    for (const link of [2, 3]) bench.receive(link, { kind: "ackNewLeader", epoch: 1 });

    const proposed = bench.step({ kind: "propose", proposals: proposals(1, 1, 1) });
    expect(proposed.free.map(({ link }) => link)).toEqual([2, 3, 4]);
    expect(sentAfter(proposed), "no two of five are a quorum").toEqual([]);

    bench.receive(4, { kind: "ack", upTo: zxid(1, 1) });
    bench.receive(2, { kind: "ack", upTo: zxid(1, 1) });
    expect(bench.peer.lastCommitted).toEqual(zxid(0, 0));

    bench.receive(4, { kind: "ackNewLeader", epoch: 1 });
    expect(bench.peer.lastCommitted).toEqual(zxid(1, 1));
  });

  it("hands equally far learners the very same message", () => {
    const bench = elected();
    for (const link of [7, 8]) bench.receive(link, { kind: "learnerInfo", acceptedEpoch: 0 });
    for (const link of [7, 8]) bench.receive(link, ackEpoch(EMPTY));
    for (const link of [7, 8]) bench.receive(link, { kind: "ackNewLeader", epoch: 1 });

    const [first, second] = sentFree(bench.step({ kind: "propose", proposals: proposals(1, 1, 1) }));

    expect(first).toBeDefined();
    expect(second).toBe(first);
  });

  it("asserts that proposals carry the next zxid, in sequence", () => {
    const bench = new Bench().lead(1);

    expect(() => bench.step({ kind: "propose", proposals: proposals(1, 2, 2) })).toThrow(
      "1:2 is the next zxid",
    );
  });

  it("takes no more than its bounds", () => {
    const bench = new Bench({ timing: { outstandingProposalsMax: 3 } }).lead(1);
    bench.step({ kind: "propose", proposals: proposals(1, 1, 3) });

    expect(bench.peer.canPropose()).toBe(false);
    bench.receive(7, { kind: "ack", upTo: zxid(1, 3) });
    expect(bench.peer.canPropose()).toBe(true);
  });

  it("hands over to a new epoch before the counter wraps (ZOOKEEPER-2789)", () => {
    const bench = new Bench({ timing: { counterLimit: 3 } }).lead(1);
    bench.step({ kind: "propose", proposals: proposals(1, 1, 2) });
    expect(bench.peer.canPropose()).toBe(false);

    bench.receive(7, { kind: "ack", upTo: zxid(1, 2) });

    expect(bench.peer.lastCommitted).toEqual(zxid(1, 2));
    expect(bench.peer.status().lastElectionReason).toBe("the epoch's counter is used up");
  });

  it("drops a silent learner, and resigns without a quorum that is heard", () => {
    const bench = new Bench().lead(1);

    const effects = bench.pass(1700);

    expect(effects.after).toContainEqual({ kind: "closeLink", link: 7, reason: "silent" });
    expect(bench.peer.phase.role).toBe("looking");
    expect(bench.peer.status().lastElectionReason).toBe("no quorum is heard");
  });

  it("does not resign for a stall of its own", () => {
    const bench = new Bench().lead(1);

    bench.nowMs += 60_000;
    bench.step({ kind: "tick" });

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });

  it("keeps leading a while when a link breaks, for its learner to come back", () => {
    const bench = new Bench().lead(1);

    bench.step({ kind: "linkClosed", link: 7 });
    bench.pass(500);

    expect(bench.peer.phase).toEqual({ role: "leading", stage: "broadcast" });
  });

  it.each([
    ["ack beyond what was sent", { kind: "ack", upTo: zxid(9, 9) }, "ack"],
    ["ackNewLeader twice", { kind: "ackNewLeader", epoch: 1 }, "ackNewLeader"],
    ["ackEpoch twice", ackEpoch(EMPTY), "ackEpoch"],
    ["learnerInfo twice", { kind: "learnerInfo", acceptedEpoch: 0 }, "learnerInfo"],
    ["a proposal", { kind: "propose", proposals: [] }, "propose"],
  ] as const)("drops a learner for %s, and counts it", (_, message, kind) => {
    const bench = new Bench().lead(1);

    const effects = bench.receive(7, message);

    expect(effects.after).toContainEqual({ kind: "closeLink", link: 7, reason: `${kind} was not expected` });
    expect(bench.peer.status().dropped).toEqual({ [`from learner: ${kind}`]: 1 });
  });

  it("turns strangers away", () => {
    const bench = new Bench().lead(1);

    bench.open(5, 77, "from-learner");
    const { after } = bench.receive(5, { kind: "learnerInfo", acceptedEpoch: 0 });

    expect(after).toContainEqual({ kind: "closeLink", link: 5, reason: "no member" });
  });
});
