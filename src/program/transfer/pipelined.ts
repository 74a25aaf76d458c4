/** Work on many things, some at a time: what it comes to is given in the order of the things. */

/** See the file's comment. */
export interface Pipe<Item, Result> {
  /** So many are under way or wait to be taken. */
  readonly countMax: number;
  /** Begun in the order of the items. */
  readonly work: (item: Item) => Promise<Result>;
}

/**
 * Begins half of them at once, as a client sends what is asked for within one turn in one message: one by one each
 * would be a message, and an event of whoever answers it. Throws what an item's work throws.
 */
export async function* pipelined<Item, Result>(
  items: readonly Item[],
  { countMax, work }: Pipe<Item, Result>,
): AsyncGenerator<Result, void> {
  const begun: Promise<Result>[] = [];
  let next = 0;
  for (;;) {
    if (begun.length <= countMax / 2) {
      const end = Math.min(items.length, next + countMax - begun.length);
      for (const item of items.slice(next, end)) begun.push(heldBack(work(item)));
      next = end;
    }
    const first = begun.shift();
    if (first === undefined) return;
    yield await first;
  }
}

/** The same of things that come by and by: no more are asked for than may be under way. */
export async function* pipelinedFrom<Item, Result>(
  items: AsyncIterable<Item>,
  { countMax, work }: Pipe<Item, Result>,
): AsyncGenerator<Result, void> {
  const begun: Promise<Result>[] = [];
  for await (const item of items) {
    begun.push(heldBack(work(item)));
    const first = begun.length < countMax ? undefined : begun.shift();
    if (first !== undefined) yield await first;
  }
  for (const promise of begun) yield await promise;
}

/** Its failure is told when its turn comes. */
export function heldBack<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}
