/** Whole ensembles on the simulated network: what a user of several replicas relies on. */
import { describe, expect, it } from "vitest";
import { compareZxid, zxidText } from "../../src/base/zxid.ts";
import { proposals, zxid } from "./bench.ts";
import { Disk, EMPTY_DISK } from "./disk.ts";
import { Ensemble } from "./harness.ts";

function expectAllDelivered(ensemble: Ensemble): void {
  for (const { sid, delivered } of ensemble.replicas.values()) {
    expect(delivered, `replica ${sid}`).toEqual(ensemble.checker.order);
  }
}

/** The learners' kinds of synchronization so far. */
function syncs(ensemble: Ensemble, to: number): readonly string[] {
  const kinds = ["diff", "truncate", "snapshot"];
  return ensemble.sent
    .filter((one) => one.to === to && kinds.includes(one.message.kind))
    .map(({ message }) => message.kind);
}

describe("an ensemble", () => {
  it.each([1, 3, 5])("of %i voters elects, synchronizes and delivers everywhere", (voters) => {
    const ensemble = new Ensemble({ voters }).startAll();

    const leader = ensemble.converge();
    expect(leader).toBe(voters);
    expect(ensemble.propose(leader, 10)).toBe(10);
    ensemble.converge();

    expect(ensemble.checker.order).toHaveLength(10);
    expectAllDelivered(ensemble);
  });

  it("starts above its epoch floor", () => {
    const ensemble = new Ensemble({ voters: 3, epochFloor: 29_000_000 }).startAll();

    const leader = ensemble.converge();

    expect(ensemble.peer(leader).nextZxid).toEqual(zxid(29_000_001, 1));
  });

  it("serves within a moment of starting: no finalize wait when all answer", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();

    ensemble.until("a leader serves", () => ensemble.leader() !== undefined, 150);

    expect(ensemble.nowMs).toBeLessThanOrEqual(150);
  });

  it("goes on without a minority, and takes it in again by DIFF", () => {
    const ensemble = new Ensemble({ voters: 5 }).startAll();
    const leader = ensemble.converge();
    ensemble.crash(1);
    ensemble.crash(2);
    ensemble.propose(leader, 50);
    ensemble.converge();

    ensemble.startAll();
    ensemble.converge();

    expect(syncs(ensemble, 1)).toEqual(["diff", "diff"]);
    expect(ensemble.leader()).toBe(leader);
    expectAllDelivered(ensemble);
  });

  it("commits nothing without a quorum", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const leader = ensemble.converge();
    ensemble.partition(
      [leader],
      ensemble.voters.filter((sid) => sid !== leader),
    );

    ensemble.propose(leader, 5);
    ensemble.run(5000);

    expect(ensemble.checker.order).toEqual([]);
    expect(ensemble.peer(leader).phase.role).toBe("looking");
  });

  it("elects anew within two seconds of a leader's silent loss", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const leader = ensemble.converge();
    const others = ensemble.voters.filter((sid) => sid !== leader);

    ensemble.partition([leader], others);

    const isReplaced = (): boolean =>
      others.some((sid) => {
        const { phase } = ensemble.peer(sid);
        return phase.role === "leading" && phase.stage === "broadcast";
      });
    ensemble.until("one of the others leads", isReplaced, 2000);

    expect(isReplaced()).toBe(true);
  });

  it("a voter coming late does not disturb the leader", () => {
    const image = { ...EMPTY_DISK, acceptedEpoch: 1, currentEpoch: 1 };
    const disks = new Map([1, 2, 3].map((sid) => [sid, new Disk(image)]));
    const ensemble = new Ensemble({ voters: 3, disks });
    ensemble.start(1);
    ensemble.start(2);
    const leader = ensemble.converge();
    const { currentEpoch } = ensemble.peer(leader).status();

    ensemble.start(3);
    ensemble.converge();

    expect(ensemble.leader()).toBe(leader);
    expect(ensemble.peer(leader).status()).toMatchObject({ currentEpoch, elections: 1 });
  });

  it("a learner whose link broke comes back to the same leader, two of three being up", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const leader = ensemble.converge();
    ensemble.crash(1);
    const { currentEpoch } = ensemble.peer(leader).status();

    ensemble.breakLinks(leader, 2);
    ensemble.run(50);
    ensemble.until("it is back", () => ensemble.isConverged(), 300);

    expect(ensemble.peer(leader).status().currentEpoch).toBe(currentEpoch);
  });
});

describe("an uncommitted tail", () => {
  it("of an old leader is truncated when it rejoins", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const old = ensemble.converge();
    ensemble.propose(old, 4);
    ensemble.converge();
    const others = ensemble.voters.filter((sid) => sid !== old);
    ensemble.partition([old], others);
    ensemble.propose(old, 3);
    const tail = ensemble.peer(old).lastZxid;
    ensemble.until("the others lead", () => ensemble.leader() !== old, 5000);
    ensemble.until("they serve", () => ensemble.leader() !== undefined);
    ensemble.propose(ensemble.leader() ?? 0, 2);

    ensemble.heal();
    ensemble.converge();

    expect(syncs(ensemble, old)).toEqual(["truncate"]);
    expect(ensemble.replica(old).disk.durable.log.map((one) => zxidText(one.zxid))).not.toContain(
      zxidText(tail),
    );
    expect(ensemble.checker.order).toHaveLength(6);
    expectAllDelivered(ensemble);
  });

  it("held by the elected leader is committed, not forgotten", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const old = ensemble.converge();
    ensemble.filter = (_, __, message) => message.kind !== "commit" && message.kind !== "ack";
    ensemble.propose(old, 3);
    ensemble.run(40);
    ensemble.crash(old);
    ensemble.heal();

    ensemble.converge();

    expect(ensemble.checker.order).toHaveLength(3);
  });
});

