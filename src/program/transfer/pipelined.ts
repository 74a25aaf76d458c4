/** Work on many things, some at a time: what it comes to is given in the order of the things. */

/** See the file's comment. */
export interface Pipe<Item, Result> {
  /** So many are under way or wait to be taken. */
  readonly countMax: number;
  /** Begun in the order of the items. */
  readonly work: (item: Item) => Promise<Result>;
}

/** Asks for items only as its results are taken. Throws what an item's work or the source of the items throws. */
export async function* pipelined<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  { countMax, work }: Pipe<Item, Result>,
): AsyncGenerator<Result, void> {
  const begun: Promise<Result>[] = [];
  for await (const item of items) {
    const promise = work(item);
    // Its failure is told when its turn comes.
    promise.catch(() => undefined);
    begun.push(promise);
    const first = begun.length < countMax ? undefined : begun.shift();
    if (first !== undefined) yield await first;
  }
  for (const promise of begun) yield await promise;
}
