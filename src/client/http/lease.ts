/** A lock, or a permit of a semaphore, held over HTTP. */
import type { Caller, HttpAnswer, HttpRequest } from "./caller.ts";
import { numberOf, readDocument, textOf } from "./documents.ts";
import { LeaseOverError } from "./http-errors.ts";
import { Keeping, type Grant } from "./kept.ts";

/** How a lock is wanted. */
export interface LockOptions {
  /** The lease ends when it was not renewed for so long, in ms: from 2 s to a day. Default 30,000. */
  readonly ttlMs?: number | undefined;
  /** How long to wait in the queue, which is fair, in ms: up to 60,000. Default 0: it is free, or LockHeldError. */
  readonly waitMs?: number | undefined;
  /** exclusive is Curator's InterProcessMutex; read and write are its InterProcessReadWriteLock. */
  readonly mode?: "exclusive" | "read" | "write" | undefined;
  /** Whom the queue shows. */
  readonly owner?: string | undefined;
  /** Renews it by itself, after each third of its time. Default true. */
  readonly renew?: boolean | undefined;
  /** Names the acquire: whoever asks again with the same key, another process too, gets the same lease. */
  readonly idempotencyKey?: string | undefined;
  /** Ends the waiting, with its reason: the place in the queue is given up. */
  readonly signal?: AbortSignal | undefined;
}

/** How a permit of a semaphore is wanted. */
export interface SemaphoreOptions extends Omit<LockOptions, "mode"> {
  /** How many may hold one: all must say the same number, which the first one sets. */
  readonly permits: number;
}

/** How somebody stands for election. */
export interface CampaignOptions extends Omit<LockOptions, "mode" | "owner"> {
  /** What others see of the leader: an address, say. */
  readonly value?: string | undefined;
}

/** What is leased, as its routes and its documents name it. */
export interface Leased {
  readonly route: "locks" | "semaphores" | "elections";
  readonly member: "lock" | "semaphore" | "election";
  readonly acquire: "acquire" | "campaign";
  readonly release: "release" | "resign";
}

/** What there is to lease. */
export const LEASED: Readonly<Record<"lock" | "semaphore" | "election", Leased>> = {
  lock: { route: "locks", member: "lock", acquire: "acquire", release: "release" },
  semaphore: { route: "semaphores", member: "semaphore", acquire: "acquire", release: "release" },
  election: { route: "elections", member: "election", acquire: "campaign", release: "resign" },
};

/** A lock or a permit that is held, until it is released or lost. */
export class Lease implements AsyncDisposable {
  /** The path of the lock, or of the semaphore. */
  readonly path: string;
  /** The fencing token, twenty digits: each holder's is larger than all before it, as a text too. */
  readonly token: string;
  /** The secret to renew and release it by. */
  readonly secret: string;
  readonly #caller: Caller;
  readonly #leased: Leased;
  readonly #keeping: Keeping;

  /** For the client alone. */
  constructor(
    caller: Caller,
    leased: Leased,
    { answer, isRenewed }: { readonly answer: HttpAnswer; readonly isRenewed: boolean },
  ) {
    const document = readDocument(answer.text);
    this.#leased = leased;
    this.path = textOf(document[leased.member]);
    this.token = textOf(document["token"]);
    this.secret = textOf(document["lease"]);
    this.#caller = caller;
    this.#keeping = new Keeping({
      runtime: caller.runtime,
      grant: grantOf(answer),
      renew: async (signal) => grantOf(await caller.ask(this.#request("renew", signal))),
      isRenewed,
      path: this.path,
    });
  }

  /** Aborted when the lock is lost, by the clock of this machine or the word of the ensemble; not by release. */
  get signal(): AbortSignal {
    return this.#keeping.signal;
  }

  /** How long it is surely held, in ms from now, if nothing renews it. */
  get remainingMs(): number {
    return this.#keeping.remainingMs;
  }

  /** What a write may carry as `held`: it is done only while the lock is held under this token. */
  get held(): string {
    return `${this.path}@${this.token}`;
  }

  /** Its whole time lies ahead again. Throws LeaseOverError where it is lost. */
  renew(): Promise<void> {
    return this.#keeping.renew();
  }

  /** Gives the lock back. Throws LeaseOverError where it was lost before; a second release does nothing. */
  async release(): Promise<void> {
    this.signal.throwIfAborted();
    if (this.#keeping.isFinished) return;
    this.#keeping.finish();
    await this.#caller.ask(this.#request(this.#leased.release, undefined));
  }

  /** Releases it; that it was lost, the signal has told. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      // That it is over, the signal has told.
      if (!(error instanceof LeaseOverError)) throw error;
    }
  }

  /** Both are safe to repeat: a lease that is given back twice is over. */
  #request(what: "renew" | Leased["release"], signal: AbortSignal | undefined): HttpRequest {
    return {
      method: "POST",
      path: `${leasedUrl(this.#leased.route, this.path)}/${what}`,
      about: this.path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ lease: this.secret }),
      signal,
      isRepeatable: true,
      ...(what === "renew" ? {} : { doneCode: "lease-over" }),
    };
  }
}

/** The lead of an election, until it is resigned or lost; `release` resigns. */
export class Lead extends Lease {
  readonly #caller: Caller;

  /** For the client alone. */
  constructor(caller: Caller, given: { readonly answer: HttpAnswer; readonly isRenewed: boolean }) {
    super(caller, LEASED.election, given);
    this.#caller = caller;
  }

  /** Sets what others see of the leader; done only while it leads. Throws NotHeldError, LeaseOverError. */
  async proclaim(
    value: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#caller.ask({
      method: "POST",
      path: `${leasedUrl("elections", this.path)}/proclaim`,
      about: this.path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ lease: this.secret, value }),
      signal,
      isRepeatable: true,
    });
  }
}

/**
 * Where it is, behind the ensemble's address: `orders/42`, or a path of its own that begins with a slash. As one
 * segment, so that no part of a name is taken for a verb.
 */
export function leasedUrl(route: Leased["route"] | "counters" | "config", name: string): string {
  return `/${route}/${encodeURIComponent(name)}`;
}

function grantOf({ text, sentMs }: HttpAnswer): Grant {
  return { sentMs, heldForMs: numberOf(readDocument(text)["heldForMs"]) };
}
