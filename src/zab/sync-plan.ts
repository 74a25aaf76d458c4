/**
 * How a learner's history becomes a prefix of its leader's. The decision is total and needs two summaries only.
 * ZooKeeper decides by the learner's last zxid alone (LearnerHandler.syncFollower), and truncates to the latest of its
 * own zxids below it: where the learner lacks that one, a hole stays behind. With the epoch ends of both sides the last
 * common zxid is known exactly: histories that share a zxid are equal up to it, so it is the lesser end of the latest
 * epoch that both hold.
 */
import type { Zxid } from "../base/zxid.ts";
import { compareZxid, equalZxid, maxZxid, minZxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import { EPOCH_ENDS_MAX, type HistorySummary } from "./message.ts";

/** What the learner must do. */
export type SyncPlan =
  /** It has a prefix: send what comes after `after`, which may be nothing. */
  | { readonly kind: "diff"; readonly after: Zxid }
  /** It forgets what comes after `after`, then is sent ours. */
  | { readonly kind: "truncate"; readonly after: Zxid }
  /**
   * Only a snapshot helps. It takes the place of the learner's history, so it must not end before `notBefore`: what the
   * learner delivered, and what both share, as a commit of that may rest on the learner's acknowledgement.
   */
  | { readonly kind: "snapshot"; readonly reason: string; readonly notBefore: Zxid };

/** The learner's side of the decision. */
export interface LearnerHistory extends HistorySummary {
  /** It cannot forget what it has delivered. */
  readonly lastDelivered: Zxid;
  /** Its history may be right, but its tree is not. */
  readonly isDiverged: boolean;
}

/** The leader's side of the decision. */
export interface LeaderHistory extends HistorySummary {
  readonly base: Zxid;
}

/** Decides how the learner is synchronized. */
export function planSync(learner: LearnerHistory, leader: LeaderHistory): SyncPlan {
  const common = lastCommon(learner.epochEnds, leader.epochEnds);
  const snapshot = (reason: string): SyncPlan => ({
    kind: "snapshot",
    reason,
    notBefore: maxZxid(common ?? ZXID_ZERO, learner.lastDelivered),
  });
  if (learner.isDiverged) return snapshot("its tree differs from a quorum's");
  if (common === undefined) return snapshot(`no epoch in common with ${zxidText(learner.last)}`);
  if (compareZxid(common, learner.lastDelivered) < 0) {
    return snapshot(`delivered ${zxidText(learner.lastDelivered)}, shared only ${zxidText(common)}`);
  }
  if (compareZxid(common, leader.base) < 0) {
    return snapshot(`history from ${zxidText(common)} is trimmed up to ${zxidText(leader.base)}`);
  }
  if (equalZxid(common, learner.last)) return { kind: "diff", after: common };
  return { kind: "truncate", after: common };
}

/** The latest zxid in both histories, or undefined where the summaries share no epoch. */
export function lastCommon(a: readonly Zxid[], b: readonly Zxid[]): Zxid | undefined {
  const endsOfB = new Map(b.map((end) => [end.epoch, end]));
  for (const end of a.toReversed()) {
    const other = endsOfB.get(end.epoch);
    if (other !== undefined) return minZxid(end, other);
  }
  return undefined;
}

/** Whether a summary from a wire can be one: epochs grow, the list is bounded and ends at the last zxid. */
export function isSummarySound(summary: HistorySummary): boolean {
  const { epochEnds, last } = summary;
  const end = epochEnds.at(-1);
  if (end === undefined || !equalZxid(end, last)) return false;
  if (epochEnds.length > EPOCH_ENDS_MAX) return false;
  return epochEnds.every((zxid, index) => {
    const previous = epochEnds[index - 1];
    return previous === undefined || previous.epoch < zxid.epoch;
  });
}
