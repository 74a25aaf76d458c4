import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Agenda } from "../../../src/world/agenda.ts";
import { Pipe } from "../../../src/world/pipe.ts";

/** A pipe whose frames take these times, and what has come out of it. */
function subject(delays: readonly number[]): {
  readonly agenda: Agenda;
  readonly pipe: Pipe;
  readonly out: string[];
  readonly way: { isOpen: boolean };
} {
  const agenda = new Agenda();
  const way = { isOpen: true };
  let sent = 0;
  const delayMs = (): number => delays[sent++ % delays.length] ?? 0;
  return { agenda, pipe: new Pipe({ agenda, delayMs, passes: () => way.isOpen }), out: [], way };
}

describe("a pipe", () => {
  test("brings everything in order, whatever each takes, and its end behind it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 30 }), (delays) => {
        const { agenda, pipe, out } = subject(delays);
        for (const at of delays.keys()) agenda.later(at, () => pipe.push(() => out.push(`${at}`)));
        agenda.later(delays.length, () => pipe.shut(() => out.push("end")));
        agenda.later(delays.length, () => pipe.push(() => out.push("too late")));
        agenda.runUntil(() => false, 1000);

        expect(out).toEqual([...Array.from(delays.keys(), String), "end"]);
      }),
    );
  });

  test("cut in the midst of a batch it brings the kept prefix, and then its end", () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), (kept, afterMs) => {
        const { agenda, pipe, out } = subject([5, 1, 9]);
        for (let at = 0; at < 10; at++) pipe.push(() => out.push(`${at}`));
        agenda.runUntil(() => false, afterMs);
        const before = out.length;
        pipe.cut(kept, () => out.push("end"));
        pipe.push(() => out.push("too late"));
        agenda.runUntil(() => false, 1000);

        const arrived = Math.min(10, before + kept);
        expect(out).toEqual([...Array.from({ length: arrived }, (_, at) => `${at}`), "end"]);
      }),
    );
  });

  test("muted it brings nothing, not even its end", () => {
    const { agenda, pipe, out } = subject([3]);
    pipe.push(() => out.push("a"));
    pipe.mute();
    pipe.push(() => out.push("b"));
    pipe.shut(() => out.push("end"));
    agenda.runUntil(() => false, 1000);

    expect(out).toEqual([]);
  });

  test("while nothing passes what goes in waits, and comes in order once it passes", () => {
    const { agenda, pipe, out, way } = subject([4, 1, 1]);
    pipe.push(() => out.push("under way"));
    way.isOpen = false;
    pipe.push(() => out.push("a"));
    agenda.runUntil(() => false, 100);
    expect(out).toEqual(["under way"]);

    way.isOpen = true;
    pipe.push(() => out.push("b"));
    agenda.runUntil(() => false, 200);
    expect(out).toEqual(["under way"]);
    pipe.resume();
    agenda.runUntil(() => false, 300);

    expect(out).toEqual(["under way", "a", "b"]);
  });
});
