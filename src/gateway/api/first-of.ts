/** Asking several, one after the other, or a little beside each other where that does no harm. */

/** How they are asked. */
export interface Tries<Who, Result> {
  /** undefined where it had no result: the next is asked. The signal fires when another one was sooner. */
  readonly ask: (who: Who, signal: AbortSignal) => Promise<Result | undefined>;
  /** After so many ms the next is asked beside it; undefined: only once it has ended. */
  readonly hedgeMs: (who: Who) => number | undefined;
  /** Whether no more need be asked. */
  readonly isOver: () => boolean;
}

/** The first result there is; undefined where nobody has one. A failure of `ask` is one of this. */
export async function firstOf<Who, Result>(
  all: readonly Who[],
  { ask, hedgeMs, isOver }: Tries<Who, Result>,
): Promise<Result | undefined> {
  const running: Running<Result> = new Map();
  const next = [...all];
  try {
    for (let who = next.shift(); who !== undefined; who = next.shift()) {
      const controller = new AbortController();
      const asked = ask(who, controller.signal);
      running.set(
        controller,
        asked.then((result) => ({ controller, result })),
      );
      const found = await firstResult(running, next.length === 0 ? undefined : hedgeMs(who));
      if (found !== undefined || isOver()) return found;
    }
    return undefined;
  } finally {
    for (const [controller, ended] of running) {
      // Whatever becomes of it, nobody waits for it any more.
      ended.catch(() => undefined);
      controller.abort();
    }
  }
}

/** Those that were asked and have not been heard. */
type Running<Result> = Map<AbortController, Promise<Ended<Result>>>;

interface Ended<Result> {
  readonly controller: AbortController;
  readonly result: Result | undefined;
}

/** The first result of those that run; undefined where all have ended without one, or so many ms have passed. */
async function firstResult<Result>(
  running: Running<Result>,
  withinMs: number | undefined,
): Promise<Result | undefined> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
  try {
    while (running.size > 0) {
      const ended = await Promise.race([...running.values(), promise]);
      if (ended === undefined) return undefined;
      running.delete(ended.controller);
      if (ended.result !== undefined) return ended.result;
    }
    return undefined;
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}
