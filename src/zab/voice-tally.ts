/**
 * Which voters may decide who leads, and from which history, given that a voter may have lost its disk. See Voice.
 */
import type { Sid } from "../base/ids.ts";
import { equalZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Founding } from "./founding.ts";
import type { Members } from "./members.ts";
import type { Voice } from "./message.ts";
import type { QuorumVerifier } from "./quorum.ts";

/** Counts voters by their voices. */
export class VoiceTally {
  readonly #quorum: QuorumVerifier;
  readonly #mayBegin: boolean;
  readonly #full: Set<Sid> = new Set();
  readonly #all: Set<Sid> = new Set();

  constructor({
    members: { quorum, latest },
    founding,
  }: {
    readonly members: Pick<Members, "quorum" | "latest">;
    readonly founding: Pick<Founding, "mayBegin">;
  }) {
    this.#quorum = quorum;
    this.#mayBegin = founding.mayBegin && equalZxid(latest.version, ZXID_ZERO);
  }

  /** Counts a voter that agrees; one without a voice does not count. */
  add(sid: Sid, voice: Voice): void {
    if (voice === "none" || !this.#quorum.isVoter(sid)) return;
    this.#all.add(sid);
    if (voice === "full") this.#full.add(sid);
  }

  /** Whether every voter counts, fresh ones included. */
  get isUnanimous(): boolean {
    return this.#all.size === this.#quorum.voters.length;
  }

  /**
   * Whether those counted may decide for a history that ends at `last`. Fresh voters count only where all voters agree
   * that there is none: so a first start needs them all.
   */
  isQuorum(last: Zxid): boolean {
    return this.#quorum.contains(this.#full) || this.isByUnanimity(last);
  }

  /**
   * Whether all voters count and agree that there is no history. Only the initial members can be without, and only
   * before the ensemble was founded: who is empty later has come later, or has lost it.
   */
  isByUnanimity(last: Zxid): boolean {
    return this.#mayBegin && equalZxid(last, ZXID_ZERO) && this.isUnanimous;
  }
}
