/**
 * What voters have promised to a leader that is not established yet. Once a quorum has, its history may become that of
 * its epoch; until it is established, whoever comes with a later history than its own makes it leave. That is asked of
 * everybody, not of that quorum alone: a promise may be forgotten with its voter's disk, and its voter be let into
 * another epoch, whose commits the others alone know of then. Source: Zab, Algorithm 1 (leader).
 */
import type { Sid } from "../base/ids.ts";
import { compareZxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import type { PeerCore } from "./core.ts";
import type { Voice, ZabMessage } from "./message.ts";
import { isHopeless } from "./quorum.ts";
import { VoiceTally } from "./voice-tally.ts";

type AckEpoch = ZabMessage & { readonly kind: "ackEpoch" };

/** See the file's comment. */
export class Promises {
  readonly #core: PeerCore;
  /** The epoch of the history that this leader has to offer. */
  readonly #currentEpoch: number;
  /** Voters whose promise was made to us; a promise outlives its link. */
  readonly #made: Map<Sid, Voice> = new Map();
  /** Voters that had made it before, to whom it cannot be told. */
  readonly #before: Set<Sid> = new Set();

  constructor(core: PeerCore) {
    this.#core = core;
    this.#currentEpoch = core.currentEpoch;
  }

  /** The leader promises the epoch it has chosen. */
  own(): void {
    this.#made.set(this.#core.config.sid, this.#core.voice);
  }

  /** A voter that has a voice says what it promised, and what it has; why the leader must leave, if so. */
  take(sid: Sid, { promised, currentEpoch, history, voice }: AckEpoch): string | undefined {
    const order = currentEpoch - this.#currentEpoch || compareZxid(history.last, this.#core.history.last);
    if (order > 0) return `voter ${sid} has the later history ${zxidText(history.last)}`;
    // A fresh voter that has begun to fill does not agree that there is no history, and cannot speak for one yet.
    const isFilling = voice === "fresh" && compareZxid(history.last, ZXID_ZERO) > 0;
    if (promised) this.#made.set(sid, isFilling ? "none" : voice);
    else if (!this.#made.has(sid)) this.#before.add(sid);
    return isHopeless(this.#core.quorum, this.#before) ? "the epoch was promised before" : undefined;
  }

  /** Those who have promised, by their voices. */
  get tally(): VoiceTally {
    const tally = new VoiceTally(this.#core);
    for (const [sid, voice] of this.#made) tally.add(sid, voice);
    return tally;
  }
}
