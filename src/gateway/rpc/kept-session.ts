/**
 * Something of a session that is kept alive here for a caller elsewhere: a lease, or a session itself. It is renewed at
 * a third of its time, for as long as the caller has its stub. Where the caller lets go of that, or is gone, it is
 * ended; where this isolate is gone, nobody renews it, and it ends by itself after its time.
 *
 * It counts as lost as soon as nobody can know any more that it is held: its time is counted from when the last renewal
 * that was answered had been sent.
 */
import { RpcTarget } from "cloudflare:workers";
import type { LeaseEnd } from "../../binding/binding.ts";
import { EdgekeeperError } from "../../binding/problem.ts";
import { logLine } from "../../durable/log-line.ts";

/** Codes that say that it is over, and not just out of reach. */
const OVER: ReadonlySet<string> = new Set(["lease-over", "session-expired", "session-moved"]);

/** How soon what could not be asked is asked again. */
const RETRY_MS = 250;

/** How it is kept. */
export interface Keeping {
  /** How many milliseconds from when it was asked for it is held at least. */
  readonly heldForMs: number;
  /** When that was asked for: Unix milliseconds. */
  readonly askedMs: number;
  /** Renews it; gives how long it is held from when this was called. */
  readonly renew: () => Promise<number>;
  /** Ends it. */
  readonly end: () => Promise<void>;
  /** Resolves when it is seen to be over; fails where it can't be seen, and is asked anew a while later. */
  readonly watch?: (signal: AbortSignal) => Promise<void>;
}

/** See the file's comment. */
export class KeptSession {
  /** Settled when it is over, and all that there was to do is done. */
  readonly settled: Promise<void>;
  readonly #keeping: Keeping;
  readonly #over = new AbortController();
  readonly #lost = Promise.withResolvers<LeaseEnd>();
  #deadlineMs: number;
  #ending: Promise<void> | undefined;

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
    this.#deadlineMs = keeping.askedMs + keeping.heldForMs;
    const watching = keeping.watch === undefined ? Promise.resolve() : this.#watch(keeping.watch);
    this.settled = Promise.all([this.#live(), watching]).then(() => undefined);
  }

  /** Resolves when it is over. */
  get lost(): Promise<LeaseEnd> {
    return this.#lost.promise;
  }

  /** For how many milliseconds more it is held at least. */
  get remainingMs(): number {
    return this.#isOver ? 0 : Math.max(0, this.#deadlineMs - Date.now());
  }

  /** Renews it now; gives remainingMs. Throws EdgekeeperError where it is over, or can't be asked. */
  async renew(): Promise<number> {
    if (this.#isOver) throw endError(await this.#lost.promise);
    const askedMs = Date.now();
    try {
      this.#deadlineMs = askedMs + (await this.#keeping.renew());
    } catch (error) {
      if (isOver(error)) this.#finish({ code: "lease-over", detail: error.detail });
      throw error;
    }
    return this.remainingMs;
  }

  /** Ends it, once. Throws EdgekeeperError where nobody knows whether it is ended: it is, after its time. */
  async end(): Promise<void> {
    const isHeld = !this.#isOver;
    this.#finish({ code: "released", detail: "its holder gave it back" });
    if (isHeld) this.#ending ??= this.#end();
    await this.#ending;
  }

  /** The same of whoever can't wait for it. */
  dispose(): void {
    this.end().catch((error: unknown) => logLine(`binding: not released: ${String(error)}`));
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #finish(end: LeaseEnd): void {
    if (this.#isOver) return;
    this.#lost.resolve(end);
    this.#over.abort();
  }

  async #live(): Promise<void> {
    while (!this.#isOver) {
      await pause(this.remainingMs / 3, this.#over.signal);
      if (!this.#isOver) await this.#keep();
    }
    // Whoever ends it hears of a failure.
    await this.#ending?.catch(() => undefined);
  }

  async #keep(): Promise<void> {
    const late = pause(this.remainingMs, this.#over.signal).then(() => {
      if (this.remainingMs === 0) this.#finish(EXPIRED);
    });
    const renewal = this.renew().catch(async (error: unknown) => {
      // What the ensemble refuses for now is asked again; whatever it is, the deadline decides, and tells the holder.
      if (this.#isOver) return;
      if (!(error instanceof EdgekeeperError)) logLine(`binding: not renewed: ${String(error)}`);
      await pause(RETRY_MS, this.#over.signal);
    });
    await Promise.race([late, renewal]);
  }

  /** Tries again where the outcome is unknown: it is ended, or it is told that it was. */
  async #end(): Promise<void> {
    for (;;) {
      try {
        return await this.#keeping.end();
      } catch (error) {
        // What is over need not be released.
        if (isOver(error)) return;
        const isTriedAgain = error instanceof EdgekeeperError && (error.isRetryable || error.status === 504);
        if (!isTriedAgain || Date.now() >= this.#deadlineMs) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  async #watch(watch: NonNullable<Keeping["watch"]>): Promise<void> {
    while (!this.#isOver) {
      try {
        await watch(this.#over.signal);
        this.#finish({ code: "lease-over", detail: "its znode was deleted, or its session is over" });
      } catch (error) {
        if (this.#isOver) return;
        // Renewals tell of its end too, only later.
        if (error instanceof EdgekeeperError && error.status === 403) return;
        await pause(this.remainingMs / 3, this.#over.signal);
      }
    }
  }
}

/** Tells of an end. It stands alone as a call that is not answered holds the stub that it was made on. */
export class EndingTarget extends RpcTarget {
  readonly #kept: KeptSession;

  constructor(kept: KeptSession) {
    super();
    this.#kept = kept;
  }

  /** Resolves once it is over, and says why. */
  async lost(): Promise<LeaseEnd> {
    return await this.#kept.lost;
  }
}

const EXPIRED: LeaseEnd = {
  code: "lease-expired",
  detail: "it could not be renewed within its time: it may be somebody else's by now",
};

function isOver(error: unknown): error is EdgekeeperError {
  return error instanceof EdgekeeperError && OVER.has(error.code);
}

function endError({ code, detail }: LeaseEnd): EdgekeeperError {
  return new EdgekeeperError({ code: code === "released" ? "lease-over" : code, detail, status: 410 });
}

/** Waits so long, or until the signal. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
    if (signal?.aborted === true) done();
  });
}
