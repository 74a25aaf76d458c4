/**
 * The sessions that a replica has told a leader of as heard from. A leader may be deposed and not know it yet; what it
 * is told then is lost with it, and its successor would count from its own first moment. So the next leader is told
 * once more what the last one was told in its last moments: a replica stays with a deposed leader no longer than the
 * heartbeat limit. A session that is told of twice lasts a moment longer, and none ends early.
 */
import type { SessionId } from "../base/ids.ts";

/** See the file's comment. */
export class ToldSessions {
  readonly #keptMs: number;
  /** Told of since the sets changed places, and before that. */
  #recent = new Set<SessionId>();
  #older = new Set<SessionId>();
  #changedMs = Number.NEGATIVE_INFINITY;

  /** What was told stays here for `keptMs` at least, and twice that at most where there is more to tell. */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** The leader is told of these. */
  told(sessions: readonly SessionId[], nowMs: number): void {
    if (nowMs - this.#changedMs >= this.#keptMs) {
      this.#older = this.#recent;
      this.#recent = new Set();
      this.#changedMs = nowMs;
    }
    for (const session of sessions) this.#recent.add(session);
  }

  /** The leader is lost: these are for the next one. */
  take(): readonly SessionId[] {
    const all = [...new Set([...this.#older, ...this.#recent])];
    this.#older = new Set();
    this.#recent = new Set();
    return all;
  }
}
