/** What a peer is told, asked and answers: configuration, start, inputs, phases and status. */
import type { Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import type { Membership } from "./membership.ts";
import type { MembershipOf } from "./members.ts";
import type { LinkId, Notification, Proposal, Voice, ZabMessage } from "./message.ts";

/** Every duration and bound of the protocol, in milliseconds and bytes. */
export interface PeerTiming {
  /** The leader pings each learner this often. */
  readonly heartbeatIntervalMs: number;
  /** Silence after which a link's other side counts as lost; also the time for a link to come about. */
  readonly heartbeatLimitMs: number;
  /** How long a looking peer with a quorum waits for a better vote from those that have not answered. */
  readonly finalizeWaitMs: number;
  /** A looking peer asks again after this long, then twice as long, up to notificationRetryMaxMs. */
  readonly notificationRetryMs: number;
  readonly notificationRetryMaxMs: number;
  /** A learner that failed to join waits this long before its next link, then twice as long, up to the maximum. */
  readonly rejoinDelayMs: number;
  readonly rejoinDelayMaxMs: number;
  /** Discovery and synchronization may go this long without any progress. */
  readonly syncLimitMs: number;
  /** A link opened to a looking peer waits this long for it to become leader. */
  readonly pendingLinkMs: number;
  /** Of the time between two steps at most this much counts as silence: the rest is the peer's own stall. */
  readonly stallLimitMs: number;
  /** A batch goes out behind unfinished ones when the last went out this long ago. */
  readonly pipelineGapMs: number;
  /** Batches in flight at most. */
  readonly pipelineDepth: number;
  /** Sent to one learner and not acknowledged yet, at most (one message may exceed it). */
  readonly learnerWindowBytes: number;
  /** A learner that acknowledges nothing of what it was sent for this long is given up: it holds memory and history. */
  readonly learnerStallMs: number;
  /** Proposed or waiting and not committed yet, at most: canPropose is false above. */
  readonly outstandingBytesMax: number;
  readonly outstandingProposalsMax: number;
  /** Recent proposals kept in memory. */
  readonly recentBytesMax: number;
  /** The leader hands over to a new epoch at this counter. */
  readonly counterLimit: number;
}

/** Values that suit replicas a few to a few hundred milliseconds apart. */
export const DEFAULT_TIMING: PeerTiming = {
  heartbeatIntervalMs: 100,
  heartbeatLimitMs: 1500,
  finalizeWaitMs: 200,
  notificationRetryMs: 50,
  notificationRetryMaxMs: 1000,
  rejoinDelayMs: 50,
  rejoinDelayMaxMs: 1000,
  syncLimitMs: 10_000,
  pendingLinkMs: 1000,
  stallLimitMs: 200,
  pipelineGapMs: 10,
  pipelineDepth: 8,
  learnerWindowBytes: 8 * 1024 * 1024,
  learnerStallMs: 10_000,
  outstandingBytesMax: 16 * 1024 * 1024,
  outstandingProposalsMax: 20_000,
  recentBytesMax: 1024 * 1024,
  counterLimit: 0xffffffff - 10_000_000,
};

/** Who this peer is and who the others are. A sid that is no voter observes. */
export interface PeerConfig {
  readonly sid: Sid;
  /** The members at lastDelivered: as the tree holds them, or the initial ones, of version 0:0. */
  readonly membership: Membership;
  /**
   * Whether that is the version of members who let this replica go. Who they are it does not know: named are those of
   * before, whom it may ask and tells nobody.
   */
  readonly wasLetGo?: boolean;
  readonly membershipOf: MembershipOf;
  /** Departures from DEFAULT_TIMING. */
  readonly timing?: Partial<PeerTiming>;
}

/** What the disk told at the start. */
export interface PeerStart {
  /** The start's number: one more than the last, durable before the peer says a word. */
  readonly instance: number;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly lastDelivered: Zxid;
  /** New epochs are above this one: minutes of Unix time for a fresh ensemble. */
  readonly epochFloor: number;
  /** Whether the tree was found to differ from a quorum's and no snapshot was installed since. */
  readonly isDiverged: boolean;
}

/** A stretch of history: after < zxid <= upTo, cut so that payloads stay within bytesMax but for a first larger one. */
export interface ReadRange {
  readonly after: Zxid;
  readonly upTo: Zxid;
  readonly bytesMax: number;
}

/** The durable history, read synchronously. It shows writes once the shell performed them, one or more steps later. */
export interface LogReader {
  /** The history is complete after this zxid, which is part of it; 0:0 if nothing was ever trimmed. */
  readonly base: Zxid;
  readonly last: Zxid;
  /** Proposals in order, without a gap; the caller keeps after >= base. */
  read(range: ReadRange): readonly Proposal[];
  /** The latest zxid of the history that is not later than this one; base if none after base is. */
  floor(zxid: Zxid): Zxid;
  /** The last zxid of each epoch found after base, oldest first. */
  epochEnds(): readonly Zxid[];
}

/** What happens to a peer. */
export type PeerInput =
  /** Time passed; due several times within a heartbeat interval. */
  | { readonly kind: "tick" }
  /** A peer's vote arrived: posted to us, or the answer to our own. */
  | { readonly kind: "notification"; readonly notification: Notification }
  /** The register's answer: the voters that founded the ensemble, or that nobody has. */
  | { readonly kind: "founders"; readonly founders: readonly Sid[] | undefined }
  /** A link is open, by our openLink ("to-leader") or by the other side ("from-learner"). */
  | {
      readonly kind: "linkOpened";
      readonly link: LinkId;
      readonly sid: Sid;
      readonly role: "to-leader" | "from-learner";
    }
  | { readonly kind: "message"; readonly link: LinkId; readonly message: ZabMessage }
  | { readonly kind: "linkClosed"; readonly link: LinkId }
  /** Our openLink came to nothing. */
  | { readonly kind: "linkFailed"; readonly to: Sid }
  /** Propose these; the first carries nextZxid. Only while canPropose. */
  | { readonly kind: "propose"; readonly proposals: readonly Proposal[] }
  /** The next part of the state for this learner, and with the last part where it ends: see snapshotsWanted. */
  | {
      readonly kind: "snapshotPart";
      readonly link: LinkId;
      readonly payload: Uint8Array;
      readonly end?: { readonly last: Zxid; readonly payload: Uint8Array };
    }
  /** What was staged is not what the leader said it is. */
  | { readonly kind: "snapshotRefused"; readonly reason: string }
  /** This peer's tree differs from a quorum's at the same zxid: it takes no part until a snapshot has replaced it. */
  | { readonly kind: "diverged" }
  /**
   * Step down if leading; ignored otherwise. Proposals are taken no more; once the successor, or the first voter, has
   * all and knows that it is committed, it is told to lead. Where none gets there in heartbeatLimitMs, all are equal.
   * `epochAbove`: whoever it is, an epoch that this peer chooses is above that one from now on.
   */
  | { readonly kind: "resign"; readonly successor?: Sid; readonly epochAbove?: number }
  /**
   * Somebody relies on this peer, if it leads and is a quorum by itself: it proves that it still is, by a write, where
   * its last was two thirds of heartbeatLimitMs ago.
   * Nobody else could tell it that another start has taken its place, and a start
   * that was replaced cannot write. Ignored otherwise.
   */
  | { readonly kind: "prove" }
  /** Let these learn from this leader though they are no members; those of before no more. Ignored unless leading. */
  | { readonly kind: "invite"; readonly sids: readonly Sid[] };

/** A learner that can take another part of the state now. */
export interface SnapshotWanted {
  readonly link: LinkId;
  readonly sid: Sid;
  /** The snapshot must not end before this zxid, which the learner may have acknowledged. */
  readonly notBefore: Zxid;
}

/** How far a leader or learner has come. Source: the paper's phases 1, 2 and 3. */
export type Stage = "discovery" | "synchronization" | "broadcast";

/** What a peer is doing. */
export type PeerPhase =
  | { readonly role: "looking" }
  | {
      readonly role: "following" | "observing";
      readonly leader: Sid;
      /** undefined until the link to the leader is open. */
      readonly link: LinkId | undefined;
      readonly stage: Stage;
    }
  | { readonly role: "leading"; readonly stage: Stage }
  /** A leader has said that it is no member of a membership that is settled. It does nothing any more. */
  | { readonly role: "removed"; readonly version: Zxid };

/** The members, as a peer knows them. */
export interface MembershipStatus {
  /** Committed, as far as the peer knows. */
  readonly current: Membership;
  /** Accepted after it, and maybe committed: quorums are of both jointly. */
  readonly pending: Membership | undefined;
  /** Whether the leader may propose another. */
  readonly isSettled: boolean;
}

/** What a leader knows of one learner. */
export interface LearnerStatus {
  readonly sid: Sid;
  readonly link: LinkId;
  readonly isVoter: boolean;
  /** Whether it has acknowledged NEWLEADER. */
  readonly isSynced: boolean;
  /** Why it is being sent a snapshot; undefined where it is not. */
  readonly snapshot: string | undefined;
  readonly sent: Zxid;
  readonly acknowledged: Zxid;
  /** Whether it was heard since the leader last stood still for longer than heartbeatLimitMs. */
  readonly isHeard: boolean;
  readonly silenceMs: number;
}

/** Synchronizations by their kind. */
export interface SyncCounts {
  readonly diff: number;
  readonly truncate: number;
  readonly snapshot: number;
}

/** For humans: a peer's state in full. */
export interface PeerStatus {
  readonly sid: Sid;
  readonly phase: PeerPhase;
  readonly leader: Sid | undefined;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly historyBase: Zxid;
  readonly lastZxid: Zxid;
  readonly lastCommitted: Zxid;
  readonly lastDelivered: Zxid;
  readonly electionRound: number;
  /** Elections entered since the start. */
  readonly elections: number;
  /** Why the last one was entered, and from then to broadcast; undefined while it is not reached. */
  readonly lastElectionReason: string;
  readonly lastElectionMs: number | undefined;
  readonly learners: readonly LearnerStatus[];
  /** Whether it leads and is on its way out, for a successor. */
  readonly isResigning: boolean;
  readonly membership: MembershipStatus;
  /** The voters that founded the ensemble, where this peer had to ask the register. */
  readonly founders: readonly Sid[] | undefined;
  readonly voice: Voice;
  /** How this peer's history was last made a prefix of its leader's, for people: `diff after 1:5`. */
  readonly lastSync: string;
  /** How often that was done since the start. */
  readonly syncs: SyncCounts;
  /** Unexpected or malformed input from peers, by kind. */
  readonly dropped: Readonly<Record<string, number>>;
}
