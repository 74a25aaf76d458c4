/** A replica in one line, for people who read why a run failed. */
import { zxidText } from "../../src/base/zxid.ts";
import type { Replica } from "./replica.ts";

export function replicaText({ sid, peer, delivered }: Replica): string {
  if (peer === undefined) return `${sid} down`;
  const status = peer.status();
  const stage = "stage" in status.phase ? status.phase.stage : "";
  const epochs = `accepted ${status.acceptedEpoch} current ${status.currentEpoch}`;
  const zxids = `last ${zxidText(status.lastZxid)} committed ${zxidText(status.lastCommitted)}`;
  const why = `${status.elections} elections, last: ${status.lastElectionReason}`;
  const rest = `delivered ${delivered.length}, ${why}, ${JSON.stringify(status.dropped)}`;
  const leader = `leader ${status.leader} round ${status.electionRound}`;
  const { current, pending, isSettled } = status.membership;
  const members = [current, ...(pending === undefined ? [] : [pending])].map((one) => {
    return `${zxidText(one.version)} ${one.voters.join(",")}/${one.observers.join(",")}`;
  });
  const who = `members ${members.join(", then ")}${isSettled ? "" : " unsettled"}`;
  return `${sid} ${status.phase.role} ${stage} ${leader} ${epochs} ${zxids} ${who} ${rest}`;
}
