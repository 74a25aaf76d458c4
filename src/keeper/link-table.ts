/** The open links of a replica, and who is at their other ends. */
import type { Sid } from "../base/ids.ts";
import type { LinkId } from "../zab/message.ts";

/** See the file's comment. */
export class LinkTable {
  readonly #sids = new Map<LinkId, Sid>();
  /** The latest link that each learner opened to us. */
  readonly #learners = new Map<Sid, LinkId>();

  /** Takes note of a link; a learner's earlier one comes back: what it still says is void. */
  open(link: LinkId, sid: Sid, role: "to-leader" | "from-learner"): LinkId | undefined {
    this.#sids.set(link, sid);
    if (role === "to-leader") return undefined;
    const before = this.#learners.get(sid);
    this.#learners.set(sid, link);
    return before;
  }

  /** Who is at the other end; undefined where the link is not open. */
  sidOf(link: LinkId): Sid | undefined {
    return this.#sids.get(link);
  }

  /** The learner's latest link. */
  ofLearner(sid: Sid): LinkId | undefined {
    return this.#learners.get(sid);
  }

  /** Those of these sids that have no link to us. */
  missing(sids: readonly Sid[]): readonly Sid[] {
    return sids.filter((sid) => !this.#learners.has(sid));
  }

  /** The link is gone; the learner comes back whose latest it was. */
  drop(link: LinkId): Sid | undefined {
    const sid = this.#sids.get(link);
    this.#sids.delete(link);
    if (sid === undefined || this.#learners.get(sid) !== link) return undefined;
    this.#learners.delete(sid);
    return sid;
  }
}
