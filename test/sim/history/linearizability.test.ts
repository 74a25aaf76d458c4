/** Histories from the literature, and from reports of systems that broke, with the verdicts that they have there. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { checkLinearizable, type SequentialModel, type TimedOperation } from "./linearizability.ts";

/** `read` answered with the value; an unknown read says nothing and is left out. */
type RegisterOp =
  | { readonly kind: "write"; readonly value: number }
  | { readonly kind: "read"; readonly value: number }
  | { readonly kind: "cas"; readonly from: number; readonly to: number; readonly swaps: boolean };

const REGISTER: SequentialModel<number, RegisterOp> = {
  initial: 0,
  step(state, op) {
    if (op.kind === "write") return [op.value];
    if (op.kind === "read") return op.value === state ? [state] : [];
    if (op.swaps) return op.from === state ? [op.to] : [];
    return op.from === state ? [] : [state];
  },
  isRead: (op) => op.kind === "read" || (op.kind === "cas" && !op.swaps),
  keyOf: String,
};

interface QueueOp {
  readonly kind: "enq" | "deq";
  readonly item: string;
}

const QUEUE: SequentialModel<readonly string[], QueueOp> = {
  initial: [],
  step(state, { kind, item }) {
    if (kind === "enq") return [[...state, item]];
    return state[0] === item ? [state.slice(1)] : [];
  },
  isRead: () => false,
  keyOf: (state) => state.join(),
};

/** `from` and `to` are moments; without `to` the outcome is unknown. */
function timed<Op>(operation: Op, from: number, to: number = Infinity): TimedOperation<Op> {
  return { operation, startMs: from, endMs: to };
}

const enq = (item: string): QueueOp => ({ kind: "enq", item });
const deq = (item: string): QueueOp => ({ kind: "deq", item });
const write = (value: number): RegisterOp => ({ kind: "write", value });
const read = (value: number): RegisterOp => ({ kind: "read", value });
const cas = (from: number, to: number, swaps = true): RegisterOp => ({ kind: "cas", from, to, swaps });

describe("FIFO queues of Herlihy and Wing (1990), figure 1", () => {
  test("H1: x and y are enqueued at once, and come out as x, y", () => {
    const history = [
      timed(enq("x"), 1, 4),
      timed(enq("y"), 2, 3),
      timed(deq("x"), 5, 6),
      timed(deq("y"), 7, 8),
      timed(enq("z"), 9),
    ];

    expect(checkLinearizable(QUEUE, history).kind).toBe("linearizable");
  });

  test("H2: x was in before y came, and y comes out first", () => {
    const history = [timed(enq("x"), 1, 2), timed(enq("y"), 3, 5), timed(deq("y"), 4, 6)];

    const verdict = checkLinearizable(QUEUE, history);

    expect(verdict).toEqual({ kind: "not linearizable", order: [enq("x"), enq("y")], stuck: deq("y") });
  });

  test("H3: x comes out before its enqueue has returned", () => {
    expect(checkLinearizable(QUEUE, [timed(enq("x"), 1), timed(deq("x"), 2, 3)]).kind).toBe("linearizable");
  });

  test("H4: y was put in once and comes out twice", () => {
    const history = [
      timed(enq("x"), 1, 3),
      timed(enq("y"), 2, 4),
      timed(deq("y"), 5, 7),
      timed(deq("y"), 6, 8),
    ];

    expect(checkLinearizable(QUEUE, history).kind).toBe("not linearizable");
  });
});

describe("registers", () => {
  test("reads during a write show the old value, then the new (after Herlihy and Wing, section 2)", () => {
    const history = [
      timed(write(0), 1, 2),
      timed(write(1), 3, 9),
      timed(read(0), 4, 5),
      timed(read(1), 6, 7),
    ];

    expect(checkLinearizable(REGISTER, history).kind).toBe("linearizable");
  });

  test("and never the new value, then the old: that is Lamport's regular register, not an atomic one", () => {
    const history = [
      timed(write(0), 1, 2),
      timed(write(1), 3, 9),
      timed(read(1), 4, 5),
      timed(read(0), 6, 7),
    ];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });

  test("Porcupine's first example: reads of 100 and of 0 overlap a put of 100", () => {
    const history = [timed(write(100), 0, 100), timed(read(100), 25, 75), timed(read(0), 30, 60)];

    expect(checkLinearizable(REGISTER, history).kind).toBe("linearizable");
  });

  test("Porcupine's second example: 0 is read after 200 was", () => {
    const history = [timed(write(200), 0, 100), timed(read(200), 10, 30), timed(read(0), 40, 90)];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });

  test("Porcupine's reads that take no time stand beside what touches them", () => {
    const good = [
      timed(write(100), 0, 100),
      timed(read(100), 25, 75),
      timed(read(0), 30, 30),
      timed(read(0), 30, 30),
    ];
    const bad = [
      timed(write(200), 0, 100),
      timed(read(200), 10, 10),
      timed(read(200), 10, 10),
      timed(read(0), 40, 90),
    ];

    expect(checkLinearizable(REGISTER, good).kind).toBe("linearizable");
    expect(checkLinearizable(REGISTER, bad).kind).toBe("not linearizable");
  });
});

