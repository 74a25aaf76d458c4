/**
 * Finds a replica whose tree differs from the others' at the same zxid. Every replica notes its digest at the same
 * zxids and tells the leader all of them, now and then; the leader compares. (The latest alone would not do: under a
 * load two replicas that report at moments of their own may never speak of the same zxid, and then no quorum agrees.)
 * The digest of a quorum of voters is the right one: who has another, be it the leader itself, is diverged. Without
 * such a quorum nobody is judged, only the difference told.
 *
 * A leader whose tree is not what its digest says cannot bring anybody back, as all refuse its snapshots, and without
 * them there may be no quorum to judge it: so a learner that refuses one tells, and the leader counts its own tree.
 */
import type { Sid } from "../base/ids.ts";
import { compareZxid, equalZxid, type Zxid, zxidText } from "../base/zxid.ts";
import { type Digest, digestText, equalDigest } from "../tree/digest.ts";
import type { QuorumVerifier } from "../zab/quorum.ts";
import type { Tree } from "../tree/tree.ts";
import { DIGEST_EVERY, DIGEST_REPORT_INTERVAL_MS, DIGESTS_KEPT, RECOUNT_INTERVAL_MS } from "./limits.ts";

/** A replica's digest when it had applied exactly up to a zxid. */
export interface DigestAt {
  readonly zxid: Zxid;
  readonly digest: Digest;
}

/** What a comparison found. */
export interface Verdict {
  /** Who has another digest than a quorum of voters; empty where nobody has, or no quorum agrees. */
  readonly diverged: readonly Sid[];
  /** For people: who has what; empty where all have the same. */
  readonly difference: string;
}

/** A replica's own digests, of its recent past. */
class DigestLog {
  readonly #kept: DigestAt[] = [];

  /** Notes the digest at every DIGEST_EVERY-th zxid of an epoch, the same at all replicas. */
  note(now: DigestAt): void {
    if (now.zxid.counter % DIGEST_EVERY !== 0) return;
    this.#kept.push(now);
    if (this.#kept.length > DIGESTS_KEPT) this.#kept.shift();
  }

  /** The digest noted at the zxid, if it was and is still kept. */
  at(zxid: Zxid): Digest | undefined {
    return this.#kept.find((kept) => equalZxid(kept.zxid, zxid))?.digest;
  }

  /** Those noted after the zxid and still kept, the oldest first; all of them where no zxid is given. */
  after(zxid: Zxid | undefined): readonly DigestAt[] {
    return zxid === undefined
      ? [...this.#kept]
      : this.#kept.filter((kept) => compareZxid(kept.zxid, zxid) > 0);
  }
}

/** The leader's comparison. */
class DigestAudit {
  readonly #sid: Sid;
  readonly #quorum: () => QuorumVerifier;
  readonly #own: DigestLog;
  readonly #heard = new Map<string, Map<Sid, Digest>>();
  #compared = 0;

  constructor(parts: { readonly sid: Sid; readonly quorum: () => QuorumVerifier; readonly own: DigestLog }) {
    this.#sid = parts.sid;
    this.#quorum = parts.quorum;
    this.#own = parts.own;
  }

  /** How many digests of others were compared with this replica's. */
  get compared(): number {
    return this.#compared;
  }

  /** A replica's word; `now` is this replica's own state, for replicas that stand where it stands. */
  hear(from: Sid, { zxid, digest }: DigestAt, now: DigestAt): Verdict {
    const own = equalZxid(zxid, now.zxid) ? now.digest : this.#own.at(zxid);
    if (own === undefined) return { diverged: [], difference: "" };
    this.#compared++;
    const key = zxidText(zxid);
    const heard = this.#heard.get(key) ?? new Map([[this.#sid, own]]);
    this.#heard.set(key, heard);
    heard.set(from, digest);
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= DIGESTS_KEPT) break;
      this.#heard.delete(oldest);
    }
    return this.#judge(key, heard);
  }

  /** What the replica said is of a tree that it may not have any more. */
  forget(sid: Sid): void {
    for (const heard of this.#heard.values()) heard.delete(sid);
  }

  #judge(zxid: string, heard: ReadonlyMap<Sid, Digest>): Verdict {
    const entries = [...heard];
    const right = entries.find(([, digest]) => {
      const alike = entries.filter(([, other]) => equalDigest(other, digest)).map(([sid]) => sid);
      return this.#quorum().contains(new Set(alike));
    });
    const [, first] = entries[0] ?? [];
    const isDifferent = first !== undefined && entries.some(([, digest]) => !equalDigest(digest, first));
    const difference = isDifferent
      ? `at ${zxid}: ${entries.map(([sid, digest]) => `${sid} has ${digestText(digest)}`).join(", ")}`
      : "";
    if (right === undefined) return { diverged: [], difference };
    const diverged = entries.filter(([, digest]) => !equalDigest(digest, right[1])).map(([sid]) => sid);
    return { diverged, difference };
  }
}

