/** What a leader's clock may do to the end of a session, and what not. */
import { describe, expect, test } from "vitest";

import { judge, type JudgeOptions } from "./judge.ts";
import { create, SingleCopy } from "./single-copy.ts";

/** A session that was silent for its timeout and is expired, at a service whose clock shows `nowMs` behind it. */
function expired(): SingleCopy {
  const service = new SingleCopy();
  const ann = service.open();
  const bob = service.open();
  service.ask(bob, create("/e", 1));
  service.lose(bob);
  service.expire(bob);
  service.ask(ann, { op: "sync", path: "/" });
  return service;
}

/** What is said where the last session's timeout was so much longer. */
function judged(byMs: number, options: (service: SingleCopy) => JudgeOptions): readonly string[] {
  const service = expired();
  const { sessions } = service.history();
  const longer = sessions.map((one, index) =>
    index === sessions.length - 1 ? { ...one, timeoutMs: one.timeoutMs + byMs } : one,
  );
  return judge(service.history({ sessions: longer }), options(service)).map(({ check }) => check);
}

describe("SessionNotEarly", () => {
  test("a leader's clock that may run fast is allowed for", () => {
    expect(judged(10, () => ({ clockRateMax: 1.02 }))).toEqual([]);
    expect(judged(10, () => ({}))).toEqual(["SessionNotEarly"]);
  });

  test("one that jumps ahead is allowed for, by a step each time, of one replica", () => {
    const jumps = (...sids: readonly number[]) => {
      return (service: SingleCopy): JudgeOptions => ({
        jumpsAhead: sids.map((sid) => ({ sid, atMs: service.nowMs - 10 })),
      });
    };

    expect(judged(200, jumps(1))).toEqual([]);
    expect(judged(400, jumps(1))).toEqual(["SessionNotEarly"]);
    expect(judged(400, jumps(1, 1))).toEqual([]);
    expect(judged(400, jumps(1, 2))).toEqual(["SessionNotEarly"]);
  });

  test("one that jumps behind the end is not", () => {
    const late = (service: SingleCopy): JudgeOptions => ({
      jumpsAhead: [{ sid: 1, atMs: service.nowMs + 1 }],
    });

    expect(judged(200, late)).toEqual(["SessionNotEarly"]);
  });
});
