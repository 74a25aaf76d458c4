/** Each invariant is broken by a run made by hand that is right but for one thing; and right runs break none. */
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import type { Txn } from "../../../src/base/txn.ts";
import type { Proposal } from "../../../src/zab/message.ts";
import { Violation } from "../verdict.ts";
import { INVARIANTS, type InvariantName } from "./names.ts";
import { Script } from "./script.ts";

const SESSION = 0x1000n;
const TIMEOUT_MS = 4000;
const CREATION: Txn = { kind: "createSession", timeoutMs: TIMEOUT_MS, password: new Uint8Array(16) };
const FIRST = { epoch: 1, counter: 1 };

/** Three replicas, started; replica 3 leads epoch 1, and all have delivered 1:1, which made a session. */
function opening(): Script {
  const script = new Script();
  for (const sid of script.sids) script.start(sid);
  script.reign(3, 1);
  script.commit(3, script.next(3, 1, CREATION, SESSION));
  script.welcome(3, SESSION, TIMEOUT_MS);
  return script;
}

/** The replica's latest proposal. */
function latest(script: Script, sid: number): Proposal {
  return must(script.actor(sid).held.log.at(-1), "a proposal");
}

/** Replica 3 proposes 1:2, which replica 2 has, too; then replica 1 leads epoch 2 without it. */
function divide(script: Script): Proposal {
  const early = script.next(3, 1);
  script.append(3, early);
  script.append(2, early);
  script.reign(1, 2);
  return early;
}

/** A tree that has made something else of the same zxids. */
function tamper(script: Script, sid: number): void {
  const { held } = script.actor(sid);
  const other: Txn = { kind: "createSession", timeoutMs: TIMEOUT_MS + 1, password: new Uint8Array(16) };
  held.applied = held.applied.map(({ zxid }, index) =>
    index === 0 ? script.proposal(zxid, other, SESSION) : script.proposal(zxid),
  );
}

