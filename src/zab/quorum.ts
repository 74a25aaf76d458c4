/** Which sets of voters may decide. Any two such sets share a voter: everything Zab promises rests on that. */
import { assert } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";

/** A family of quorums. Source: ZooKeeper QuorumVerifier. */
export interface QuorumVerifier {
  readonly voters: readonly Sid[];
  /** Whether the sid takes part in decisions. */
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
