/** What is held for a time and kept by renewing it: a lock's lease, a session without a socket. */
import { EdgekeeperError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { LeaseOverError } from "./http-errors.ts";

/** How long something is held: so many ms from when the request for it was sent. */
export interface Grant {
  readonly sentMs: number;
  readonly heldForMs: number;
}

/** What a keeper of a lease needs. */
export interface KeepingParts {
  readonly runtime: Runtime;
  readonly grant: Grant;
  /** Asks for another while. Rejects with LeaseOverError or SessionExpiredError where there is none. */
  readonly renew: (signal: AbortSignal) => Promise<Grant>;
  /** Whether it renews by itself, after each third of its time. */
  readonly isRenewed: boolean;
  /** What the error is about. */
  readonly path: string;
}

/** Counts a lease's time, renews it, and tells when it is lost. */
export class Keeping {
  readonly #parts: KeepingParts;
  readonly #lost = new AbortController();
  /** Aborted when it is given back: nothing is asked any more. */
  readonly #done = new AbortController();
  #grant: Grant;
  #stopDeadline: (() => void) | undefined;
  #stopRenewal: (() => void) | undefined;

  constructor(parts: KeepingParts) {
    this.#parts = parts;
    this.#grant = parts.grant;
    this.#count();
  }

  /** Aborted when it is lost, and not by giving it back. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long it is surely held, in ms from now, if nothing renews it. */
  get remainingMs(): number {
    if (this.#lost.signal.aborted || this.#done.signal.aborted) return 0;
    return Math.max(0, this.#grant.sentMs + this.#grant.heldForMs - this.#parts.runtime.nowMs());
  }

  /** Whether it was given back. */
  get isFinished(): boolean {
    return this.#done.signal.aborted && !this.#lost.signal.aborted;
  }

  /** Renews it now. */
  async renew(): Promise<void> {
    this.#lost.signal.throwIfAborted();
    try {
      const grant = await this.#parts.renew(this.#done.signal);
      if (this.#done.signal.aborted || this.#lost.signal.aborted) return;
      this.#grant = grant;
      this.#count();
    } catch (error) {
      const isOver = error instanceof EdgekeeperError && OVER.has(error.code);
      if (isOver) this.#lose(error);
      throw error;
    }
  }

  /** It is given back: nothing is counted any more. */
  finish(): void {
    this.#stopTimers();
    this.#done.abort();
  }

  #count(): void {
    this.#stopTimers();
    const { runtime, isRenewed, path } = this.#parts;
    this.#stopDeadline = runtime.startTimer(this.remainingMs, () =>
      this.#lose(new LeaseOverError({ path, detail: "it was not renewed in time" })),
    );
    if (!isRenewed) return;
    const renewMs = Math.max(0, this.remainingMs - (this.#grant.heldForMs * 2) / 3);
    this.#stopRenewal = runtime.startTimer(renewMs, () => {
      this.renew().catch(() => {
        // Over, which the signal has told; or out of reach, and then the deadline decides, unless this is it again.
        this.#renewLater();
      });
    });
  }

  #renewLater(): void {
    if (this.#lost.signal.aborted || this.#done.signal.aborted) return;
    this.#stopRenewal = this.#parts.runtime.startTimer(this.remainingMs / 4, () => {
      // As above: the signal has told, or the deadline will.
      this.renew().catch(() => this.#renewLater());
    });
  }

  #lose(reason: unknown): void {
    this.#stopTimers();
    this.#done.abort();
    this.#lost.abort(reason);
  }

  #stopTimers(): void {
    this.#stopDeadline?.();
    this.#stopRenewal?.();
  }
}

const OVER: ReadonlySet<string> = new Set(["lease-over", "SESSIONEXPIRED"]);
