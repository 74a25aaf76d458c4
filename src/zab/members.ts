/**
 * Whose word counts, as this peer's accepted history tells it. A membership z is a proposal in that history. Until z is
 * known to be committed a quorum is one of the membership before it and one of its own, jointly; from then on its own
 * alone counts. The proposal "settled" behind z proves that z was committed, to whoever has it. A leader proposes the
 * next membership only once "settled" is committed, so of several in a history all but the last are proven. See
 * ARCHITECTURE.md, "Changing the members".
 */
import { assert } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { PeerConfig } from "./config.ts";
import { type Membership, quorumOf } from "./membership.ts";
import type { MembershipNote, Proposal } from "./message.ts";
import { JointQuorum, type QuorumVerifier } from "./quorum.ts";

/** What a proposal does to the membership. */
export type MembershipChange =
  /** From its commit on these are the members; the version is the proposal's zxid, whatever is said here. */
  | { readonly kind: "members"; readonly membership: Membership }
  /** The membership before it was committed when this was proposed. */
  | { readonly kind: "settled" };

/** Reads a payload; undefined where it leaves the members alone. Pure, and the same at every replica. */
export type MembershipOf = (payload: Uint8Array) => MembershipChange | undefined;

interface Change {
  readonly zxid: Zxid;
  readonly change: MembershipChange;
}

/** What follows from the changes so far. */
interface View {
  /** Committed, as far as is known or proven. */
  readonly current: Membership;
  /** Accepted, and for all that is known not committed. */
  readonly pending: Membership | undefined;
  readonly isSettlingProposed: boolean;
  readonly quorum: QuorumVerifier;
}

/** The members in force at one peer. */
export class Members {
  readonly #membershipOf: MembershipOf;
  /** The last that is known to be committed, and whether "settled" behind it is, too. */
  #committed: { readonly membership: Membership; readonly isSettled: boolean };
  /** Changes that are accepted and not known to be committed, oldest first. */
  #changes: readonly Change[] = [];
  /** The version of the latest membership that somebody has told to be committed. */
  #proven: Zxid = ZXID_ZERO;
  #view: View;
  #guests: readonly Sid[] = [];
  #note: MembershipNote | undefined;
  /** The version of members that this peer cannot name. */
  readonly #unnamed: Zxid | undefined;

  /** Begins with what is committed at the start. Nobody proposed the initial membership: it needs no settling. */
  constructor({
    membership,
    membershipOf,
    wasLetGo,
  }: Pick<PeerConfig, "membership" | "membershipOf" | "wasLetGo">) {
    this.#membershipOf = membershipOf;
    this.#unnamed = wasLetGo === true ? membership.version : undefined;
    this.#committed = { membership, isSettled: compareZxid(membership.version, ZXID_ZERO) === 0 };
    this.#view = this.#see();
  }

  /** What decides now. */
  get quorum(): QuorumVerifier {
    return this.#view.quorum;
  }

  /** The last membership that was committed, as far as this peer knows or its history proves. */
  get current(): Membership {
    return this.#view.current;
  }

  /** One behind it that may or may not be committed. */
  get pending(): Membership | undefined {
    return this.#view.pending;
  }

  /** The latest that this peer has accepted. */
  get latest(): Membership {
    return this.#view.pending ?? this.#view.current;
  }

  /** Whether the membership is in force alone and "settled" is committed: another may be proposed. */
  get isSettled(): boolean {
    return this.#committed.isSettled && this.#changes.length === 0;
  }

  /** Whether a leader has to propose "settled" now. */
  get isSettlingDue(): boolean {
    const { pending, isSettlingProposed } = this.#view;
    return pending === undefined && !isSettlingProposed && !this.isSettled;
  }

