/** Results come in the order of the items, and no more are under way than asked for. */
import { expect, test } from "vitest";

import { pipelined, pipelinedFrom } from "../../src/program/transfer/pipelined.ts";

/** Work that ends when it is told to. */
class Works {
  readonly begun: number[] = [];
  readonly #ends = new Map<number, () => void>();

  readonly work = async (item: number): Promise<number> => {
    this.begun.push(item);
    await new Promise<void>((resolve) => this.#ends.set(item, resolve));
    return item * 10;
  };

  end(...items: readonly number[]): void {
    for (const item of items) this.#ends.get(item)?.();
  }
}

test("results come in the order of the items, whichever ends first; half of them begin at once", async () => {
  const works = new Works();
  const results = pipelined([1, 2, 3, 4, 5, 6, 7], { countMax: 4, work: works.work });
  const first = results.next();
  expect(works.begun).toEqual([1, 2, 3, 4]);
  works.end(2, 1, 3);
  expect(await first).toEqual({ value: 10, done: false });
  expect(await results.next()).toEqual({ value: 20, done: false });
  expect(works.begun).toEqual([1, 2, 3, 4]);
  expect(await results.next()).toEqual({ value: 30, done: false });
  expect(works.begun).toEqual([1, 2, 3, 4, 5, 6]);

  const rest: number[] = [];
  const taking = (async () => {
    for await (const result of results) rest.push(result);
  })();
  works.end(4, 6, 5);
  await expect.poll(() => works.begun).toEqual([1, 2, 3, 4, 5, 6, 7]);
  works.end(7);
  await taking;
  expect(rest).toEqual([40, 50, 60, 70]);
});

test("of what comes by and by no more is asked for than may be under way", async () => {
  const works = new Works();
  const asked: number[] = [];
  const items = async function* (): AsyncGenerator<number, void> {
    for (const item of [1, 2, 3, 4]) {
      asked.push(item);
      yield await Promise.resolve(item);
    }
  };
  const taken: number[] = [];
  const results = pipelinedFrom(items(), { countMax: 2, work: works.work });
  const taking = (async () => {
    for await (const result of results) taken.push(result);
  })();

  await expect.poll(() => works.begun).toEqual([1, 2]);
  expect(asked).toEqual([1, 2]);
  works.end(1, 2);
  await expect.poll(() => works.begun).toEqual([1, 2, 3, 4]);
  works.end(3, 4);
  await taking;
  expect(taken).toEqual([10, 20, 30, 40]);
});

test("what fails is told in its turn, and what comes before it is not lost", async () => {
  const work = async (item: number): Promise<number> => {
    if (item === 2) throw new Error("the second");
    return await Promise.resolve(item);
  };
  const seen: number[] = [];
  const taking = (async () => {
    for await (const result of pipelined([1, 2, 3], { countMax: 3, work })) seen.push(result);
  })();

  await expect(taking).rejects.toThrow("the second");
  expect(seen).toEqual([1]);
});
