/**
 * Links that learners opened to a peer that is still looking: the learner's election may end a little earlier than that
 * of its leader. They wait, bounded in time and number, and are adopted if this peer leads.
 */
import type { Sid } from "../base/ids.ts";
import type { PeerCore } from "./core.ts";
import type { LinkId, ZabMessage } from "./message.ts";

/** A learner says one thing before it is answered; the margin is for pongs. */
const MESSAGES_MAX = 4;

/** One link that waits. */
export interface PendingLink {
  readonly link: LinkId;
  readonly sid: Sid;
  readonly openedAtMs: number;
  readonly messages: ZabMessage[];
}

/** The links that wait for this peer to lead. */
export class PendingLinks {
  readonly #core: PeerCore;
  readonly #links: Map<LinkId, PendingLink> = new Map();

  constructor(core: PeerCore) {
    this.#core = core;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Holds a link; of one sid only the latest, so their number is that of the ensemble. */
  onOpened(link: LinkId, sid: Sid): void {
    for (const pending of this.#links.values()) {
      if (pending.sid === sid) this.#close(pending.link, "replaced by a newer link");
    }
    this.#links.set(link, { link, sid, openedAtMs: this.#core.clockMs, messages: [] });
  }

  onClosed(link: LinkId): void {
    this.#links.delete(link);
  }

  /** Keeps a message for later if it came on a link that waits. */
  maybeHold(link: LinkId, message: ZabMessage): boolean {
    const pending = this.#links.get(link);
    if (pending === undefined) return false;
    if (pending.messages.length < MESSAGES_MAX) pending.messages.push(message);
    else this.#core.drop("pending link: too many messages");
    return true;
  }

  /** Closes what has waited too long. */
  onTime(): void {
    const { clockMs, timing } = this.#core;
    for (const { link, openedAtMs } of this.#links.values()) {
      if (clockMs - openedAtMs > timing.pendingLinkMs) this.#close(link, "not leading");
    }
  }

  /** Hands out all of them. */
  takeAll(): readonly PendingLink[] {
    const links = [...this.#links.values()];
    this.#links.clear();
    return links;
  }

  closeAll(reason: string): void {
    for (const link of this.#links.keys()) this.#close(link, reason);
  }

  #close(link: LinkId, reason: string): void {
    this.#links.delete(link);
    this.#core.outbox.after({ kind: "closeLink", link, reason });
  }
}
