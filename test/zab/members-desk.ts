/**
 * What a leader's desk, and the objects that replicas live in, do about the members of a simulated ensemble: they are
 * changed on request, those that are away are called, and whoever is removed stands still until it is called again.
 */
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { Membership } from "../../src/zab/membership.ts";
import type { Notification } from "../../src/zab/message.ts";
import { MajorityQuorum } from "../../src/zab/quorum.ts";
import type { Ensemble } from "./harness.ts";
import { membersText } from "./members-text.ts";
import type { Replica } from "./replica.ts";

/** Who is asked for. */
type Wanted = Pick<Membership, "voters" | "observers">;

export class MembersDesk {
  /** What a leader is asked for until it proposes it or leads no more. */
  readonly wanted: Map<Sid, Wanted> = new Map();
  /** Replicas that were told that they are no members. */
  removals = 0;
  readonly #ensemble: Ensemble;
  /** Per leader the version of the members behind which it has proposed others. */
  readonly #changing: Map<Sid, string> = new Map();

  constructor(ensemble: Ensemble) {
    this.#ensemble = ensemble;
  }

  /** Time has passed at a replica that is up. */
  onTick(replica: Replica): void {
    const { sid, peer } = replica;
    if (peer === undefined) return;
    this.#callMissing(replica);
    const wanted = this.wanted.get(sid);
    if (wanted === undefined) this.#ensemble.input(sid, { kind: "invite", sids: [] });
    else if (peer.phase.role !== "leading" || this.#reconfigure(sid, wanted)) this.wanted.delete(sid);
  }

  /**
   * Asks a leader for other members, as a desk does: who is to join learns first, and nothing is proposed before a
   * quorum of the new voters has caught up. Whether it was proposed.
   */
  #reconfigure(sid: Sid, next: Wanted): boolean {
    const peer = this.#ensemble.peer(sid);
    this.#ensemble.input(sid, { kind: "invite", sids: [...next.voters, ...next.observers] });
    const { learners, membership } = peer.status();
    if (!peer.canPropose() || !membership.isSettled) return false;
    // One that has just lost its disk may look so still. Members that count with it would be nobody's to decide then,
    // for good, and rightly: that is not played here.
    const isWhole = (one: Sid): boolean => this.#ensemble.replica(one).disk.visible.currentEpoch > 0;
    const synced = learners.filter((one) => one.isSynced && isWhole(one.sid)).map((one) => one.sid);
    if (!new MajorityQuorum(next.voters).contains(new Set([sid, ...synced]))) return false;
    if (this.#changing.get(sid) === zxidText(membership.current.version)) return false;
    this.#changing.set(sid, zxidText(membership.current.version));
    this.#ensemble.proposeTexts(sid, [membersText(next)]);
    return true;
  }

  /** A leader calls those that have no link to it, once a second: members, and whom it has invited. */
  #callMissing(replica: Replica): void {
    const { peer, sid } = replica;
    if (
      peer === undefined ||
      this.#ensemble.leader() !== sid ||
      this.#ensemble.nowMs - replica.calledAtMs < 1000
    )
      return;
    replica.calledAtMs = this.#ensemble.nowMs;
    const linked = new Set(peer.status().learners.map((one) => one.sid));
    const notification = peer.notification();
    const { voters, observers } = notification.membership;
    for (const to of [...voters, ...observers]) {
      if (to !== sid && !linked.has(to))
        this.#ensemble.hold(replica, () => this.#ensemble.notify(sid, to, notification));
    }
  }

  /** A replica that was removed loses its disk, and stands still until a leader that wants it again calls it. */
  remove(replica: Replica, version: Zxid): void {
    this.removals++;
    this.#ensemble.crash(replica.sid);
    this.#ensemble.wipe(replica.sid);
    replica.removed = version;
  }

  maybeRevive(replica: Replica, { state, membership }: Notification): void {
    const { removed, sid } = replica;
    const isNamed = membership.voters.includes(sid) || membership.observers.includes(sid);
    if (removed === undefined || state !== "leading" || !isNamed) return;
    if (compareZxid(membership.version, removed) < 0) return;
    replica.removed = undefined;
    // Whom to ask, as of when it was removed: what a leader tells may be of two memberships, and of guests.
    replica.calledBy = { version: removed, voters: membership.voters, observers: [] };
    this.#ensemble.start(sid);
  }
}
