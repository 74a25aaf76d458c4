/**
 * The whole tree in parts, while it goes on changing. Each part is taken at one moment; what changes meanwhile is sent
 * again by a later part, so that a receiver that lets later entries overrule earlier ones holds, with the part that
 * makes it whole, exactly the state of that moment: not a fuzzy one that history has to repair (ZooKeeper's snapshots
 * take several bugs from that), and one that needs no history older than itself.
 *
 * Invariant: what was not sent yet is behind the cursor's position in the store, among the changed, or unchanged.
 */
import { assert } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import { type Digest, DIGEST_ZERO } from "./digest.ts";
import type { NodeStore, Znode } from "./node-store.ts";
import type { SessionRecord, SessionTable } from "./session-table.ts";
import { type ChangeListener, TreeState, type TreeTotals } from "./tree-state.ts";

/** A znode or a session as it is, or that there is none. */
export type SnapshotEntry =
  | { readonly kind: "znode"; readonly path: string; readonly node: Znode | undefined }
  | { readonly kind: "session"; readonly id: SessionId; readonly session: SessionRecord | undefined };

/** What a whole state sums up to: sender and receiver must find the same. */
export interface StateSummary {
  readonly digest: Digest;
  readonly totals: TreeTotals;
  readonly znodes: number;
  readonly sessions: number;
}

/** A part of a snapshot. */
export interface SnapshotPart {
  readonly entries: readonly SnapshotEntry[];
  /** Whether all parts together are the state of this moment. */
  readonly isWhole: boolean;
}

/** What an entry counts towards a part's bytes besides data and path: Stat, owner and an ordinary ACL. */
const ENTRY_BYTES = 128;
const SESSION_BYTES = 40;

/** Sends one receiver the state of a tree. */
export class TreeSnapshot implements ChangeListener {
  readonly #state: TreeState;
  /** The last path sent in the store's own order; undefined before the first. */
  #cursor: string | undefined;
  #isAtEnd = false;
  readonly #znodes: Set<string>;
  readonly #sessions: Set<SessionId>;

  /** Begins; end it with `close`, or it listens for ever. */
  constructor(state: TreeState) {
    this.#state = state;
    // Sessions are few and small: they all count as changed, as do znodes that the store's order does not show yet.
    this.#znodes = new Set(state.store.unwritten());
    this.#sessions = new Set([...state.sessions.values()].map(({ id }) => id));
    state.listen(this);
  }

  changedZnode(path: string): void {
    this.#znodes.add(path);
  }

  changedSession(id: SessionId): void {
    this.#sessions.add(id);
  }

  /** How many changed znodes and sessions wait to be sent: what a slow receiver makes this hold. */
  get waiting(): number {
    return this.#znodes.size + this.#sessions.size;
  }

  /** The next part: about `bytesMax`, the changed first, so that they do not pile up. */
  next(bytesMax: number): SnapshotPart {
    const entries: SnapshotEntry[] = [];
    let bytes = 0;
    for (const id of this.#sessions) {
      if (bytes >= bytesMax) break;
      this.#sessions.delete(id);
      entries.push({ kind: "session", id, session: this.#state.sessions.get(id) });
      bytes += SESSION_BYTES;
    }
    for (const path of this.#znodes) {
      if (bytes >= bytesMax) break;
      this.#znodes.delete(path);
      const node = this.#state.store.get(path);
      entries.push({ kind: "znode", path, node });
      bytes += entryBytes(path, node);
    }
    while (bytes < bytesMax && !this.#isAtEnd) {
      const stored = this.#state.store.after(this.#cursor, bytesMax - bytes);
      this.#isAtEnd = stored.length === 0;
      for (const [path, node] of stored) {
        entries.push({ kind: "znode", path, node });
        bytes += entryBytes(path, node);
        this.#cursor = path;
      }
    }
    return { entries, isWhole: this.#isAtEnd && this.waiting === 0 };
  }

  /** Listens no more. */
  close(): void {
    this.#state.unlisten(this);
  }
}

function entryBytes(path: string, node: Znode | undefined): number {
  return ENTRY_BYTES + path.length + (node?.data?.length ?? 0);
}

/** What a state sums up to. */
export function summaryOf(state: TreeState): StateSummary {
  const { digest, totals, store, sessions } = state;
  return { digest, totals, znodes: store.count(), sessions: sessions.count };
}

const NOTHING_YET: Pick<StateSummary, "digest" | "totals"> = {
  digest: DIGEST_ZERO,
  totals: { dataBytes: 0, ephemerals: 0 },
};

/** A tree that a snapshot brings, beside the one that stands. */
export class StagedTree {
  readonly #state: TreeState;

  /** Over an empty store and table, or over those that hold what sums up to this. */
  constructor(
    parts: { readonly store: NodeStore; readonly sessions: SessionTable },
    sums: Pick<StateSummary, "digest" | "totals"> = NOTHING_YET,
  ) {
    const isEmpty = parts.store.count() === 0 && parts.sessions.count === 0;
    assert(isEmpty || sums !== NOTHING_YET, "nothing is staged yet");
    this.#state = new TreeState({ ...parts, ...sums });
  }

  /** Takes an entry; a later one of the same path or session overrules it. */
  take(entry: SnapshotEntry): void {
    if (entry.kind === "znode") {
      const { path, node } = entry;
      if (node !== undefined) this.#state.put(path, node);
      else if (this.#state.get(path) !== undefined) this.#state.delete(path);
    } else {
      const { id, session } = entry;
      if (session !== undefined) this.#state.putSession(session);
      else if (this.#state.sessions.get(id) !== undefined) this.#state.deleteSession(id);
    }
  }

  /** A znode that is staged. */
  get(path: string): Znode | undefined {
    return this.#state.get(path);
  }

  /** The names of the staged children. */
  childNames(path: string): readonly string[] {
    return this.#state.store.childNames(path);
  }

  hasSession(id: SessionId): boolean {
    return this.#state.sessions.get(id) !== undefined;
  }

  /** The sessions that are staged. */
  sessions(): readonly SessionRecord[] {
    return [...this.#state.sessions.values()];
  }

  /** What is staged so far sums up to. */
  get summary(): StateSummary {
    return summaryOf(this.#state);
  }
}
