/** A learner that lives and acknowledges nothing holds memory and history: its leader gives it up. */
import { expect, it } from "vitest";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import { Bench, proposals, zxid } from "./bench.ts";

/** A leader of voters 2 and 3 that answer its pings; 3 still owes the acknowledgement of a proposal. */
function owed(acknowledgesLater: boolean): readonly string[] {
  const bench = new Bench().lead(1);
  bench.open(8, 3, "from-learner");
  bench.receive(8, { kind: "learnerInfo", acceptedEpoch: 1 });
  const history = { last: zxid(0, 0), epochEnds: [zxid(0, 0)] };
  const rest = { promised: false, currentEpoch: 1, voice: "full", lastDelivered: zxid(0, 0) } as const;
  bench.receive(8, { kind: "ackEpoch", history, ...rest });
  bench.receive(8, { kind: "ackNewLeader", epoch: 1 });
  bench.step({ kind: "propose", proposals: proposals(1, 1, 1) });
  bench.receive(7, { kind: "ack", upTo: zxid(1, 1) });
  if (acknowledgesLater) bench.receive(8, { kind: "ack", upTo: zxid(1, 1) });
  const closed: string[] = [];
  for (let passedMs = 0; passedMs <= DEFAULT_TIMING.learnerStallMs + 200; passedMs += 100) {
    for (const effect of bench.pass(100).after) {
      if (effect.kind === "closeLink") closed.push(`${effect.link} ${effect.reason}`);
    }
    for (const link of [7, 8]) bench.receive(link, { kind: "pong" });
  }
  expect(bench.peer.phase.role).toBe("leading");
  return closed;
}

it("a learner that acknowledges nothing for learnerStallMs is given up, though it answers pings", () => {
  expect(owed(false)).toEqual(["8 acknowledges nothing"]);
});

it("one that owes nothing is kept, however long nothing is proposed", () => {
  expect(owed(true)).toEqual([]);
});
