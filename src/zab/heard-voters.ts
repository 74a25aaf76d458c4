/**
 * When a leader heard each voter last, by two clocks. Lived time decides whether it leads on: its own stall is not held
 * against the voters. All time decides what it may promise: nobody who elects another waits for a stall to end.
 */
import type { Sid } from "../base/ids.ts";
import type { PeerCore } from "./core.ts";

/** See the file's comment. */
export class HeardVoters {
  readonly #core: PeerCore;
  readonly #heard = new Map<Sid, { readonly livedMs: number; readonly realMs: number }>();

  constructor(core: PeerCore) {
    this.#core = core;
    this.greet();
  }

  /** New voters have the same time to be heard as all had when this peer was elected. */
  greet(): void {
    for (const sid of this.#core.quorum.voters) if (!this.#heard.has(sid)) this.hear(sid);
  }

  /** It said something. */
  hear(sid: Sid): void {
    this.#heard.set(sid, { livedMs: this.#core.clockMs, realMs: this.#core.realMs });
  }

  /** Whether a quorum, this peer included, was heard within the heartbeat limit of lived time. */
  get isQuorum(): boolean {
    const { clockMs, timing, quorum, config } = this.#core;
    const heard = new Set<Sid>([config.sid]);
    for (const [sid, { livedMs }] of this.#heard) {
      if (clockMs - livedMs <= timing.heartbeatLimitMs) heard.add(sid);
    }
    return quorum.contains(heard);
  }

  /** The latest moment, of all time, since which a quorum was heard, this peer included. */
  get quorumRealMs(): number {
    const { quorum, config } = this.#core;
    const heard = new Set<Sid>([config.sid]);
    const latestFirst = [...this.#heard].sort(([, a], [, b]) => b.realMs - a.realMs);
    for (const [sid, { realMs }] of latestFirst) {
      heard.add(sid);
      if (quorum.contains(heard)) return realMs;
    }
    return Number.NEGATIVE_INFINITY;
  }
}