/** A replica's part in the comparison, and the leader's. */
export class Digests {
  readonly #sid: Sid;
  readonly #quorum: () => QuorumVerifier;
  readonly #tree: Tree;
  readonly #log = new DigestLog();
  #audit: DigestAudit | undefined;
  #reportedMs = 0;
  #reported: Zxid | undefined;
  #mismatches = 0;
  #recountedMs = -Infinity;
  #lastSeen: Zxid | undefined;
  /** What this leader last found wrong, and when. */
  #found: { readonly atMs: number; readonly diverged: readonly Sid[] } = { atMs: -Infinity, diverged: [] };

  /** `quorum` is asked again each time: the members may change. */
  constructor(sid: Sid, quorum: () => QuorumVerifier, tree: Tree) {
    this.#sid = sid;
    this.#quorum = quorum;
    this.#tree = tree;
  }

  /** The digests noted, the oldest first. */
  noted(): readonly DigestAt[] {
    return this.#log.after(undefined);
  }

  /** Replicas that were found to differ from a quorum, since the start. */
  get mismatches(): number {
    return this.#mismatches;
  }

  /** How many digests of others this leader compared with its own; 0 elsewhere. */
  get compared(): number {
    return this.#audit?.compared ?? 0;
  }

  /** Something was applied. */
  applied(): void {
    this.#log.note(this.#now());
  }

  /**
   * What to tell the leader, if that is due: what was noted since the last report (DIGESTS_KEPT at most) and, where
   * nothing moves, the present.
   */
  report(clockMs: number): readonly DigestAt[] {
    if (clockMs - this.#reportedMs < DIGEST_REPORT_INTERVAL_MS) return [];
    this.#reportedMs = clockMs;
    const now = this.#now();
    const isIdle = this.#lastSeen !== undefined && equalZxid(this.#lastSeen, now.zxid);
    this.#lastSeen = now.zxid;
    const noted = this.#log.after(this.#reported);
    const latest = noted.at(-1)?.zxid ?? this.#reported;
    const isNews = isIdle && (latest === undefined || !equalZxid(latest, now.zxid));
    const report = isNews ? [...noted, now] : noted;
    this.#reported = report.at(-1)?.zxid ?? this.#reported;
    return report;
  }

  #now(): DigestAt {
    return { zxid: this.#tree.lastApplied, digest: this.#tree.digest };
  }

  /**
   * A learner says that this leader's snapshot does not sum up to this leader's digest. Whether the tree here is what
   * is wrong, which only counting all of it can tell; a learner that errs again and again makes nobody count for ever.
   */
  isUnsound(clockMs: number): boolean {
    if (clockMs - this.#recountedMs < RECOUNT_INTERVAL_MS) return false;
    this.#recountedMs = clockMs;
    return !this.#tree.isSound();
  }

  /** This replica leads. */
  openAudit(): void {
    this.#audit = new DigestAudit({ sid: this.#sid, quorum: this.#quorum, own: this.#log });
    this.#reported = undefined;
  }

  /** It leads no more, or follows another. */
  closeAudit(): void {
    this.#audit = undefined;
    this.#reported = undefined;
  }

  /** The link to the replica is gone: it may come back with a snapshot's tree, of which it has said nothing yet. */
  lost(sid: Sid): void {
    this.#audit?.forget(sid);
    const diverged = this.#found.diverged.filter((other) => other !== sid);
    this.#found = { ...this.#found, diverged };
  }

  /**
   * A replica's word to this leader; undefined where nothing is wrong, and where the same was found a moment ago: a
   * report holds many zxids, and each would find it again.
   */
  hear(from: Sid, told: DigestAt, clockMs: number): Verdict | undefined {
    const verdict = this.#audit?.hear(from, told, this.#now());
    if (verdict === undefined || verdict.difference === "") return undefined;
    const { diverged } = verdict;
    const isRecent = clockMs - this.#found.atMs < DIGEST_REPORT_INTERVAL_MS;
    if (isRecent && diverged.every((sid) => this.#found.diverged.includes(sid))) return undefined;
    this.#found = { atMs: clockMs, diverged };
    this.#mismatches += diverged.length;
    return verdict;
  }
}
