/** An ensemble begins once: what its register has to do with that. */
import { describe, expect, it } from "vitest";
import type { PeerEffects } from "../../src/zab/effects.ts";
import { Bench } from "./bench.ts";
import { Ensemble } from "./harness.ts";
import { judgedStages } from "./judged-stages.ts";
import type { Stage } from "./stage.ts";

const staged = judgedStages();

function asked({ after }: PeerEffects): readonly (readonly number[] | undefined)[] {
  return after.flatMap((effect) => (effect.kind === "register" ? [effect.founders] : []));
}

function leaders(stage: Stage): readonly number[] {
  const all = [...stage.replicas.values()];
  return all.filter(({ peer }) => peer?.phase.role === "leading").map(({ sid }) => sid);
}

describe("a first start", () => {
  it("asks the register, again once a second, and begins where nobody has founded the ensemble", () => {
    const bench = new Bench({ voters: [1], isRegisterSilent: true });

    expect(asked(bench.pass(2500))).toEqual([undefined, undefined, undefined]);
    expect(bench.peer.phase).toEqual({ role: "looking" });

    bench.step({ kind: "founders", founders: undefined });
    expect(bench.peer.phase.role).toBe("leading");
  });

  it("proposes nothing before the register knows of it, and is told again until it does", () => {
    const bench = new Bench({ voters: [1], isRegisterSilent: true });
    bench.pass(20);
    const told = bench.step({ kind: "founders", founders: undefined });

    expect(asked(told)).toEqual([[1]]);
    expect(asked(bench.pass(2500))).toEqual([[1], [1]]);
    expect(bench.peer.canPropose()).toBe(false);

    bench.step({ kind: "founders", founders: [1] });
    expect(bench.peer.canPropose()).toBe(true);
  });

  it("comes to nothing where voters of which none is here were first", () => {
    const bench = new Bench({ voters: [1], isRegisterSilent: true });
    bench.pass(20);
    bench.step({ kind: "founders", founders: undefined });
    bench.step({ kind: "founders", founders: [4, 5, 6] });

    for (let tries = 0; tries < 5; tries++) {
      bench.pass(5000);
      bench.step({ kind: "founders", founders: [4, 5, 6] });
      expect(bench.peer.canPropose()).toBe(false);
    }
    expect(bench.peer.status().founders).toEqual([4, 5, 6]);
  });

  it("that died before the register was told begins anew, and one that died after it goes on with its quorum", () => {
    const stage = staged({ voters: 3 });
    stage.holdBack = (_, __, { kind }) => kind === "newLeader";
    stage.start(1, 2, 3).pass(40);
    expect(stage.transcript()).not.toContain("founded by");
    for (const sid of [1, 2, 3]) stage.crash(sid);
    stage.holdBack = () => false;
    stage.start(1, 2, 3).pass(40);
    expect(stage.transcript()).toContain("3 -> register: founded by 1,2,3; it says: 1,2,3");

    for (const sid of [1, 2, 3]) stage.crash(sid);
    stage.start(1, 2).pass(2500);
    expect(leaders(stage)).toEqual([2]);
  });
});

describe("voters that lose their disks", () => {
  it("do not begin anew, though they are all there and agree that there is nothing", () => {
    const stage = staged({ voters: 3 }).start(1, 2, 3).pass(40).propose(3, "a").run();
    for (const sid of [1, 2, 3]) stage.crash(sid).wipe(sid);
    stage.start(1, 2, 3).pass(20_000);

    expect(leaders(stage)).toEqual([]);
  });

  it("and voted alone in the beginning come back to what the members are now", () => {
    const ensemble = new Ensemble({ voters: 1, spares: 2 });
    ensemble.startAll().converge();
    ensemble.propose(1, 3);
    ensemble.desk.wanted.set(1, { voters: [1, 2, 3], observers: [] });
    ensemble.until("three members", () => ensemble.peer(1).membership.current.voters.length === 3);
    ensemble.desk.wanted.clear();
    ensemble.converge();

    ensemble.crash(1);
    ensemble.wipe(1);
    ensemble.start(1);
    ensemble.propose(ensemble.converge(), 1);
    ensemble.converge();
    ensemble.checker.judge();

    for (const { delivered } of ensemble.replicas.values()) expect(delivered).toEqual(ensemble.checker.order);
  });

  it("and were all the voters once do not begin anew beside the members of now", () => {
    const ensemble = new Ensemble({ voters: 1, spares: 2 });
    ensemble.startAll().converge();
    ensemble.desk.wanted.set(1, { voters: [2, 3], observers: [1] });
    ensemble.until("others vote", () => ensemble.leader() === 2 || ensemble.leader() === 3);
    ensemble.desk.wanted.clear();
    ensemble.converge();

    ensemble.crash(1);
    ensemble.wipe(1);
    ensemble.partition([1], [2, 3]);
    ensemble.start(1);
    ensemble.run(5000);
    expect(ensemble.peer(1).phase.role).toBe("looking");

    ensemble.heal();
    ensemble.converge();
    expect(ensemble.peer(1).phase.role).toBe("observing");
  });
});
