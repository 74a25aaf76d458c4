/**
 * Fast Leader Election: looking peers tell each other whom they would follow until a quorum agrees on the peer with the
 * best history. Source: ZooKeeper FastLeaderElection. Departures:
 *  - no finalize wait where every voter has answered alike;
 *  - a peer that would follow an established leader counts itself, so that of three voters two suffice to rejoin;
 *  - a voter that may have lost what it acknowledged does not count where there is a history (Voice);
 *  - observers do not vote and join only a leader that says it leads;
 *  - where a leader knows other members than this peer does, its own word suffices to follow it: votes are counted by
 *    the membership in one's own history, which may be of the past, and following a leader is always safe;
 *  - of equal histories the one whose leader has named it is better: a change of leader on request.
 * An election never disturbs an established leader: peers that follow or lead answer, and do not look.
 */
import type { Sid } from "../base/ids.ts";
import { compareZxid, equalZxid, ZXID_ZERO } from "../base/zxid.ts";
import type { PeerCore } from "./core.ts";
import type { Notification, Vote } from "./message.ts";
import { VoiceTally } from "./voice-tally.ts";

/**
 * Negative, zero or positive as vote a is worse than, equal to or better than b: by peerEpoch, zxid, whether the last
 * leader has named it, sid.
 */
export function compareVotes(a: Vote, b: Vote): number {
  if (a.peerEpoch !== b.peerEpoch) return a.peerEpoch - b.peerEpoch;
  const named = Number(a.isSuccessor ?? false) - Number(b.isSuccessor ?? false);
  return compareZxid(a.zxid, b.zxid) || named || a.leader - b.leader;
}

/** Whether to vote so instead. Who may not lead votes for nobody, under its own name: that is no vote to take over. */
function isBetter(vote: Vote, own: Vote): boolean {
  return vote.peerEpoch >= 0 && compareVotes(vote, own) > 0;
}

function equalVotes(a: Vote, b: Vote): boolean {
  return a.leader === b.leader && a.peerEpoch === b.peerEpoch && equalZxid(a.zxid, b.zxid);
}

/** One peer's elections, one after the other. */
export class Election {
  readonly #core: PeerCore;
  #round = 0;
  #vote: Vote;
  #isSuccessor = false;
  #decided: Sid | undefined;
  /** Latest words of looking peers in this round. */
  readonly #received: Map<Sid, Notification> = new Map();
  /** Latest words of peers that follow or lead, of whatever round. */
  readonly #established: Map<Sid, Notification> = new Map();
  #finalizeAtMs: number | undefined;
  #retryAtMs = 0;
  #retryMs = 0;
  #mustSend = false;

  constructor(core: PeerCore) {
    this.#core = core;
    this.#vote = this.#ownVote();
  }

  /** The logical clock of elections. */
  get round(): number {
    return this.#round;
  }

  /** The present vote. */
  get vote(): Vote {
    return this.#vote;
  }

  /** Whom to follow, or ourselves to lead; undefined while the election goes on. */
  get decided(): Sid | undefined {
    return this.#decided;
  }

  /** Begins a new round with a vote for ourselves, which says so if the last leader wants us to lead. */
  begin(isSuccessor: boolean): void {
    this.#round++;
    this.#isSuccessor = isSuccessor;
    this.#decided = undefined;
    this.#received.clear();
    this.#established.clear();
    this.#change(this.#ownVote());
    this.#count();
  }

