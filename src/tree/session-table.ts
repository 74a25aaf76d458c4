/**
 * The replicated sessions: every replica knows them all, as any of them may be asked to take one over.
 * Who is alive is not here: that is the leader's clock, not the state that transactions change.
 */
import type { SessionId } from "../base/ids.ts";

/** One session, from its createSession transaction to its closeSession. */
export interface SessionRecord {
  readonly id: SessionId;
  /** As negotiated, in milliseconds. */
  readonly timeoutMs: number;
  /** 16 bytes that a client shows to take the session to another replica. */
  readonly password: Uint8Array;
}

/** What changed since the last time, each session in one of the lists. */
export interface DirtySessions {
  readonly puts: readonly SessionRecord[];
  readonly deletes: readonly SessionId[];
}

/** All sessions, in memory: they are bounded by the connections an ensemble takes. */
export class SessionTable {
  readonly #sessions = new Map<SessionId, SessionRecord>();
  /** Changed since takeDirty; what became of it stands in the table. */
  readonly #dirty = new Set<SessionId>();

  /** Starts from what the rows hold; nothing is dirty. */
  constructor(stored: Iterable<SessionRecord> = []) {
    for (const session of stored) this.#sessions.set(session.id, session);
  }

  get count(): number {
    return this.#sessions.size;
  }

  get(id: SessionId): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  put(session: SessionRecord): void {
    this.#sessions.set(session.id, session);
    this.#dirty.add(session.id);
  }

  delete(id: SessionId): void {
    if (this.#sessions.delete(id)) this.#dirty.add(id);
  }

  values(): Iterable<SessionRecord> {
    return this.#sessions.values();
  }

  /** What to write to the rows; the caller writes it at once, or stops the replica. */
  takeDirty(): DirtySessions {
    const puts: SessionRecord[] = [];
    const deletes: SessionId[] = [];
    for (const id of this.#dirty) {
      const session = this.#sessions.get(id);
      if (session === undefined) deletes.push(id);
      else puts.push(session);
    }
    this.#dirty.clear();
    return { puts, deletes };
  }
}
