/** The open links of a replica, and who is at their other ends. */
import { assert } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import type { LinkId } from "../zab/message.ts";

/** A link that is open, whoever asked for it. */
export interface OpenedLink {
  readonly link: LinkId;
  readonly sid: Sid;
  readonly role: "to-leader" | "from-learner";
}

/** See the file's comment. */
export class LinkTable {
  readonly #sids = new Map<LinkId, Sid>();
  /** The link that each learner opened to us. */
  readonly #learners = new Map<Sid, LinkId>();

  /**
   * Takes note of a link. A learner has one: an earlier one is given to `cut` first, which must drop it, as whatever
   * was at its other end is lost, with whom it heard and what it asked.
   */
  open(opened: OpenedLink, cut: (earlier: LinkId) => void): void {
    const { link, sid, role } = opened;
    const earlier = role === "from-learner" ? this.#learners.get(sid) : undefined;
    if (earlier !== undefined) cut(earlier);
    assert(role === "to-leader" || !this.#learners.has(sid), "the learner's earlier link is dropped");
    this.#sids.set(link, sid);
    if (role === "from-learner") this.#learners.set(sid, link);
  }

  get isEmpty(): boolean {
    return this.#sids.size === 0;
  }

  /** Who is at the other end; undefined where the link is not open. */
  sidOf(link: LinkId): Sid | undefined {
    return this.#sids.get(link);
  }

  /** The links that learners opened to us, but this one's. */
  learnersBut(sid: Sid): readonly LinkId[] {
    return [...this.#learners].flatMap(([learner, link]) => (learner === sid ? [] : [link]));
  }

  /** The learner's link. */
  ofLearner(sid: Sid): LinkId | undefined {
    return this.#learners.get(sid);
  }

  /** Those of these sids that have no link to us. */
  missing(sids: readonly Sid[]): readonly Sid[] {
    return sids.filter((sid) => !this.#learners.has(sid));
  }

  /** The link is gone; the learner comes back whose it was. */
  drop(link: LinkId): Sid | undefined {
    const sid = this.#sids.get(link);
    this.#sids.delete(link);
    if (sid === undefined || this.#learners.get(sid) !== link) return undefined;
    this.#learners.delete(sid);
    return sid;
  }
}