describe("what Jepsen's reports found, as small histories", () => {
  test("etcd 0.4.1 and Consul (2014): a leader cut off answers a read from its own memory, which is stale", () => {
    const history = [timed(write(1), 1, 2), timed(write(2), 3, 4), timed(read(1), 5, 6)];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });

  test("MongoDB 2.4.3 and 2.6.7 (2013, 2015): an acknowledged write is rolled back after a failover", () => {
    const history = [
      timed(cas(0, 1), 1, 2),
      timed(cas(1, 2), 3, 4),
      timed(cas(1, 3), 5, 6),
      timed(read(3), 7, 8),
    ];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });

  test("MongoDB 2.6.7 (2015): a dirty read shows what then never was", () => {
    const history = [timed(write(4), 1), timed(read(4), 2, 3), timed(read(0), 4, 5)];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });

  test("Knossos: a write that timed out takes place long after, and not twice", () => {
    const late = timed(write(1), 1);
    const seen = [timed(write(2), 2, 3), timed(read(2), 4, 5), timed(read(1), 6, 7), timed(read(1), 8, 9)];

    expect(checkLinearizable(REGISTER, [late, ...seen]).kind).toBe("linearizable");
    const again = [timed(write(3), 10, 11), timed(read(1), 12, 13)];
    expect(checkLinearizable(REGISTER, [late, ...seen, ...again]).kind).toBe("not linearizable");
  });

  test("a failed compare-and-set is told so where the value was another", () => {
    const history = [timed(write(5), 1, 2), timed(cas(5, 6, false), 3, 4)];

    expect(checkLinearizable(REGISTER, history).kind).toBe("not linearizable");
  });
});

describe("the search", () => {
  test("gives up loudly, and not with a verdict", () => {
    const writes = Array.from({ length: 12 }, (_, value) => timed(write(value), 1, 100));

    expect(checkLinearizable(REGISTER, [...writes, timed(read(99), 200, 201)], 500).kind).toBe("undecided");
  });

  test("takes a long history with many unknown writes in its stride", () => {
    const history: TimedOperation<RegisterOp>[] = [];
    for (let at = 0; at < 2000; at++) {
      if (at % 20 === 0) history.push(timed(write(-1 - at), at));
      history.push(timed(write(at), at, at + 2.5));
    }

    expect(checkLinearizable(REGISTER, history, 5000).kind).toBe("linearizable");
  });

  test("agrees with trying all orders", () => {
    const operation = fc.oneof(
      fc.record({
        kind: fc.constantFrom("write" as const, "read" as const),
        value: fc.integer({ min: 0, max: 2 }),
      }),
      fc.record({
        kind: fc.constant("cas"),
        from: fc.integer({ min: 0, max: 2 }),
        to: fc.integer({ min: 0, max: 2 }),
        swaps: fc.boolean(),
      }),
    ) as fc.Arbitrary<RegisterOp>;
    const span = fc.record({
      operation,
      from: fc.integer({ min: 0, max: 12 }),
      takes: fc.option(fc.integer({ min: 0, max: 6 }), { freq: 5 }),
    });
    const histories = fc.array(span, { maxLength: 6 });

    fc.assert(
      fc.property(histories, (spans) => {
        const history = spans
          .filter(({ operation: { kind }, takes }) => kind !== "read" || takes !== null)
          .map(({ operation: op, from, takes }) =>
            timed(op, from, takes === null ? undefined : from + takes),
          );
        const verdict = checkLinearizable(REGISTER, history);

        expect(verdict.kind === "linearizable").toBe(isLinearizableByBruteForce(history));
      }),
      { numRuns: 3000, seed: 4 },
    );
  });
});

/** Tries every order that time allows, and every choice of the unknown ones. */
function isLinearizableByBruteForce(
  left: readonly TimedOperation<RegisterOp>[],
  state: number = REGISTER.initial,
): boolean {
  if (left.every(({ endMs }) => endMs === Infinity)) return true;
  return left.some((one, index) => {
    const others = left.filter((_, other) => other !== index);
    if (others.some(({ endMs }) => endMs < one.startMs)) return false;
    return REGISTER.step(state, one.operation).some((next) => isLinearizableByBruteForce(others, next));
  });
}
