import { describe, expect, test } from "vitest";
import { CallBatches, type Carrier, type Departure, isSmall } from "../../../src/gateway/api/call-batches.ts";

/** A batch on its way, until the test ends it. */
interface Trip {
  readonly records: readonly string[];
  readonly name: string;
  readonly answered: (index: number, answer: string) => void;
  readonly end: (error?: Error) => void;
}

/** Carries batches as the test says. */
class Road {
  readonly trips: Trip[] = [];
  readonly #gatherers: (() => void)[] = [];
  nowMs = 0;
  #names = 0;
  readonly batches: CallBatches = new CallBatches(() => `batch-${++this.#names}`);
  readonly #work: Promise<void>[] = [];

  readonly carrier: Carrier = {
    patience: { gatherMs: 15, looksMax: 10 },
    now: () => this.nowMs,
    gather: async (_ms, sooner) =>
      await Promise.race([sooner, new Promise<void>((go) => this.#gatherers.push(go))]),
    carry: async (batch: Departure, answered) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      this.trips.push({ records: [...batch.records], name: batch.name, answered, end });
      await promise;
    },
    keep: (work) => void this.#work.push(work),
  };

  ask(record: string, way = "main/1"): ReturnType<CallBatches["ask"]> {
    return this.batches.ask(way, record, this.carrier);
  }

  /** The moment for which batches wait is over. */
  async momentPasses(): Promise<void> {
    for (const go of this.#gatherers.splice(0)) go();
    await settled();
  }

  async allEnd(): Promise<void> {
    for (const trip of this.trips) trip.end();
    await Promise.all(this.#work);
  }

  get sent(): readonly (readonly string[])[] {
    return this.trips.map(({ records }) => records);
  }
}

/** All that follows from what has happened has happened. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("where nothing is under way", () => {
  test("a call goes at once, alone", async () => {
    const road = new Road();
    const place = road.ask("a");

    expect(road.sent).toEqual([["a"]]);

    road.trips[0]?.answered(0, "A");
    expect(await place.answer).toBe("A");
    expect(place).toMatchObject({ batch: "batch-1", index: 0 });
  });

  test("the next goes at once too, when the first has ended", async () => {
    const road = new Road();
    road.ask("a");
    await road.allEnd();

    road.ask("b");

    expect(road.sent).toEqual([["a"], ["b"]]);
  });
});

describe("while a call is under way", () => {
  test("those that come go together after a moment, and each gets its own answer", async () => {
    const road = new Road();
    road.ask("a");
    const [b, c] = [road.ask("b"), road.ask("c")];
    expect(road.sent).toEqual([["a"]]);

    await road.momentPasses();

    expect(road.sent).toEqual([["a"], ["b", "c"]]);
    road.trips[1]?.answered(1, "C");
    expect(await c.answer).toBe("C");
    road.trips[1]?.answered(0, "B");
    expect(await b.answer).toBe("B");
    expect([b.index, c.index, b.batch, c.batch]).toEqual([0, 1, "batch-2", "batch-2"]);
  });

  test("they go sooner where that one ends", async () => {
    const road = new Road();
    road.ask("a");
    road.ask("b");

    road.trips[0]?.end();
    await settled();

    expect(road.sent).toEqual([["a"], ["b"]]);
  });

  test("what goes another way waits for nothing", () => {
    const road = new Road();
    road.ask("a");
    road.ask("b", "main/2");

    expect(road.sent).toEqual([["a"], ["b"]]);
  });

  test("a batch that has left is joined by nobody", async () => {
    const road = new Road();
    road.ask("a");
    road.ask("b");
    await road.momentPasses();
    road.ask("c");
    await road.momentPasses();

    expect(road.sent).toEqual([["a"], ["b"], ["c"]]);
  });

  test("a batch takes so many calls, and so much, and the rest goes in others", async () => {
    const road = new Road();
    road.ask("a");
    for (let index = 0; index < 130; index++) road.ask("x");
    const long = "y".repeat(40_000);
    for (let index = 0; index < 3; index++) road.ask(long, "main/2");
    await road.momentPasses();

    expect(road.sent.map((records) => records.length).toSorted((a, b) => a - b)).toEqual([
      1, 1, 1, 1, 2, 128,
    ]);
    expect([isSmall(long), isSmall(`${long}${long}`)]).toEqual([true, false]);
  });

  test("a batch whose request has died before it left is joined by nobody later on", async () => {
    const road = new Road();
    road.ask("a");
    const lost = road.ask("b");
    road.nowMs = 101;
    road.ask("c");
    expect(lost.batch).toBe("batch-2");

    road.trips[0]?.end();
    await settled();

    expect(road.sent).toContainEqual(["c"]);
    expect(road.sent).not.toContainEqual(["b", "c"]);
  });
});

describe("those that take turns", () => {
  /** Three are answered together, the first of which went alone. */
  async function answeredTogether(road: Road): Promise<void> {
    for (const record of ["a", "b", "c", "d"]) road.ask(record);
    await road.momentPasses();
    expect(road.sent).toEqual([["a"], ["b", "c", "d"]]);
    for (const trip of road.trips) trip.end();
    await settled();
  }

  test("go together again: the first waits for as many as were answered", async () => {
    const road = new Road();
    await answeredTogether(road);

    for (const record of ["e", "f"]) road.ask(record);
    expect(road.trips).toHaveLength(2);
    road.ask("g");
    await settled();

    expect(road.sent.at(-1)).toEqual(["e", "f", "g"]);
  });

  test("fewer wait only as long as more come", async () => {
    const road = new Road();
    await answeredTogether(road);

    road.ask("e");
    await settled();
    road.ask("f");
    await road.momentPasses();
    expect(road.trips).toHaveLength(2);
    await road.momentPasses();

    expect(road.sent.at(-1)).toEqual(["e", "f"]);
  });

  test("who comes alone later, or to another replica, goes at once", async () => {
    const road = new Road();
    await answeredTogether(road);

    road.ask("e", "main/2");
    road.nowMs = 101;
    road.ask("f");

    expect(road.sent.slice(2)).toEqual([["e"], ["f"]]);
  });

  test("who is alone has waited once, and no more", async () => {
    const road = new Road();
    await answeredTogether(road);
    road.ask("e");
    await road.momentPasses();
    await road.momentPasses();
    road.trips.at(-1)?.end();
    await settled();

    road.ask("f");

    expect(road.sent.slice(2)).toEqual([["e"], ["f"]]);
  });

  test("what many callers hold back leaves at last, though one more comes each time", async () => {
    const road = new Road();
    for (let index = 0; index < 41; index++) road.ask("x");
    await road.momentPasses();
    for (const trip of road.trips) trip.end();
    await settled();

    let looks = 0;
    for (; road.trips.length === 2 && looks < 40; looks++) {
      road.ask("y");
      await settled();
      await road.momentPasses();
    }

    expect(looks).toBeLessThan(15);
  });
});

test("a batch whose request has died under way holds up nobody later on", () => {
  const road = new Road();
  road.ask("a");
  road.nowMs = 10_001;
  road.ask("b");

  expect(road.sent).toEqual([["a"], ["b"]]);
});

describe("where a batch ends early", () => {
  test("who was answered was answered, and the others are told that theirs is lost", async () => {
    const road = new Road();
    road.ask("a");
    const [b, c] = [road.ask("b"), road.ask("c")];
    await road.momentPasses();

    road.trips[1]?.answered(0, "B");
    road.trips[1]?.end(new Error("the replica died"));

    expect(await Promise.all([b.answer, c.answer])).toEqual(["B", undefined]);
  });

  test("an end without a failure is no answer either", async () => {
    const road = new Road();
    const place = road.ask("a");
    await road.allEnd();

    expect(await place.answer).toBeUndefined();
  });
});

test("who waits no longer has no answer, and the others of its batch have theirs", async () => {
  const road = new Road();
  road.ask("a");
  const [b, c] = [road.ask("b"), road.ask("c")];
  b.leave();
  await road.momentPasses();
  for (const index of [0, 1]) road.trips[1]?.answered(index, String(index));

  expect(await Promise.all([b.answer, c.answer])).toEqual([undefined, "1"]);
});
