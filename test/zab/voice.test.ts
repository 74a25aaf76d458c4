/** Who counts where a quorum decides: voters that lost their disk, were never in an epoch, or have another tree. */
import { describe, expect, it } from "vitest";
import { Bench, proposals, zxid } from "./bench.ts";
import { judgedStages } from "./judged-stages.ts";
import type { Stage } from "./stage.ts";

const staged = judgedStages();

/** Who leads in broadcast. */
function leaders(stage: Stage): readonly number[] {
  const all = [...stage.replicas.values()];
  const leading = all.filter(({ peer }) => {
    const phase = peer?.phase;
    return phase?.role === "leading" && phase.stage === "broadcast";
  });
  return leading.map(({ sid }) => sid);
}

describe("a voter that lost its disk", () => {
  it("and one that lags do not elect each other while the third has what they acknowledged", () => {
    const stage = staged({ voters: 3 }).start(1, 2, 3).pass(40).propose(3, "a").run();
    stage.crash(1).propose(3, "b").run();
    expect(stage.delivered(3)).toEqual(["1:1=a", "1:2=b"]);

    stage.crash(3).crash(2).wipe(2).start(1, 2).pass(5000);
    expect(leaders(stage)).toEqual([]);

    stage.start(3).pass(2500).propose(3, "c").run();
    expect(leaders(stage)).toEqual([3]);
    for (const sid of [1, 2, 3]) expect(stage.delivered(sid)).toEqual(["1:1=a", "1:2=b", "2:1=c"]);
    expect(stage.peer(2).status().voice).toBe("full");
  });

  it("counts again once it has everything, and so the next may be lost", () => {
    const stage = staged({ voters: 3 }).start(1, 2, 3).pass(40).propose(3, "a").run();
    for (const sid of [1, 2, 3]) {
      stage.crash(sid).wipe(sid).pass(300).start(sid).pass(3000);
      expect(stage.peer(sid).status().voice).toBe("full");
      expect(stage.delivered(sid)[0]).toBe("1:1=a");
    }
    stage.crash(3).pass(3000);

    expect(leaders(stage)).toHaveLength(1);
  });

  it("is no quorum with one that never joined: nothing is elected, and so nothing made up", () => {
    const stage = staged({ voters: 3 });
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "newLeader";
    stage.start(1, 2, 3).pass(40).crash(1).propose(3, "a").run();
    expect(stage.delivered(3)).toEqual(["1:1=a"]);
    expect(stage.replica(1).disk.durable.currentEpoch).toBe(0);

    stage.holdBack = () => false;
    stage.crash(3).crash(2).wipe(2).start(1, 2).pass(5000);
    expect(leaders(stage)).toEqual([]);

    stage.start(3).pass(5000);
    expect(leaders(stage)).toEqual([]);
    expect(stage.history(3)).toEqual(["1:1"]);
  });

  it.each([3, 5])(
    "does not bring a first start of %i voters about before all of them are there",
    (voters) => {
      const stage = staged({ voters });
      const all = Array.from({ length: voters }, (_, index) => index + 1);
      stage.start(...all.slice(1)).pass(5000);
      expect(leaders(stage)).toEqual([]);

      stage.start(1).pass(2500);
      expect(leaders(stage)).toHaveLength(1);

      for (const sid of all) stage.crash(sid);
      stage.start(...all.slice(voters >> 1)).pass(2500);
      expect(leaders(stage)).toHaveLength(1);
    },
  );
});

describe("a voter whose tree differs from a quorum's", () => {
  const image = { log: proposals(1, 1, 3), acceptedEpoch: 1, currentEpoch: 1 };

  it("neither leads nor helps another to lead, over restarts, until a snapshot has replaced it", () => {
    const stage = staged({ voters: 3, disks: { 1: image, 2: image, 3: image } })
      .start(1, 2, 3)
      .pass(40)
      .propose(3, "a")
      .run();
    stage.crash(1).input(3, { kind: "diverged" });
    stage.pass(3000).crash(3).start(3).pass(3000);
    expect(leaders(stage)).toEqual([]);
    expect(stage.peer(3).status().voice).toBe("none");

    stage.start(1).pass(4000);
    expect(leaders(stage)).toHaveLength(1);
    expect(leaders(stage)).not.toContain(3);
    expect(stage.lines.join("\n")).toContain("-> 3: SNAP: its tree differs from a quorum's");
    expect(stage.peer(3).status().voice).toBe("full");
    expect(stage.delivered(3)).toEqual(stage.delivered(2));
  });

  it("says so, and votes for itself with a vote that is worse than any other", () => {
    const bench = new Bench({ image: { ...image, isDiverged: true } });
    bench.step({ kind: "tick" });

    const vote = { leader: 1, zxid: zxid(0, 0), peerEpoch: -1 };
    expect(bench.peer.notification()).toMatchObject({ voice: "none", vote });
  });

  it("that says it is one is not counted, in election as in discovery", () => {
    const bench = new Bench({ image });
    bench.step({ kind: "tick" });
    const { vote } = bench.peer.notification();
    bench.hear(2, { vote, voice: "none" });
    bench.pass(500);
    expect(bench.peer.phase.role).toBe("looking");

    bench.hear(3, { vote });
    bench.pass(500);
    for (const sid of [2, 3]) {
      bench.open(sid + 5, sid, "from-learner");
      bench.receive(sid + 5, { kind: "learnerInfo", acceptedEpoch: 1 });
    }
    const history = { last: zxid(1, 3), epochEnds: [zxid(0, 0), zxid(1, 3)] };
    const said = { promised: true, currentEpoch: 1, history, lastDelivered: zxid(0, 0) };
    bench.receive(7, { kind: "ackEpoch", ...said, voice: "none" });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "discovery" });

    bench.receive(8, { kind: "ackEpoch", ...said, voice: "full" });
    expect(bench.peer.phase).toEqual({ role: "leading", stage: "synchronization" });
  });
});
