/** Every invariant that is judged after each event of a simulated run, by its one name, with a line that says it. */

/** ZooKeeper's own nine first (zookeeper-specifications, Zab.tla), then ours. */
export type InvariantName =
  | "Leadership1"
  | "Leadership2"
  | "PrefixConsistency"
  | "Integrity"
  | "Agreement"
  | "TotalOrder"
  | "LocalPrimaryOrder"
  | "GlobalPrimaryOrder"
  | "PrimaryIntegrity"
  | "EpochsNeverFall"
  | "HistoryHasNoHole"
  | "DigestsEqual"
  | "SnapshotIsWhole"
  | "StoredIsRead"
  | "AcknowledgedIsDurable"
  | "RevealedIsDurable"
  | "SaidIsDurable"
  | "CommittedIsNeverLost"
  | "OneVotePerPromise"
  | "QuorumWasInAnEpoch"
  | "RemovedIsNoMember"
  | "SessionNotExpiredEarly"
  | "SessionNotKept"
  | "ParkedIsOwedNothing"
  | "OwnersAreKnown";

/** Each with a line for people. */
export const INVARIANTS: Readonly<Record<InvariantName, string>> = {
  Leadership1: "no two replicas lead one epoch at the same time",
  Leadership2: "an epoch has one leader in all of time",
  PrefixConsistency: "of what two replicas hold as delivered, one is a prefix of the other",
  Integrity: "whatever is delivered was broadcast by a primary",
  Agreement: "of two replicas that each delivered something, one delivered both",
  TotalOrder: "who delivers a proposal has delivered the same one directly before it as everybody else",
  LocalPrimaryOrder: "what one primary broadcast is delivered in its order, without a gap",
  GlobalPrimaryOrder: "nobody delivers a proposal of an epoch behind one of a later epoch",
  PrimaryIntegrity:
    "before a primary broadcasts it has delivered all that is ever delivered of earlier epochs",
  EpochsNeverFall:
    "a disk's epochs never fall, its currentEpoch is at most its acceptedEpoch, and nobody enters one below that",
  HistoryHasNoHole: "a history grows at its end without a gap, and is cut only where it holds the zxid",
  DigestsEqual: "at one zxid all replicas have the same digest, totals and number of sessions",
  SnapshotIsWhole: "what a snapshot installed is the state that the others had at its zxid",
  StoredIsRead: "a start finds on its disk what was durable: epochs, history, and a tree of the right digest",
  AcknowledgedIsDurable: "when a write's reply leaves for its client, a quorum of voters' disks has it",
  RevealedIsDurable:
    "whatever shows that something is committed leaves after a quorum of voters' disks has it",
  SaidIsDurable:
    "when a replica's word leaves that it has accepted, entered or promised something, its own disk has it",
  CommittedIsNeverLost:
    "what was delivered anywhere is in every later leader's history, in the end in all, and never cut off",
  OneVotePerPromise: "a disk promises an epoch once, and each start of a replica has a higher number",
  QuorumWasInAnEpoch:
    "who leads with a history was promised its epoch by a quorum of voters that had been in an epoch",
  RemovedIsNoMember: "a replica is let go only by members that are settled and do not name it",
  SessionNotExpiredEarly:
    "no session expires within its timeout after a serving replica heard its client, or the runtime in its stead",
  SessionNotKept: "a silent session is expired within the stated bound, where nothing disturbs the ensemble",
  ParkedIsOwedNothing: "no replica falls asleep over a client whose request it has read and not answered",
  OwnersAreKnown: "who falls asleep knows when each session that owns something ends",
};