describe("a crash between write and acknowledgement", () => {
  it("of a follower loses only what it never acknowledged", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const leader = ensemble.converge();
    const [stuck = 1, other = 2] = ensemble.voters.filter((sid) => sid !== leader);
    ensemble.crash(other);
    ensemble.stickDisk(stuck);
    ensemble.propose(leader, 3);
    ensemble.run(200);
    expect(ensemble.checker.order).toEqual([]);
    expect(compareZxid(ensemble.replica(stuck).disk.last, zxid(1, 3))).toBe(0);

    ensemble.crash(stuck, 0);
    ensemble.heal();
    ensemble.startAll();
    ensemble.converge();

    expect(ensemble.checker.order).toHaveLength(3);
    expectAllDelivered(ensemble);
  });

  it("of a leader whose own write is under way shows no commit to anybody", () => {
    const ensemble = new Ensemble({ voters: 3 }).startAll();
    const leader = ensemble.converge();
    ensemble.stickDisk(leader);
    ensemble.propose(leader, 3);
    ensemble.run(200);

    expect(ensemble.peer(leader).lastCommitted).toEqual(zxid(1, 3));
    expect(ensemble.checker.order).toEqual([]);
    expect(ensemble.sent.filter(({ message }) => message.kind === "commit")).toEqual([]);
  });
});

describe("epochs", () => {
  it("a voter that promised a later epoch than the leader's is taken in under a new one", () => {
    const entered = { ...EMPTY_DISK, acceptedEpoch: 1, currentEpoch: 1 };
    const promised = { ...entered, acceptedEpoch: 9 };
    const images = [promised, entered, entered];
    const disks = new Map(images.map((image, index) => [index + 1, new Disk(image)]));
    const ensemble = new Ensemble({ voters: 3, disks });
    ensemble.start(2);
    ensemble.start(3);
    const leader = ensemble.converge();
    expect(ensemble.peer(leader).status().currentEpoch).toBe(2);

    ensemble.start(1);
    ensemble.converge();

    expect(ensemble.peer(ensemble.leader() ?? 0).status()).toMatchObject({
      currentEpoch: 10,
      elections: 2,
    });
  });
});

/** Starts a replica while a hundred proposals are made, and waits until it has them. */
function startAmidProposals(ensemble: Ensemble, sid: number): void {
  const leader = ensemble.converge();
  ensemble.start(sid);
  for (let round = 0; round < 20; round++) {
    ensemble.propose(leader, 5);
    ensemble.run(5);
  }
  ensemble.converge();
}

describe("large and trimmed histories", () => {
  it("a learner far behind is sent history in pieces while new proposals come", () => {
    const image = { ...EMPTY_DISK, log: proposals(1, 1, 3000), acceptedEpoch: 1, currentEpoch: 1 };
    const disks = new Map([2, 3].map((sid) => [sid, new Disk(image)]));
    const ensemble = new Ensemble({ voters: 3, disks, timing: { learnerWindowBytes: 20_000 } });
    ensemble.start(2);
    ensemble.start(3);

    startAmidProposals(ensemble, 1);

    expect(ensemble.checker.order).toHaveLength(3100);
    expectAllDelivered(ensemble);
  });

  it("a learner that only a snapshot helps gets one, and all that came meanwhile", () => {
    const log = proposals(1, 1, 30);
    const image = { ...EMPTY_DISK, log, acceptedEpoch: 1, currentEpoch: 1, lastDelivered: zxid(1, 30) };
    const disks = new Map([2, 3].map((sid) => [sid, new Disk(image)]));
    for (const disk of disks.values()) disk.trim(zxid(1, 20));
    const ensemble = new Ensemble({ voters: 3, disks });
    for (const { zxid: at } of log) {
      const text = `${at.epoch}:${at.counter}=\0`;
      ensemble.checker.order.push(text);
      for (const sid of [2, 3]) ensemble.replica(sid).delivered.push(text);
    }
    ensemble.start(2);
    ensemble.start(3);
    startAmidProposals(ensemble, 1);

    expect(ensemble.installed).toBe(1);
    expect(syncs(ensemble, 1)).toEqual(["snapshot", "diff"]);
    expect(ensemble.checker.order).toHaveLength(130);
    expectAllDelivered(ensemble);
  });
});

describe("observers", () => {
  it("are told what is committed, and never decide", () => {
    const ensemble = new Ensemble({ voters: 3, observers: 2 }).startAll();
    const leader = ensemble.converge();
    ensemble.propose(leader, 7);
    ensemble.converge();
    expectAllDelivered(ensemble);

    for (const sid of ensemble.voters) if (sid !== leader) ensemble.crash(sid);
    ensemble.run(5000);

    expect(ensemble.leader()).toBeUndefined();
  });
});
