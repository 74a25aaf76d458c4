/** A status that is told again whenever the znodes that it is made of have changed. */
import type { Client } from "../client/client.ts";

/** How a status is watched. */
export interface StatusWatchOptions {
  /** Ends it, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Changes that come within so long are told as one, in ms. Default 100. */
  readonly gatherMs?: number | undefined;
}

/** The present status, and each that differs from the one before. Throws where the session is over. */
export type StatusWatch<T> = AsyncIterableIterator<T, undefined>;

const GATHER_MS = 100;

/** Watches these paths, there or not, with all below them. Resolves once the watches are set. */
export async function watchStatus<T>(
  client: Client,
  {
    paths,
    read,
    options: { signal, gatherMs = GATHER_MS },
  }: {
    readonly paths: readonly string[];
    readonly read: () => Promise<T>;
    readonly options: StatusWatchOptions;
  },
): Promise<StatusWatch<T>> {
  const change = new Change();
  const unwatch = await Promise.all(
    paths.map((path) => client.addWatch(path, () => change.tell(), { recursive: true, signal })),
  );
  const onAbort = (): void => change.tell();
  signal?.addEventListener("abort", onAbort);
  client.ended.addEventListener("abort", onAbort);
  const end = (): void => {
    signal?.removeEventListener("abort", onAbort);
    client.ended.removeEventListener("abort", onAbort);
    for (const one of unwatch) one();
  };
  return statuses({ client, change, read, signal, gatherMs, end });
}

async function* statuses<T>(parts: {
  readonly client: Client;
  readonly change: Change;
  readonly read: () => Promise<T>;
  readonly signal: AbortSignal | undefined;
  readonly gatherMs: number;
  readonly end: () => void;
}): StatusWatch<T> {
  const { client, change, read, signal, gatherMs, end } = parts;
  let before = "";
  try {
    for (;;) {
      signal?.throwIfAborted();
      client.ended.throwIfAborted();
      const status = await read();
      const now = JSON.stringify(status, (_, value: unknown) =>
        typeof value === "bigint" ? value.toString() : value,
      );
      if (now !== before) yield status;
      before = now;
      await change.next();
      if (signal?.aborted !== true) {
        await new Promise<void>((resolve) => void client.runtime.startTimer(gatherMs, resolve));
      }
      change.forget();
    }
  } finally {
    end();
  }
}

/** Whether something has changed since it was last forgotten. */
class Change {
  #hasCome = false;
  #wake: () => void = () => undefined;

  tell(): void {
    this.#hasCome = true;
    this.#wake();
  }

  forget(): void {
    this.#hasCome = false;
  }

  async next(): Promise<void> {
    if (this.#hasCome) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