/** What makes the run wrong. */
const PLANTS: ReadonlyArray<readonly [InvariantName, string, (script: Script) => void]> = [
  ["Leadership1", "a second leader of an epoch", (script) => script.enter(2, 1, "synchronization")],
  [
    "Leadership2",
    "a second leader of an epoch that is led no more",
    (script) => {
      script.resign(3);
      script.enter(2, 1, "synchronization");
    },
  ],
  [
    "Integrity",
    "a delivery of what nobody broadcast",
    (script) => {
      script.append(1, script.next(1, 1));
      script.turn(1, { upTo: latest(script, 1).zxid });
    },
  ],
  [
    "Agreement",
    "two replicas of which each delivers what the other lacks",
    (script) => {
      const early = divide(script);
      script.append(1, script.next(1, 2));
      script.turn(1, { upTo: latest(script, 1).zxid });
      script.turn(2, { upTo: early.zxid });
    },
  ],
  [
    "LocalPrimaryOrder",
    "a leader that proposes two things under one zxid, of which the later is delivered",
    (script) => {
      script.append(3, script.next(3, 1));
      script.turn(3, { writes: [{ kind: "truncate", after: FIRST }] });
      script.commit(3, script.next(3, 1));
    },
  ],
  [
    "PrimaryIntegrity",
    "a delivery in an old epoch after a primary of a later one broadcast without it",
    (script) => {
      const early = divide(script);
      script.append(1, script.next(1, 2));
      script.turn(2, { upTo: early.zxid });
    },
  ],
  [
    "EpochsNeverFall",
    "a currentEpoch that is taken back",
    (script) => {
      const epochs = { acceptedEpoch: 1, currentEpoch: 0 };
      script.turn(1, { writes: [{ kind: "epochs", ...epochs }] });
    },
  ],
  [
    "EpochsNeverFall",
    "a follower that enters an epoch below its promise",
    (script) => {
      script.promise(1, 3, 2);
      script.send(1, 3, { kind: "ackNewLeader", epoch: 1 });
    },
  ],
  [
    "EpochsNeverFall",
    "a currentEpoch above the acceptedEpoch",
    (script) => script.turn(1, { writes: [{ kind: "epochs", acceptedEpoch: 1, currentEpoch: 2 }] }),
  ],
  [
    "HistoryHasNoHole",
    "a zxid left out",
    (script) => script.append(3, script.proposal({ epoch: 1, counter: 3 })),
  ],
  [
    "HistoryHasNoHole",
    "a cut at a zxid that is not there",
    (script) => script.turn(1, { writes: [{ kind: "truncate", after: { epoch: 1, counter: 7 } }] }),
  ],
  [
    "DigestsEqual",
    "a tree that made something else of the same proposals",
    (script) => {
      tamper(script, 1);
      script.actor(1).rebuild();
      script.commit(3, script.next(3, 1));
    },
  ],
  [
    "SnapshotIsWhole",
    "a snapshot that is not the state of its zxid",
    (script) => {
      tamper(script, 1);
      script.turn(1, { writes: [{ kind: "install", last: FIRST }] });
      script.crash(1);
      script.start(1);
    },
  ],
  [
    "StoredIsRead",
    "a disk that lost what was durable",
    (script) => {
      script.append(1, script.next(1, 1));
      script.crash(1);
      script.durable(1).log.pop();
      script.start(1);
    },
  ],
  [
    "StoredIsRead",
    "a disk on which a proposal became another",
    (script) => {
      script.append(3, script.next(3, 1));
      script.append(1, latest(script, 3));
      script.crash(1);
      script.durable(1).log.splice(-1, 1, script.proposal({ epoch: 1, counter: 2 }));
      script.start(1);
    },
  ],
  [
    "StoredIsRead",
    "a disk with another tree",
    (script) => {
      script.crash(1);
      const { applied } = script.durable(1);
      const other: Txn = { kind: "createSession", timeoutMs: 1, password: new Uint8Array(16) };
      applied.splice(0, 1, script.proposal(FIRST, other, SESSION));
      script.start(1);
    },
  ],
  [
    "AcknowledgedIsDurable",
    "a reply to a write that one disk has",
    (script) => {
      script.append(3, script.next(3, 1, undefined, SESSION));
      script.turn(3, { upTo: latest(script, 3).zxid });
      script.reply(3, latest(script, 3).zxid);
    },
  ],
  [
    "AcknowledgedIsDurable",
    "a reply before the second disk is done",
    (script) => {
      const proposal = script.next(3, 1, undefined, SESSION);
      script.append(3, proposal);
      script.turn(1, { writes: [{ kind: "append", proposals: [proposal] }], isSlow: true });
      script.turn(3, { upTo: proposal.zxid });
      script.reply(3, proposal.zxid);
    },
  ],
  [
    "RevealedIsDurable",
    "a read of what one disk has",
    (script) => {
      script.append(3, script.next(3, 1));
      script.turn(3, { upTo: latest(script, 3).zxid });
      script.reply(3, latest(script, 3).zxid, 8);
    },
  ],
  [
    "RevealedIsDurable",
    "a commit sent of what one disk has",
    (script) => {
      script.append(3, script.next(3, 1));
      script.send(3, 1, { kind: "commit", upTo: latest(script, 3).zxid });
    },
  ],
  [
    "SaidIsDurable",
    "an acknowledgement that its disk is still to write",
    (script) => {
      const proposal = script.next(3, 1);
      script.turn(1, { writes: [{ kind: "append", proposals: [proposal] }], isSlow: true });
      script.send(1, 3, { kind: "ack", upTo: proposal.zxid });
    },
  ],
  [
    "SaidIsDurable",
    "an epoch entered that its disk is still to write",
    (script) => {
      const epochs = { acceptedEpoch: 2, currentEpoch: 2 };
      script.turn(1, { writes: [{ kind: "epochs", ...epochs }], isSlow: true });
      script.send(1, 3, { kind: "ackNewLeader", epoch: 2 });
    },
  ],
  [
    "SaidIsDurable",
    "a promise that its disk is still to write",
    (script) => {
      const bytes = script.promise(1, 2, 3, true);
      script.judgement.observer.sentFrame(script.actor(1), 3, bytes);
    },
  ],
  [
    "CommittedIsNeverLost",
    "a replica that forgets what another delivered",
    (script) => {
      script.append(3, script.next(3, 1));
      for (const sid of [1, 2]) script.append(sid, latest(script, 3));
      script.turn(3, { upTo: latest(script, 3).zxid });
      script.turn(1, { writes: [{ kind: "truncate", after: FIRST }] });
    },
  ],
  [
    "CommittedIsNeverLost",
    "a later leader without what one replica delivered",
    (script) => {
      script.append(3, script.next(3, 1));
      script.append(2, latest(script, 3));
      script.turn(2, { upTo: latest(script, 3).zxid });
      script.reign(1, 2);
    },
  ],
  [
    "CommittedIsNeverLost",
    "a replica that lacks something in the end",
    (script) => {
      const proposal = script.next(3, 1);
      for (const sid of [3, 2]) script.append(sid, proposal);
      for (const sid of [3, 2]) script.turn(sid, { upTo: proposal.zxid });
      script.judgement.finish();
    },
  ],
  [
    "OneVotePerPromise",
    "an epoch promised to two leaders",
    (script) => {
      script.promise(1, 2, 2);
      script.promise(1, 2, 3);
    },
  ],
  [
    "OneVotePerPromise",
    "an instance that was there before",
    (script) => {
      script.crash(3);
      script.start(3, 1);
    },
  ],
  [
    "QuorumWasInAnEpoch",
    "a leader by the promise of a voter that lost its disk",
    (script) => {
      script.crash(1);
      script.wipe(1);
      script.start(1);
      script.promise(1, 2, 2);
      script.enter(2, 2, "synchronization");
    },
  ],
  ["RemovedIsNoMember", "a member that is let go", (script) => script.letGo(1, { epoch: 0, counter: 0 })],
  [
    "SessionNotExpiredEarly",
    "an expiry a second too early",
    (script) => {
      script.pass(1000);
      script.hear(3);
      script.pass(TIMEOUT_MS - 1000);
      script.append(3, script.next(3, 1, { kind: "closeSession" }, SESSION));
    },
  ],
  [
    "SessionNotKept",
    "a session that nobody expires",
    (script) => {
      script.pass(TIMEOUT_MS + 10_000);
      script.judgement.finish();
    },
  ],
  [
    "SessionNotKept",
    "an expiry that comes late behind an attachment",
    (script) => {
      script.pass(1000);
      script.commit(3, script.attachment(3, 1, SESSION));
      script.pass(TIMEOUT_MS + 10_000);
      script.append(3, script.next(3, 1, { kind: "closeSession" }, SESSION));
    },
  ],
  [
    "SessionNotKept",
    "an expiry that comes late",
    (script) => {
      script.pass(TIMEOUT_MS + 10_000);
      script.append(3, script.next(3, 1, { kind: "closeSession" }, SESSION));
    },
  ],
];

