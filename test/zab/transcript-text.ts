/** How a run reads: one line an event, in the words of ZooKeeper's protocol. */
import type { Zxid } from "../../src/base/zxid.ts";
import { equalZxid, zxidText } from "../../src/base/zxid.ts";
import type { PeerPhase } from "../../src/zab/config.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import type { Notification, Proposal, ZabMessage } from "../../src/zab/message.ts";

type Kind = ZabMessage["kind"];
type Texts = { readonly [K in Kind]?: (message: Extract<ZabMessage, { readonly kind: K }>) => string };

const MESSAGES: Texts = {
  learnerInfo: ({ acceptedEpoch }) => `LEARNERINFO, has promised epoch ${acceptedEpoch}`,
  leaderInfo: ({ newEpoch }) => `LEADERINFO, the new epoch is ${newEpoch}`,
  ackEpoch: ({ promised, currentEpoch, history }) => {
    const what = promised ? "promises it" : "makes no new promise";
    return `ACKEPOCH, ${what}, was in epoch ${currentEpoch}, history ends at ${zxidText(history.last)}`;
  },
  diff: ({ after }) => `DIFF after ${zxidText(after)}`,
  truncate: ({ after }) => `TRUNC after ${zxidText(after)}`,
  snapshot: ({ reason }) => `SNAP: ${reason}`,
  snapshotPart: ({ payload }) => `a part of the snapshot: ${new TextDecoder().decode(payload)}`,
  snapshotEnd: ({ last }) => `the end of the snapshot, which is the state at ${zxidText(last)}`,
  snapshotAck: ({ parts }) => `ACK of ${parts === 1 ? "1 part" : `${parts} parts`} of the snapshot`,
  propose: ({ proposals }) => `PROPOSAL ${rangeText(proposals)}`,
  newLeader: ({ epoch, last }) => `NEWLEADER of epoch ${epoch}, history ends at ${zxidText(last)}`,
  ackNewLeader: ({ epoch }) => `ACK of NEWLEADER of epoch ${epoch}`,
  upToDate: ({ committed }) => `UPTODATE, committed up to ${zxidText(committed)}`,
  ack: ({ upTo }) => `ACK up to ${zxidText(upTo)}`,
  leaderAck: ({ upTo }) => `LEADERACK up to ${zxidText(upTo)}`,
  commit: ({ upTo }) => `COMMIT up to ${zxidText(upTo)}`,
};

/** A message; one that no story has told yet is told by its fields. */
export function messageText(message: ZabMessage): string {
  const text = MESSAGES[message.kind] as ((message: ZabMessage) => string) | undefined;
  return text?.(message) ?? JSON.stringify(message);
}

/** Heartbeats are the noise of every story. */
export function isHeartbeat({ kind }: ZabMessage): boolean {
  return kind === "ping" || kind === "pong";
}

export function notificationText({ state, vote, electionRound }: Notification): string {
  const { leader, peerEpoch, zxid } = vote;
  const what = state === "looking" ? "votes for" : `is ${state},`;
  const whom = state === "looking" ? `${leader}` : `leader ${leader}`;
  return `${what} ${whom} (epoch ${peerEpoch}, history to ${zxidText(zxid)}), round ${electionRound}`;
}

export function phaseText(phase: PeerPhase): string {
  switch (phase.role) {
    case "looking":
      return "looks for a leader";
    case "leading":
      return `leads: ${phase.stage}`;
    case "removed":
      return `stops: it is no member of ${zxidText(phase.version)}`;
    case "following":
    case "observing":
      return `is ${phase.role} ${phase.leader}: ${phase.stage}`;
  }
}

/** What a step makes durable; a write that no story has told yet is told by its fields. */
export function writeText(write: PeerWrite): string {
  if (write.kind === "append") return `accepts ${rangeText(write.proposals)}`;
  if (write.kind === "truncate") return `forgets what comes after ${zxidText(write.after)}`;
  if (write.kind === "epochs") {
    return `has promised epoch ${write.acceptedEpoch}, is in epoch ${write.currentEpoch}`;
  }
  if (write.kind === "diverged") return "notes that its tree differs from a quorum's";
  return JSON.stringify(write);
}

/** `1:1 to 1:3`, or `1:1`; epochs apart. */
export function rangeText(proposals: readonly Proposal[]): string {
  const ranges: { first: Zxid; last: Zxid }[] = [];
  for (const { zxid } of proposals) {
    const range = ranges.at(-1);
    if (range?.last.epoch === zxid.epoch) range.last = zxid;
    else ranges.push({ first: zxid, last: zxid });
  }
  const texts = ranges.map(({ first, last }) =>
    equalZxid(first, last) ? zxidText(first) : `${zxidText(first)} to ${zxidText(last)}`,
  );
  return texts.join(", ");
}
