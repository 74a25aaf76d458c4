/**
 * A change of leader that somebody asks for: who may lead next, by what the present leader knows. What is asked for is
 * the peer's `resign` with a successor (src/zab/leader.ts), which gives up where none gets so far; so whoever cannot
 * get there is refused before that.
 */
import type { Sid } from "../../base/ids.ts";
import type { PeerStatus } from "../../zab/config.ts";

/** Why the leader does not make room; the codes do not change. */
export interface MoveRefusal {
  readonly code:
    | "not-leading"
    | "already-leader"
    | "move-in-progress"
    | "reconfig-in-progress"
    | "unknown-sid"
    | "not-a-voter"
    | "not-caught-up";
  readonly detail: string;
}

/** Why `to` is not to lead after the peer of this status; undefined where it is. */
export function moveRefusal(to: Sid, peer: PeerStatus): MoveRefusal | undefined {
  const { sid, phase, membership, learners } = peer;
  const { current } = membership;
  if (phase.role !== "leading" || phase.stage !== "broadcast") {
    return { code: "not-leading", detail: `replica ${sid} does not lead` };
  }
  if (to === sid) return { code: "already-leader", detail: `replica ${sid} leads already` };
  if (peer.isResigning) {
    return { code: "move-in-progress", detail: `replica ${sid} is making room for another already` };
  }
  // Who votes is about to change: of the two memberships one may not have it as a voter.
  if (!membership.isSettled) {
    return { code: "reconfig-in-progress", detail: "a change of the members is not settled yet: ask again" };
  }
  if (current.observers.includes(to)) {
    const voters = current.voters.join(", ");
    return { code: "not-a-voter", detail: `replica ${to} observes; the voters are ${voters}` };
  }
  if (!current.voters.includes(to)) {
    return {
      code: "unknown-sid",
      detail: `there is no replica ${to}; the voters are ${current.voters.join(", ")}`,
    };
  }
  if (current.weights?.get(to) === 0) {
    return { code: "not-a-voter", detail: `replica ${to} has the weight 0, so its vote decides nothing` };
  }
  const learner = learners.find((one) => one.sid === to);
  if (learner?.isSynced === true) return undefined;
  const what = learner === undefined ? "has no link to the leader" : "is still being brought in line";
  return { code: "not-caught-up", detail: `replica ${to} ${what}: ask again once it serves` };
}
