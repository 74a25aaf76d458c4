/**
 * What peers say to each other, as plain data: the transport encodes it, carries it and hands it back.
 * Election travels as Notification, one request and one answer; everything else travels as ZabMessage on the FIFO link
 * between a learner and its leader. Source: Zab (Junqueira, Reed, Serafini 2011), section IV; ZooKeeper Leader.java.
 */
import type { Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";

/** A link's number, given by the shell, never used twice by one instance. */
export type LinkId = number;

/** One transaction in the total order. The payload is opaque to Zab. */
export interface Proposal {
  readonly zxid: Zxid;
  readonly payload: Uint8Array;
}

/** Whom a peer would follow, and the history of that peer: its last accepted zxid and its currentEpoch. */
export interface Vote {
  readonly leader: Sid;
  readonly zxid: Zxid;
  readonly peerEpoch: number;
  /** Its leader of before has named it: of equal histories it is to lead. */
  readonly isSuccessor?: true;
}

/** What a peer tells of the members it knows: whom to ask, and who may be followed. Nobody counts votes by it. */
export interface MembershipNote {
  readonly version: Zxid;
  /** Whether the teller knows it to be committed. */
  readonly isCommitted: boolean;
  readonly voters: readonly Sid[];
  /** Observers, and from a leader also those that it has invited. */
  readonly observers: readonly Sid[];
}

/** What a peer is doing, as its notifications tell it. */
export type PeerState = "looking" | "following" | "leading" | "observing";

/**
 * Whether a voter counts where a quorum decides who leads. A fresh one was never in an epoch, or lost its disk and
 * what it had acknowledged: a quorum of others must speak for the history, unless all voters agree that there is none.
 * One whose tree differs from a quorum's ("none") neither leads nor counts. Both are heard again once a whole history
 * is theirs. ZooKeeper counts an emptied server, and so can lose acknowledged writes.
 */
export type Voice = "full" | "fresh" | "none";

/**
 * A peer's present vote. Of one sender the highest instance counts and, within it, the highest sequence: what a
 * superseded instance still says is ignored. Source: ZooKeeper FastLeaderElection.Notification.
 */
export interface Notification {
  readonly from: Sid;
  /** The sender's start number, made durable before its first word. */
  readonly instance: number;
  /** Grows with each change of what the notification says. */
  readonly sequence: number;
  readonly state: PeerState;
  /** The sender's own, whoever it votes for. */
  readonly voice: Voice;
  /** The sender's logical clock of elections. */
  readonly electionRound: number;
  readonly vote: Vote;
  /** The epoch that the sender leads in broadcast; 0 where it does not. */
  readonly leads: number;
  readonly membership: MembershipNote;
}

/** The most epoch ends a summary carries. An ensemble that changed leaders more often since needs a snapshot. */
export const EPOCH_ENDS_MAX = 64;

/**
 * A history in a few numbers: for each of its latest epochs the last zxid, oldest first, at most EPOCH_ENDS_MAX. The
 * list begins with 0:0 where no older epoch was left out, so that two whole histories always share an entry.
 */
export interface HistorySummary {
  readonly last: Zxid;
  readonly epochEnds: readonly Zxid[];
}

/** Everything that travels on the link between a learner and its leader. */
export type ZabMessage =
  /**
   * Learner to leader, first on the link: the epoch it promised last (FOLLOWERINFO, OBSERVERINFO; the paper's CEPOCH).
   * What it is, follower or observer, the leader's own membership says.
   */
  | { readonly kind: "learnerInfo"; readonly acceptedEpoch: number }
  /** Leader to learner: the epoch to promise (LEADERINFO; the paper's NEWEPOCH). */
  | { readonly kind: "leaderInfo"; readonly newEpoch: number }
  /** Learner to leader: its history; `promised` where this very message makes the promise (ACKEPOCH; ACK-E). */
  | {
      readonly kind: "ackEpoch";
      readonly promised: boolean;
      readonly currentEpoch: number;
      readonly history: HistorySummary;
      readonly voice: Voice;
      /** The learner has delivered up to here: it cannot truncate below. */
      readonly lastDelivered: Zxid;
    }
  /** Leader to learner: your history is a prefix of mine; what comes after `after` follows (DIFF). */
  | { readonly kind: "diff"; readonly after: Zxid }
  /** Leader to learner: forget what you have after `after`; mine follows (TRUNC). */
  | { readonly kind: "truncate"; readonly after: Zxid }
  /** Leader to learner: my history does not reach back to what we share; my state follows, in parts (SNAP). */
  | { readonly kind: "snapshot"; readonly reason: string }
  /** Leader to learner: a part of the state, opaque to Zab. A later part overrules what earlier ones said. */
  | { readonly kind: "snapshotPart"; readonly payload: Uint8Array }
  /** Leader to learner, last on the link: with all parts you hold the state at `last`; the payload proves it. */
  | { readonly kind: "snapshotEnd"; readonly last: Zxid; readonly payload: Uint8Array }
  /** Learner to leader: so many parts are durable, beside what it had. */
  | { readonly kind: "snapshotAck"; readonly parts: number }
  /** Leader to learner: accept these, in order; history while synchronizing, live afterwards (PROPOSAL). */
  | { readonly kind: "propose"; readonly proposals: readonly Proposal[] }
  /** Leader to learner: you have all of my history up to `last`; enter the epoch (NEWLEADER). */
  | { readonly kind: "newLeader"; readonly epoch: number; readonly last: Zxid }
  /** Learner to leader: history and epoch are durable (ACK of NEWLEADER; the paper's ACK-LD). */
  | { readonly kind: "ackNewLeader"; readonly epoch: number }
  /** Leader to learner: serve; everything up to `committed` is committed (UPTODATE; COMMIT-LD). */
  | { readonly kind: "upToDate"; readonly committed: Zxid }
  /** Learner to leader: everything up to here is durable (ACK, cumulative). */
  | { readonly kind: "ack"; readonly upTo: Zxid }
  /** Leader to learner: everything up to here is committed (COMMIT, cumulative). */
  | { readonly kind: "commit"; readonly upTo: Zxid }
  /**
   * Leader to a voter with which it is a quorum: everything up to here is durable here, too. Where both have it, it is
   * committed, and the voter knows without a word of its own on the way. ZooKeeper has no such message.
   */
  | { readonly kind: "leaderAck"; readonly upTo: Zxid }
  /** Leader to one voter that has everything: look for a leader, and be it. The leader resigns with these words. */
  | { readonly kind: "succeed" }
  /** Leader to learner: you are no member of this membership, which is settled; `epoch` is the leader's own. */
  | { readonly kind: "removed"; readonly version: Zxid; readonly epoch: number }
  /** Leader to learner, every heartbeat. */
  | { readonly kind: "ping" }
  /** Learner to leader, for each ping. */
  | { readonly kind: "pong" };
