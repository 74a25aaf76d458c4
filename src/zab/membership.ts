/** Who belongs to an ensemble, in which role. It travels as an ordinary proposal, so it has a place in the order. */
import type { Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import { HierarchicalQuorum, MajorityQuorum, type QuorumVerifier } from "./quorum.ts";

/** Voters that count as one: a quorum is more than half of the weight in more than half of the groups. */
export interface QuorumGroup {
  readonly id: number;
  readonly sids: readonly Sid[];
}

/** The members of an ensemble. Source: ZooKeeper QuorumVerifier, whose text /zookeeper/config holds. */
export interface Membership {
  /** The zxid of the proposal that brought it; 0:0 for the initial one, which nobody proposed. */
  readonly version: Zxid;
  /** Participants, in no order; those of weight 0 are told all and decide nothing. */
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  /** Absent where a majority decides. Each voter is in exactly one. */
  readonly groups?: readonly QuorumGroup[];
  /** Whole numbers from 0 on, 1 where nothing is said; without meaning where there are no groups. */
  readonly weights?: ReadonlyMap<Sid, number>;
}

/** What decides under this membership. It is sound; see membershipProblem. */
export function quorumOf({ voters, groups, weights }: Membership): QuorumVerifier {
  return groups === undefined ? new MajorityQuorum(voters) : new HierarchicalQuorum(groups, weights);
}

/**
 * What is wrong with it, undefined where it may decide: no voter, one listed twice or in two roles, groups that are not
 * a partition of the voters, a weight that is none, or no weight at all. Source: ZooKeeper
 * QuorumPeerConfig.parseDynamicConfig, QuorumHierarchical.parse.
 */
export function membershipProblem(membership: Membership): string | undefined {
  const { voters, observers, groups, weights } = membership;
  const all = [...voters, ...observers];
  if (voters.length === 0) return "there is no voter";
  const twice = all.find((sid, index) => all.indexOf(sid) !== index);
  if (twice !== undefined) return `server ${twice} is listed twice`;
  if (groups === undefined) return weights === undefined ? undefined : "there are weights and no groups";
  const grouped = groups.flatMap(({ sids }) => sids);
  if (groups.some(({ id }, index) => groups.findIndex((other) => other.id === id) !== index)) {
    return "a group is listed twice";
  }
  const isPartition = grouped.length === voters.length && voters.every((sid) => grouped.includes(sid));
  if (!isPartition) return "each voter must be in exactly one group, and nobody else in any";
  for (const [sid, weight] of weights ?? []) {
    if (!voters.includes(sid)) return `server ${sid} has a weight and is no voter`;
    if (!Number.isSafeInteger(weight) || weight < 0) return `server ${sid} has the weight ${weight}`;
  }
  const isAlive = grouped.some((sid) => (weights?.get(sid) ?? 1) > 0);
  return isAlive ? undefined : "no voter has a weight";
}
