import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../../src/world/agenda.ts";

test("events come in the order of their times, of one time as they were put in, each at a moment of its own", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 80 }), (delays) => {
      const agenda = new Agenda();
      const happened: { readonly atMs: number; readonly order: number }[] = [];
      const moments: number[] = [];
      let orders = 0;
      const plan = (delayMs: number, thenMs?: number): void => {
        const event = { atMs: agenda.nowMs + delayMs, order: orders++ };
        agenda.later(delayMs, () => {
          expect(agenda.nowMs).toBe(event.atMs);
          happened.push(event);
          moments.push(agenda.moment);
          if (thenMs !== undefined) plan(thenMs);
        });
      };
      for (const [delayMs, thenMs] of delays) plan(delayMs, thenMs);
      agenda.runUntil(() => false, 1000);

      expect(happened.length).toBe(2 * delays.length);
      expect(happened).toEqual(happened.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order));
      expect(moments).toEqual([...new Set(moments)].toSorted((a, b) => a - b));
      expect(agenda.nowMs).toBe(1000);
    }),
  );
});

test("a part of a ms counts as a whole one, and nothing comes after the deadline", () => {
  const agenda = new Agenda();
  const happened: number[] = [];
  agenda.later(1.2, () => happened.push(agenda.nowMs));
  agenda.later(3, () => happened.push(agenda.nowMs));

  agenda.runUntil(() => false, 2);

  expect(happened).toEqual([2]);
});
