/** Which sets of voters may decide. Any two such sets share a voter: everything Zab promises rests on that. */
import { assert } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import type { QuorumGroup } from "./membership.ts";

/** A family of quorums. Source: ZooKeeper QuorumVerifier. */
export interface QuorumVerifier {
  /** All whose word counts: who has weight 0 is none of them. */
  readonly voters: readonly Sid[];
  /** Whether the sid takes part in decisions, and so may lead. */
  isVoter(sid: Sid): boolean;
  /** Whether these sids hold a quorum; sids that are no voters do not count. */
  contains(sids: ReadonlySet<Sid>): boolean;
}

/** More than half of the voters. Source: ZooKeeper QuorumMaj. */
export class MajorityQuorum implements QuorumVerifier {
  readonly voters: readonly Sid[];
  readonly #voters: ReadonlySet<Sid>;

  constructor(voters: readonly Sid[]) {
    this.voters = voters;
    this.#voters = new Set(voters);
    assert(voters.length > 0, "an ensemble has at least one voter");
    assert(this.#voters.size === voters.length, "each voter is listed once");
  }

  isVoter(sid: Sid): boolean {
    return this.#voters.has(sid);
  }

  contains(sids: ReadonlySet<Sid>): boolean {
    let count = 0;
    for (const sid of sids) if (this.#voters.has(sid)) count++;
    return count * 2 > this.#voters.size;
  }
}

/**
 * More than half of the weight in each of more than half of the groups, groups without weight left out. Two quorums
 * share a group, and in that group a voter. Source: ZooKeeper QuorumHierarchical.
 */
export class HierarchicalQuorum implements QuorumVerifier {
  readonly voters: readonly Sid[];
  readonly #weights: ReadonlyMap<Sid, number>;
  readonly #groups: readonly { readonly sids: readonly Sid[]; readonly weight: number }[];

  /** Weights are whole numbers from 0 on, 1 where nothing is said. */
  constructor(groups: readonly QuorumGroup[], weights: ReadonlyMap<Sid, number> = new Map()) {
    const sids = groups.flatMap((group) => group.sids);
    const weightOf = new Map(sids.map((sid) => [sid, weights.get(sid) ?? 1]));
    assert(weightOf.size === sids.length, "each voter is in one group");
    this.#weights = weightOf;
    this.#groups = groups
      .map((group) => ({ sids: group.sids, weight: this.#weightOf(group.sids) }))
      .filter(({ weight }) => weight > 0);
    this.voters = sids.filter((sid) => this.isVoter(sid));
    assert(this.voters.length > 0, "an ensemble has at least one voter that counts");
  }

  isVoter(sid: Sid): boolean {
    return (this.#weights.get(sid) ?? 0) > 0;
  }

  contains(sids: ReadonlySet<Sid>): boolean {
    const won = this.#groups.filter((group) => {
      return this.#weightOf(group.sids.filter((sid) => sids.has(sid))) * 2 > group.weight;
    });
    return won.length * 2 > this.#groups.length;
  }

  #weightOf(sids: readonly Sid[]): number {
    return sids.reduce((sum, sid) => sum + (this.#weights.get(sid) ?? 0), 0);
  }
}

/**
 * A quorum of each of two families: what counts while it is not certain which of them is in force. It intersects every
 * quorum of either. Source: Raft (Ongaro, Ousterhout 2014), section 6; ZooKeeper
 * SyncedLearnerTracker.
 */
export class JointQuorum implements QuorumVerifier {
  readonly voters: readonly Sid[];
  readonly #before: QuorumVerifier;
  readonly #after: QuorumVerifier;

  constructor(before: QuorumVerifier, after: QuorumVerifier) {
    this.#before = before;
    this.#after = after;
    this.voters = [...new Set([...before.voters, ...after.voters])];
  }

  isVoter(sid: Sid): boolean {
    return this.#before.isVoter(sid) || this.#after.isVoter(sid);
  }

  contains(sids: ReadonlySet<Sid>): boolean {
    return this.#before.contains(sids) && this.#after.contains(sids);
  }
}

/**
 * The latest zxid that a quorum has acknowledged, from each voter's cumulative acknowledgement; undefined where the
 * voters given hold no quorum.
 */
export function latestAcknowledged(
  quorum: QuorumVerifier,
  acknowledged: ReadonlyMap<Sid, Zxid>,
): Zxid | undefined {
  const latestFirst = [...acknowledged].toSorted((a, b) => compareZxid(b[1], a[1]));
  const reached = new Set<Sid>();
  for (const [sid, zxid] of latestFirst) {
    reached.add(sid);
    if (quorum.contains(reached)) return zxid;
  }
  return undefined;
}

/** Whether the voters that are not lost hold no quorum. */
export function isHopeless(quorum: QuorumVerifier, lost: ReadonlySet<Sid>): boolean {
  const rest = new Set(quorum.voters.filter((sid) => !lost.has(sid)));
  return !quorum.contains(rest);
}
