/**
 * Both ends of a snapshot: the leader's tree in parts, one a turn for each learner that has room, and at the learner
 * the tree that they build beside the one that stands.
 */
import { must } from "../base/assert.ts";
import { compareZxid, zxidText } from "../base/zxid.ts";
import { JuteError } from "../jute/jute-error.ts";
import { digestText } from "../tree/digest.ts";
import type { StagedTree, StateSummary, TreeSnapshot } from "../tree/tree-snapshot.ts";
import type { Tree } from "../tree/tree.ts";
import type { PeerInput, SnapshotWanted } from "../zab/config.ts";
import type { AfterWrite } from "../zab/effects.ts";
import type { LinkId } from "../zab/message.ts";
import { SNAPSHOT_CHANGES_MAX, SNAPSHOT_PART_BYTES } from "./limits.ts";
import { decodeSnapshotPart, decodeSummary, encodeSnapshotPart, encodeSummary } from "./snapshot-codec.ts";

/** What the peer is fed with for a learner that waits. */
export type SnapshotInput = PeerInput & { readonly kind: "snapshotPart" };

/** The leader's side. */
export class SnapshotSender {
  readonly #tree: Tree;
  readonly #partBytes: number;
  readonly #snapshots = new Map<LinkId, TreeSnapshot>();

  constructor(tree: Tree, partBytes: number = SNAPSHOT_PART_BYTES) {
    this.#tree = tree;
    this.#partBytes = partBytes;
  }

  /**
   * The next part for the learner; undefined while there is nothing new to send and the end may not be yet. "overrun"
   * where so much changed meanwhile that it would never end: the learner is to be given up, and may begin again.
   */
  next({ link, notBefore }: SnapshotWanted): SnapshotInput | "overrun" | undefined {
    const snapshot = this.#snapshots.get(link) ?? this.#tree.beginSnapshot();
    this.#snapshots.set(link, snapshot);
    if (snapshot.waiting > this.#tree.sessions.count + SNAPSHOT_CHANGES_MAX) return "overrun";
    const { entries, isWhole } = snapshot.next(this.#partBytes);
    const last = this.#tree.lastApplied;
    const isEnd = isWhole && compareZxid(last, notBefore) >= 0;
    if (entries.length === 0 && !isEnd) return undefined;
    const part = { kind: "snapshotPart", link, payload: encodeSnapshotPart(entries) } as const;
    if (!isEnd) return part;
    this.drop(link);
    return { ...part, end: { last, payload: encodeSummary(this.#tree.summary) } };
  }

  /** The learner's link is gone. */
  drop(link: LinkId): void {
    this.#snapshots.get(link)?.close();
    this.#snapshots.delete(link);
  }

  /** This replica leads no more. */
  dropAll(): void {
    for (const link of this.#snapshots.keys()) this.drop(link);
  }
}

/** What is wrong with a snapshot; undefined: nothing. */
export type SnapshotProblem = string | undefined;

/** The learner's side. */
export class SnapshotReceiver {
  readonly #stage: () => StagedTree;
  #staged: StagedTree | undefined;

  /** `stage` begins a new, empty tree beside the one that stands. */
  constructor(stage: () => StagedTree) {
    this.#stage = stage;
  }

  /** A snapshot comes: what an earlier one left is dropped. */
  begin(): void {
    this.#staged = this.#stage();
  }

  /** Takes a part in; what is malformed is the leader's doing. */
  take(payload: Uint8Array): SnapshotProblem {
    const staged = must(this.#staged, "a snapshot has begun");
    try {
      for (const entry of decodeSnapshotPart(payload)) staged.take(entry);
      return undefined;
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      return error.message;
    }
  }

  /** Whether what is staged is what the leader has at that zxid. */
  check({ last, payload }: AfterWrite & { readonly kind: "snapshotEnded" }): SnapshotProblem {
    const staged = must(this.#staged, "a snapshot has begun").summary;
    try {
      const expected = decodeSummary(payload);
      if (summaryText(staged) === summaryText(expected)) return undefined;
      return `at ${zxidText(last)} it holds ${summaryText(staged)}, the leader says ${summaryText(expected)}`;
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      return error.message;
    }
  }
}

function summaryText({ digest, totals, znodes, sessions }: StateSummary): string {
  const { dataBytes, ephemerals } = totals;
  return `${digestText(digest)}: ${znodes} znodes, ${ephemerals} ephemerals, ${sessions} sessions, ${dataBytes} bytes`;
}
