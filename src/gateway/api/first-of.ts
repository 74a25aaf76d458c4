/** Asking several, one after the other, or a little beside each other where that does no harm. */

/** Tells one that is asked that another was sooner. An AbortSignal would do, at many times the price. */
export class Stop {
  readonly #acts: (() => void)[] = [];
  #isStopped = false;

  /** Whether another was sooner. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Calls this when it is. */
  whenStopped(act: () => void): void {
    if (this.#isStopped) act();
    else this.#acts.push(act);
  }

  /** Another was sooner, or nobody waits any more. */
  stop(): void {
    this.#isStopped = true;
    for (const act of this.#acts.splice(0)) act();
  }
}

/** How they are asked. */
export interface Tries<Who, Result> {
  /** undefined where it had no result: the next is asked. */
  readonly ask: (who: Who, stop: Stop) => Promise<Result | undefined>;
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
      const stop = new Stop();
      const asked = ask(who, stop);
      const withinMs = next.length === 0 ? undefined : hedgeMs(who);
      if (withinMs === undefined && running.size === 0) {
        // As most are asked: nobody beside it, now or later.
        const result = await asked;
        if (result !== undefined || isOver()) return result;
        continue;
      }
      running.set(
        stop,
        asked.then((result) => ({ stop, result })),
      );
      const found = await firstResult(running, withinMs);
      if (found !== undefined || isOver()) return found;
    }
    return undefined;
  } finally {
    for (const [stop, ended] of running) {
      // Whatever becomes of it, nobody waits for it any more.
      ended.catch(() => undefined);
      stop.stop();
    }
  }
}

/** Those that were asked and have not been heard. */
type Running<Result> = Map<Stop, Promise<Ended<Result>>>;

interface Ended<Result> {
  readonly stop: Stop;
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
      running.delete(ended.stop);
      if (ended.result !== undefined) return ended.result;
    }
    return undefined;
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}
