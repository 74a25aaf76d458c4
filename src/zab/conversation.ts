/**
 * What a peer says of itself, and whom it hears. Of each sender the latest instance's latest word counts. Votes count
 * by the membership in this peer's own history alone; but whom to ask, and whose vote is worth adopting, it also learns
 * from those that know a later membership: so a peer that was away while all that it knew were replaced finds the
 * ensemble again.
 */
import type { Sid } from "../base/ids.ts";
import { SID_MAX } from "../base/limits.ts";
import { compareZxid, EPOCH_MAX, equalZxid } from "../base/zxid.ts";
import type { PeerCore } from "./core.ts";
import type { MembershipNote, Notification } from "./message.ts";

/** No ensemble holds so many elections: a peer that claims more is not believed, as rounds must be able to grow. */
const ELECTION_ROUND_MAX = 2 ** 48;

/** What this peer says, as far as its phase and its election tell. */
type Said = Pick<Notification, "state" | "electionRound" | "vote" | "leads">;

/** See the file's comment. */
export class Conversation {
  readonly #core: PeerCore;
  readonly #instance: number;
  /** Per sender the latest instance and sequence heard. */
  readonly #heard: Map<Sid, { readonly instance: number; readonly sequence: number }> = new Map();
  #spoken: Notification | undefined;
  /** The latest membership heard of that is later than this peer's own was then. */
  #hint: MembershipNote | undefined;

  constructor(core: PeerCore, instance: number) {
    this.#core = core;
    this.#instance = instance;
  }

  /** The notification that says this; the same one as before where nothing has changed. */
  say(said: Said): Notification {
    const { config, voice, members } = this.#core;
    const spoken = this.#spoken;
    const content = { from: config.sid, instance: this.#instance, voice, membership: members.note, ...said };
    if (spoken !== undefined && isSame(spoken, content)) return spoken;
    const next = { ...content, sequence: (spoken?.sequence ?? 0) + 1 };
    this.#spoken = next;
    return next;
  }

  /** Whom to ask: the voters, and those of a later membership that this peer has heard of. */
  get asked(): readonly Sid[] {
    const { config, quorum, members } = this.#core;
    const hint = this.#hint;
    const later = hint !== undefined && members.isBehind(hint) ? hint.voters : [];
    return [...new Set([...quorum.voters, ...later])].filter((sid) => sid !== config.sid);
  }

  /** Takes note of a word; whether it is to be heeded. What is malformed, stale or a stranger's is counted. */
  hear(notification: Notification): boolean {
    const { config, quorum, members } = this.#core;
    const { from, instance, sequence, membership, state } = notification;
    const isBetterInformed = members.isBehind(membership);
    const isKnown = quorum.isVoter(from) || isBetterInformed || state === "leading";
    if (from === config.sid || !isKnown) return this.#drop("sid");
    if (!this.#isSound(notification)) return this.#drop("malformed");
    const heard = this.#heard.get(from);
    if (heard !== undefined) {
      const age = instance - heard.instance || sequence - heard.sequence;
      if (age < 0) return this.#drop("stale");
    }
    this.#heard.set(from, { instance, sequence });
    members.learn(membership);
    const hint = this.#hint;
    const isNews = hint === undefined || compareZxid(membership.version, hint.version) > 0;
    // Who was let go knows that there is a later membership, and not whom to ask.
    if (isBetterInformed && isNews && membership.voters.length > 0) this.#hint = membership;
    return true;
  }

  #isSound({ from, vote, electionRound, membership, leads }: Notification): boolean {
    const isVoter = this.#core.quorum.isVoter(vote.leader);
    const isUnnamed = membership.voters.length === 0 || vote.peerEpoch < 0;
    const isCandidate = isVoter || isUnnamed || [from, ...membership.voters].includes(vote.leader);
    const isSid = [from, vote.leader].every((sid) => sid >= 1 && sid <= SID_MAX);
    const isRound = electionRound >= 0 && electionRound <= ELECTION_ROUND_MAX;
    return isCandidate && isSid && isRound && leads <= EPOCH_MAX && membership.version.epoch <= EPOCH_MAX;
  }

  #drop(why: string): false {
    this.#core.drop(`notification: ${why}`);
    return false;
  }
}

function isSame(a: Notification, b: Omit<Notification, "sequence">): boolean {
  return (
    a.state === b.state &&
    a.voice === b.voice &&
    a.electionRound === b.electionRound &&
    a.leads === b.leads &&
    a.membership === b.membership &&
    a.vote.leader === b.vote.leader &&
    a.vote.peerEpoch === b.vote.peerEpoch &&
    a.vote.isSuccessor === b.vote.isSuccessor &&
    equalZxid(a.vote.zxid, b.vote.zxid)
  );
}
