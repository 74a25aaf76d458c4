/** A persistent watch, as an async iterable of its events. */
import type { WatchEvent } from "./znode.ts";

/** Events that wait to be read; where more come, one resync stands for all of them. */
const EVENTS_MAX = 10_000;

/** A watch that goes on until it is closed, its signal fires, or the session is over. */
export interface Watch extends AsyncIterableIterator<WatchEvent, undefined>, AsyncDisposable {
  readonly path: string;
  /** Takes the watch away; whoever iterates is done. */
  close(): void;
}

/** The events of a watch between the session, which brings them, and the program, which reads them. */
export class WatchQueue implements Watch {
  readonly path: string;
  readonly #onClose: () => void;
  #events: WatchEvent[] = [];
  readonly #readers: {
    readonly resolve: (result: IteratorResult<WatchEvent, undefined>) => void;
    readonly reject: (reason: unknown) => void;
  }[] = [];
  #state: "open" | "closed" | { readonly error: unknown } = "open";

  constructor(path: string, onClose: () => void) {
    this.path = path;
    this.#onClose = onClose;
  }

  /** An event came. */
  push(event: WatchEvent): void {
    if (this.#state !== "open") return;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value: event });
    if (this.#events.length >= EVENTS_MAX) {
      this.#events = [{ type: "resync", path: this.path, zxid: undefined }];
      return;
    }
    this.#events.push(event);
  }

  /** Nothing will come any more: what is there is read, and then this is thrown. */
  fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = { error };
    for (const reader of this.#readers.splice(0)) reader.reject(error);
  }

  close(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    this.#events = [];
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
    if (wasOpen) this.#onClose();
  }

  async next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) return { done: false, value: event };
    if (this.#state === "closed") return { done: true, value: undefined };
    if (this.#state !== "open") {
      const { error } = this.#state;
      this.#state = "closed";
      // The reason of a caller's signal is whatever the caller chose.
      throw error;
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