  /**
   * What others are told: the latest; who may vote or lead before it is committed, too; and a leader's guests. Who was
   * let go names nobody: whoever believed it would ask those of before for ever.
   */
  get note(): MembershipNote {
    return (this.#note ??= this.#makeNote());
  }

  #makeNote(): MembershipNote {
    const { current, latest } = this;
    if (latest.version === this.#unnamed)
      return { version: latest.version, isCommitted: true, voters: [], observers: [] };
    const voters = [...new Set([...latest.voters, ...current.voters])];
    const observers = [...new Set([...latest.observers, ...current.observers, ...this.#guests])];
    const isCommitted = this.pending === undefined;
    return { version: latest.version, isCommitted, voters, observers };
  }

  /** Replicas that a leader lets learn from it though they are no members yet; nobody where it leads no more. */
  invite(sids: readonly Sid[]): void {
    const guests = sids.filter((sid) => !this.names(sid));
    if (guests.join() === this.#guests.join()) return;
    this.#guests = guests;
    this.#note = undefined;
  }

  /** Whether the sid is a member, be it of a membership that may not come about. */
  names(sid: Sid): boolean {
    return [this.current, this.latest].some((one) => one.voters.includes(sid) || one.observers.includes(sid));
  }

  /** Whether a leader takes it for a learner: for as long as it is not certain who the members are, anybody. */
  isWelcome(sid: Sid): boolean {
    return !this.isSettled || this.names(sid) || this.#guests.includes(sid);
  }

  /** Whether the other's membership is later than any that this peer has accepted. */
  isBehind(other: MembershipNote): boolean {
    return compareZxid(other.version, this.latest.version) > 0;
  }

  /**
   * Somebody knows that the membership which is pending here is committed: a zxid names a history, so that is this
   * very one, and a commit is for ever. Those who leave need not be asked any more, who may be without a vote by their
   * own knowledge and yet have a longer history.
   */
  learn({ version, isCommitted }: MembershipNote): void {
    const { pending } = this.#view;
    if (!isCommitted || pending === undefined || compareZxid(version, pending.version) !== 0) return;
    this.#proven = version;
    this.#set(this.#changes);
  }

  /** What a payload does to the members. */
  read(payload: Uint8Array): MembershipChange | undefined {
    return this.#membershipOf(payload);
  }

  /** Proposals were accepted, in order. */
  onAccepted(proposals: readonly Proposal[]): void {
    const changes: Change[] = [];
    for (const { zxid, payload } of proposals) {
      const change = this.#membershipOf(payload);
      if (change === undefined) continue;
      const isMembers = change.kind === "members";
      const versioned = isMembers
        ? { ...change, membership: { ...change.membership, version: zxid } }
        : change;
      changes.push({ zxid, change: versioned });
    }
    if (changes.length > 0) this.#set([...this.#changes, ...changes]);
  }

  /** What came after this zxid is forgotten: so a membership among it never was. */
  onTruncated(after: Zxid): void {
    const left = this.#changes.filter(({ zxid }) => compareZxid(zxid, after) <= 0);
    if (left.length < this.#changes.length) this.#set(left);
  }

  /** Everything up to here is committed. */
  onCommitted(upTo: Zxid): void {
    const left = this.#changes.filter(({ zxid }) => compareZxid(zxid, upTo) > 0);
    if (left.length === this.#changes.length) return;
    for (const { change } of this.#changes.slice(0, this.#changes.length - left.length)) {
      const { membership } = this.#committed;
      this.#committed =
        change.kind === "settled"
          ? { membership, isSettled: true }
          : { membership: change.membership, isSettled: false };
    }
    this.#set(left);
  }

  #set(changes: readonly Change[]): void {
    this.#changes = changes;
    this.#view = this.#see();
    this.#guests = this.#guests.filter((sid) => !this.names(sid));
    this.#note = undefined;
  }

  #see(): View {
    let current = this.#committed.membership;
    let pending: Membership | undefined;
    let isSettlingProposed = false;
    for (const { change } of this.#changes) {
      // The next membership is proposed once the one before is settled: like "settled" it proves that one.
      current = pending ?? current;
      pending = change.kind === "members" ? change.membership : undefined;
      if (pending !== undefined && compareZxid(pending.version, this.#proven) === 0) {
        current = pending;
        pending = undefined;
      }
      isSettlingProposed = change.kind === "settled";
    }
    const own = quorumOf(current);
    const quorum = pending === undefined ? own : new JointQuorum(own, quorumOf(pending));
    return { current, pending, isSettlingProposed, quorum };
  }
}

/**
 * What a leader proposes must follow the rules that its successors reason by: a membership only once the one before is
 * settled, "settled" only behind a membership that is committed, and of both no two at once.
 */
export function assertMayPropose(
  members: Members,
  proposals: readonly Proposal[],
  underWay: Zxid | undefined,
): Zxid | undefined {
  let latest = underWay;
  let changes = underWay === undefined ? 0 : 1;
  for (const { zxid, payload } of proposals) {
    const change = members.read(payload);
    if (change === undefined) continue;
    changes++;
    latest = zxid;
    assert(changes === 1, "one change of the members at a time");
    if (change.kind === "members") assert(members.isSettled, "the members before are settled");
    else assert(members.isSettlingDue, "the members are committed, and not settled");
  }
  return latest;
}
