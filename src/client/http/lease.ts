/** A lock held over HTTP. */
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

/** A lock that is held, until it is released or lost. */
export class Lease implements AsyncDisposable {
  /** The lock's path. */
  readonly path: string;
  /** The fencing token, twenty digits: each holder's is larger than all before it, as a text too. */
  readonly token: string;
  /** The secret to renew and release it by. */
  readonly secret: string;
  readonly #caller: Caller;
  readonly #keeping: Keeping;

  /** For the client alone. */
  constructor(caller: Caller, answer: HttpAnswer, isRenewed: boolean) {
    const document = readDocument(answer.text);
    this.path = textOf(document["lock"]);
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
    await this.#caller.ask(this.#request("release", undefined));
  }

  /** Releases it; that it was lost, the signal has told. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      if (!(error instanceof LeaseOverError)) throw error;
    }
  }

  /** Both are safe to repeat: a lease that is given back twice is over. */
  #request(what: "renew" | "release", signal: AbortSignal | undefined): HttpRequest {
    return {
      method: "POST",
      path: `${lockUrl(this.path)}/${what}`,
      about: this.path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ lease: this.secret }),
      signal,
      isRepeatable: true,
      ...(what === "release" ? { doneCode: "lease-over" } : {}),
    };
  }
}

/** Where a lock is, behind the ensemble's address: `orders/42`, or a path of its own that begins with a slash. */
export function lockUrl(name: string): string {
  const isPath = name.startsWith("/");
  const encoded = isPath ? encodeURIComponent(name) : name.split("/").map(encodeURIComponent).join("/");
  return `/locks/${encoded}`;
}

function grantOf({ text, sentMs }: HttpAnswer): Grant {
  return { sentMs, expiresInMs: numberOf(readDocument(text)["expiresInMs"]) };
}