/** The name under which the run is ended; undefined where it is not. */
function verdictOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error.check;
    throw error;
  }
}

describe("a run that is right but for", () => {
  it.each(PLANTS)("one thing breaks %s: %s", (name, _, plant) => {
    const script = opening();

    const verdict = verdictOf(() => plant(script));

    expect(verdict).toBe(name);
  });

  it("one thing can break every invariant but five, which have tests of their own", () => {
    const planted = new Set<string>(PLANTS.map(([name]) => name));

    // A history with proposals in another order is found before it is delivered, and one that was exchanged when the
    // old one is cut off: see zab-nine.test.ts. Who falls asleep does so in bedtime.test.ts.
    const rest = Object.keys(INVARIANTS).filter((name) => !planted.has(name));
    const ofNine = ["PrefixConsistency", "TotalOrder", "GlobalPrimaryOrder"];
    expect(rest).toEqual([...ofNine, "ParkedIsOwedNothing", "OwnersAreKnown"]);
  });
});

describe("a right run", () => {
  it("through two epochs, a crash, a snapshot and an expiry breaks nothing, and much is judged", () => {
    const script = opening();
    script.commit(3, script.next(3, 1, undefined, SESSION));
    script.reply(3, latest(script, 3).zxid);
    script.reply(3, latest(script, 3).zxid, 8);
    script.crash(3);
    script.reign(1, 2);
    script.pass(1000);
    script.start(3);
    script.promise(3, 2, 1);
    script.enter(3, 2, "following");
    script.commit(1, script.next(1, 2));
    script.send(1, 2, { kind: "commit", upTo: latest(script, 1).zxid });
    script.turn(2, { writes: [{ kind: "install", last: latest(script, 1).zxid }] });
    script.crash(2);
    script.start(2);
    script.pass(TIMEOUT_MS + 100);
    script.commit(1, script.next(1, 2, { kind: "closeSession" }, SESSION));

    script.judgement.finish();

    const { counts } = script.judgement;
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
    const committed = script.judgement.committed();
    expect(committed.map(({ txn }) => txn.kind)).toEqual([
      "createSession",
      "barrier",
      "barrier",
      "closeSession",
    ]);
  });

  it("may lose what a leader delivered in memory before its disk had it, as nothing of it left", () => {
    const script = opening();
    const proposal = script.next(3, 1);
    script.append(1, proposal);
    script.turn(3, {
      writes: [{ kind: "append", proposals: [proposal] }],
      upTo: proposal.zxid,
      isSlow: true,
    });
    script.crash(3);
    script.start(3);

    const verdict = verdictOf(() => script.reign(2, 2));

    expect(verdict).toBeUndefined();
  });

  it("may begin an epoch again that its only voter had begun in memory alone", () => {
    const script = new Script(1);
    script.start(1);
    script.enter(1, 1, "broadcast", true);
    script.turn(1, { writes: [{ kind: "append", proposals: [script.next(1, 1)] }], isSlow: true });
    script.enter(1, 2, "broadcast", true);
    script.crash(1);
    script.start(1);
    script.reign(1, 1);

    const verdict = verdictOf(() => script.commit(1, script.next(1, 1)));

    expect(verdict).toBeUndefined();
  });

  it("counts a wiped voter as having what it acknowledged, until it has a voice again", () => {
    const script = opening();
    const proposal = script.next(3, 1, undefined, SESSION);
    script.append(3, proposal);
    script.append(1, proposal);
    script.crash(1);
    script.wipe(1);
    script.start(1);
    script.turn(3, { upTo: proposal.zxid });
    script.reply(3, proposal.zxid);

    script.turn(1, { writes: [{ kind: "epochs", acceptedEpoch: 1, currentEpoch: 1 }] });

    expect(verdictOf(() => script.reply(3, proposal.zxid))).toBe("AcknowledgedIsDurable");
  });

  it("forgives a damaged tree until a snapshot has replaced it", () => {
    const script = opening();
    script.damage(1);
    script.turn(1, { upTo: FIRST });
    tamper(script, 1);
    script.actor(1).rebuild();
    script.commit(3, script.next(3, 1));

    script.turn(1, { writes: [{ kind: "install", last: latest(script, 3).zxid }] });
    script.crash(1);

    expect(verdictOf(() => script.start(1))).toBe("SnapshotIsWhole");
  });

  it("begins a timeout again where a leader attaches the client, be it that no welcome gets through", () => {
    const script = opening();
    script.pass(TIMEOUT_MS - 100);
    script.commit(3, script.attachment(3, 1, SESSION));
    script.pass(TIMEOUT_MS + 1000);

    const close = script.next(3, 1, { kind: "closeSession" }, SESSION);

    expect(verdictOf(() => script.append(3, close))).toBeUndefined();
  });

  it("lets a fast clock, and one that jumped, end a session so much sooner", () => {
    const script = opening();
    script.judgement.observer.fault({ kind: "clockRate", sid: 3, rate: 2, forMs: 10_000 }, "begins");
    script.judgement.observer.fault({ kind: "clockJump", sid: 3, byMs: 60_000 }, "begins");
    script.crash(3);
    script.start(3);
    script.turn(3, { upTo: FIRST });
    script.reign(3, 2);
    script.welcome(2, SESSION, TIMEOUT_MS);
    script.hear(2);
    script.pass(TIMEOUT_MS / 2 - 125);

    const close = script.next(3, 2, { kind: "closeSession" }, SESSION);

    expect(verdictOf(() => script.append(3, close))).toBeUndefined();
  });
});