  /** The register has answered: what was too few may be enough. */
  onFounders(): void {
    if (this.#decided === undefined) this.#count();
  }

  /** Others decide than before: who votes no more is no candidate, and those that are left may be enough. */
  onMembers(): void {
    if (this.#decided !== undefined) return;
    if (!this.#core.quorum.isVoter(this.#vote.leader)) this.#change(this.#ownVote());
    this.#count();
  }

  /** Takes a vote into account; the caller has dropped what is stale or malformed. */
  onNotification(notification: Notification): void {
    if (this.#decided !== undefined) return;
    if (notification.state === "looking") this.#onLooking(notification);
    else this.#onEstablished(notification);
  }

  /** Ends a finalize wait, and tells whether the present vote must be sent to every voter now. */
  onTime(): boolean {
    const { clockMs, timing } = this.#core;
    if (this.#finalizeAtMs !== undefined && clockMs >= this.#finalizeAtMs) {
      this.#decide(this.#vote);
    }
    if (this.#decided !== undefined) return this.#takeMustSend();
    if (clockMs >= this.#retryAtMs) {
      this.#mustSend = true;
      this.#retryAtMs = clockMs + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, timing.notificationRetryMaxMs);
    }
    return this.#takeMustSend();
  }

  #takeMustSend(): boolean {
    const mustSend = this.#mustSend;
    this.#mustSend = false;
    return mustSend;
  }

  #ownVote(): Vote {
    const { config, history, currentEpoch, voice, isVoter } = this.#core;
    // Worse than any other, and counted by nobody: it makes us known, and says whom we would follow later. One who
    // knows fewer members than an observer does must not take it for a candidate.
    if (voice === "none" || !isVoter) return { leader: config.sid, zxid: ZXID_ZERO, peerEpoch: -1 };
    const own = { leader: config.sid, zxid: history.last, peerEpoch: currentEpoch };
    return this.#isSuccessor ? { ...own, isSuccessor: true } : own;
  }

  #change(vote: Vote): void {
    this.#vote = vote;
    this.#finalizeAtMs = undefined;
    this.#mustSend = true;
    this.#retryMs = this.#core.timing.notificationRetryMs;
    this.#retryAtMs = this.#core.clockMs + this.#retryMs;
  }

  #onLooking(notification: Notification): void {
    const { from, vote, electionRound, membership } = notification;
    this.#established.delete(from);
    // Who knows later members may count on this peer's vote, though by its own history it has none.
    const { isVoter, quorum, members } = this.#core;
    const isBehind = members.isBehind(membership);
    if (!(isVoter || isBehind) || electionRound < this.#round) return;
    const isCandidate = quorum.isVoter(vote.leader) || (isBehind && membership.voters.includes(vote.leader));
    if (electionRound > this.#round) {
      this.#round = electionRound;
      this.#received.clear();
      const own = this.#ownVote();
      this.#change(isCandidate && isBetter(vote, own) ? vote : own);
    } else if (isCandidate && isBetter(vote, this.#vote)) {
      this.#change(vote);
    }
    this.#received.set(from, notification);
    this.#count();
  }

  /** Decides, or waits for a better vote, where a quorum has voted as we do. */
  #count(): void {
    const { config, members, isVoter, voice, clockMs, timing } = this.#core;
    if (!isVoter || !this.#mayLead(this.#vote.leader)) return;
    const agreed = new VoiceTally(this.#core);
    agreed.add(config.sid, voice);
    for (const [sid, said] of this.#received) {
      if (!equalVotes(said.vote, this.#vote)) continue;
      // Who knows of later members, though it has nothing, does not agree that there is no history.
      agreed.add(sid, said.voice === "fresh" && members.isBehind(said.membership) ? "none" : said.voice);
    }
    // Who knows fewer members than we do has decided before we can: it agrees, where the leader says that it leads.
    const { leader } = this.#vote;
    for (const [sid, { vote, electionRound, voice: told }] of this.#established) {
      const isAlike = vote.leader === leader && electionRound === this.#round;
      if (isAlike && this.#isLeading(leader, electionRound)) agreed.add(sid, told);
    }
    const isQuorum = agreed.isQuorum(this.#vote.zxid);
    if (isQuorum && agreed.isUnanimous) this.#decide(this.#vote);
    else if (!isQuorum) this.#finalizeAtMs = undefined;
    else this.#finalizeAtMs ??= clockMs + timing.finalizeWaitMs;
  }

  /** FLE's votes out of election: joins a leader that a quorum follows already. */
  #onEstablished(notification: Notification): void {
    const { config, quorum, isVoter } = this.#core;
    const { leader } = notification.vote;
    this.#received.delete(notification.from);
    this.#established.set(notification.from, notification);
    if (this.#mayFollowByWord(notification)) return this.#follow(notification);
    const agreed = new Set<Sid>(isVoter ? [config.sid] : []);
    for (const [sid, { vote }] of this.#established) if (vote.leader === leader) agreed.add(sid);
    const isLed = this.#mayLead(leader) && this.#isLeading(leader, notification.electionRound);
    if (isLed && quorum.contains(agreed)) {
      this.#follow(notification);
    } else {
      this.#count();
    }
  }

  /**
   * Whether the word of the leader alone will do: it knows later members, or that ours were committed, or it leads a
   * later epoch without ours, which have come to nothing then. Who was let go by these members has only that word, if
   * they invite it: it may not know who they are.
   */
  #mayFollowByWord({ from, state, vote, leads, membership }: Notification): boolean {
    const { members, history, currentEpoch } = this.#core;
    if (state !== "leading" || vote.leader !== from) return false;
    const order = compareZxid(membership.version, members.latest.version);
    if (order !== 0) return order > 0 || leads > history.last.epoch;
    const wasLetGo = currentEpoch === 0 && compareZxid(members.latest.version, ZXID_ZERO) > 0;
    return leads > 0 && membership.isCommitted && (members.pending !== undefined || wasLetGo);
  }

  #follow({ electionRound, vote }: Notification): void {
    this.#round = Math.max(this.#round, electionRound);
    this.#decide(vote);
  }

  /** Who has lost its voice while others followed it does not lead on their word of then: they will find out. */
  #mayLead(leader: Sid): boolean {
    const { config, voice } = this.#core;
    return leader !== config.sid || voice !== "none";
  }

  /** ZooKeeper's checkLeader: no leader is followed on hearsay alone, so that a dead one is not elected for ever. */
  #isLeading(leader: Sid, electionRound: number): boolean {
    if (leader === this.#core.config.sid) return electionRound === this.#round;
    return this.#established.get(leader)?.state === "leading";
  }

  #decide(vote: Vote): void {
    this.#vote = vote;
    this.#finalizeAtMs = undefined;
    this.#decided = vote.leader;
  }
}
