/**
 * What a step wants done, as data, sorted by what it may outrun. The shell performs `free`, then `writes` as one
 * transaction, then `after`. Whatever it sends once a write was issued must reach nobody before that write is durable;
 * a Durable Object's output gate does exactly that. So there is no "persisted" input, and a leader may count its own
 * acknowledgement at once: whatever could reveal the commit waits behind the same gate.
 * Who gathers several steps into one transaction must hold what a later step sends free behind an earlier one's writes.
 */
import type { Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import type { PeerPhase } from "./config.ts";
import type { LinkId, Notification, Proposal, ZabMessage } from "./message.ts";

/** One message on one link; links are FIFO. */
export interface Send {
  readonly kind: "send";
  readonly link: LinkId;
  readonly message: ZabMessage;
}

/** A change of what is durable. All of a step's writes are one transaction, in order. */
export type PeerWrite =
  /** Accepted proposals, directly after the last one. */
  | { readonly kind: "append"; readonly proposals: readonly Proposal[] }
  /** Removes every proposal after this zxid. */
  | { readonly kind: "truncate"; readonly after: Zxid }
  /** The staged snapshot takes the place of history and tree: the history is empty and begins after `last`. */
  | { readonly kind: "install"; readonly last: Zxid }
  /** The tree of a restore takes the place of the other, as of this zxid, which is part of history; that stays. */
  | { readonly kind: "restore"; readonly at: Zxid }
  /** The tree is known to differ from a quorum's: until a snapshot is installed this peer has no voice. */
  | { readonly kind: "diverged" }
  /** Both epochs, each at least what it was. */
  | { readonly kind: "epochs"; readonly acceptedEpoch: number; readonly currentEpoch: number };

/** What must come behind the step's writes, in order. */
export type AfterWrite =
  | Send
  /** POST this to that peer; its answer comes back as a notification input. */
  | { readonly kind: "notify"; readonly to: Sid; readonly notification: Notification }
  /**
   * Ask the register who founded the ensemble, whose answer comes back as a founders input or not at all. With these
   * founders it is told first that they have, unless somebody did before; its answer comes once that is durable.
   */
  | { readonly kind: "register"; readonly founders: readonly Sid[] | undefined }
  /** Open a link to that peer; linkOpened or linkFailed comes back. */
  | { readonly kind: "openLink"; readonly to: Sid }
  /** Close the link once all that was sent on it is out; no linkClosed need come back. */
  | { readonly kind: "closeLink"; readonly link: LinkId; readonly reason: string }
  /** The peer is in this phase now. Unproposed and uncommitted requests of an old phase are of unknown outcome. */
  | { readonly kind: "phase"; readonly phase: PeerPhase }
  /** A snapshot comes: what an earlier one left staged is void. */
  | { readonly kind: "snapshotBegun"; readonly reason: string }
  /** Stage this part with the step's writes. */
  | { readonly kind: "snapshotPart"; readonly payload: Uint8Array }
  /** All is staged: check it, then write `install` and start anew from the disk, or answer with snapshotRefused. */
  | { readonly kind: "snapshotEnded"; readonly last: Zxid; readonly payload: Uint8Array }
  /** takeCommitted has something up to here. */
  | { readonly kind: "committed"; readonly upTo: Zxid };

/** Everything a step wants done. */
export interface PeerEffects {
  /** May leave before this step's writes are durable: PROPOSE, heartbeats, COMMIT of what earlier steps wrote. */
  readonly free: readonly Send[];
  readonly writes: readonly PeerWrite[];
  readonly after: readonly AfterWrite[];
}

/** Gathers a step's effects and keeps each link FIFO: nothing is free behind something that had to wait. */
export class Outbox {
  #free: Send[] = [];
  #writes: PeerWrite[] = [];
  #after: AfterWrite[] = [];
  readonly #waiting: Set<LinkId> = new Set();

  /** Sends what promises nothing that this step writes; it may leave before the writes. */
  sendFree(link: LinkId, message: ZabMessage): void {
    if (this.#waiting.has(link)) this.sendAfter(link, message);
    else this.#free.push({ kind: "send", link, message });
  }

  /** Sends behind the step's writes. */
  sendAfter(link: LinkId, message: ZabMessage): void {
    this.#waiting.add(link);
    this.#after.push({ kind: "send", link, message });
  }

  /** Adds a write; consecutive appends are one. */
  write(write: PeerWrite): void {
    const previous = this.#writes.at(-1);
    if (write.kind === "append" && previous?.kind === "append") {
      const proposals = [...previous.proposals, ...write.proposals];
      this.#writes[this.#writes.length - 1] = { kind: "append", proposals };
    } else {
      this.#writes.push(write);
    }
  }

  /** Adds something else that comes behind the writes. */
  after(effect: Exclude<AfterWrite, Send>): void {
    this.#after.push(effect);
  }

  /** Hands everything out and starts anew. */
  take(): PeerEffects {
    const effects = { free: this.#free, writes: this.#writes, after: this.#after };
    this.#free = [];
    this.#writes = [];
    this.#after = [];
    this.#waiting.clear();
    return effects;
  }
}
