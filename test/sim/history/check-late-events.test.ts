/** An event that is due, and what excuses that it does not come in time. */
import { expect, test } from "vitest";

import { must } from "../../../src/base/assert.ts";
import { EVENT_LATE_MS_MAX } from "./check-late-events.ts";
import { judge, type JudgeOptions } from "./judge.ts";
import { type Client, create, setData, SingleCopy } from "./single-copy.ts";
import type { ClientHistory, SessionRecord } from "./types.ts";

const CALM: JudgeOptions = { soundFromMs: (atMs) => atMs };

/** Bob watches /a, and asks for nothing more; Ann changes it. */
function changed(): { readonly service: SingleCopy; readonly bob: Client } {
  const service = new SingleCopy();
  const ann = service.open();
  const bob = service.open();
  service.ask(ann, create("/a", 0, "0"));
  service.ask(bob, { op: "getData", path: "/a", watch: true });
  service.ask(ann, setData("/a", "1"));
  return { service, bob };
}

function broken(history: ClientHistory, options: JudgeOptions = CALM): readonly string[] {
  return judge(history, options).map(({ check }) => check);
}

/** Nobody is told anything, and Bob's record is another. */
function untold(service: SingleCopy, bob: Client, change: Partial<SessionRecord> = {}): ClientHistory {
  const sessions = service.history().sessions.map((one) => {
    return one.session === bob.record.session ? { ...one, ...change } : one;
  });
  return service.history({ events: [], sessions });
}

test("EventNotLate: a client that is connected and asks for nothing is never told", () => {
  const { service, bob } = changed();

  expect(broken(service.history())).toEqual([]);
  expect(broken(untold(service, bob))).toEqual(["EventNotLate"]);
});

test("EventNotLate: it is told when the bound is over", () => {
  const { service } = changed();
  const event = must(service.events[0], "the watch fired");
  const told = (lateMs: number): readonly string[] =>
    broken(service.history({ events: [{ ...event, atMs: event.atMs + lateMs }] }));

  expect(told(EVENT_LATE_MS_MAX - 1)).toEqual([]);
  expect(told(EVENT_LATE_MS_MAX + 1)).toEqual(["EventNotLate"]);
});

test("an event may be late for as long as something goes wrong, or nobody can tell whether it does", () => {
  const { service, bob } = changed();
  const event = must(service.events[0], "the watch fired");
  const told = service.history({ events: [{ ...event, atMs: event.atMs + EVENT_LATE_MS_MAX + 90 }] });

  expect(broken(untold(service, bob), {})).toEqual([]);
  expect(broken(told, { soundFromMs: (atMs) => atMs + 100 })).toEqual([]);
  expect(broken(told, { soundFromMs: (atMs) => atMs + 80 })).toEqual(["EventNotLate"]);
});

test("an event may be late for a client that stands still, is gone, or has asked for what nobody answers", () => {
  const { service, bob } = changed();
  const { nowMs } = service;
  const [attachment] = bob.record.attachments;
  const frozen = [{ fromMs: nowMs + 5, toMs: nowMs + 10 }];
  const attachments = [{ ...must(attachment, "a connection"), toMs: nowMs + 5 }];

  expect(broken(untold(service, bob, { frozen }))).toEqual([]);
  expect(broken(untold(service, bob, { attachments }))).toEqual([]);

  service.ask(bob, { op: "removeWatches", path: "/a", type: 3 }, "never done");
  expect(broken(untold(service, bob))).toEqual([]);
});

test("an event is due to nobody whose session is over", () => {
  const { service, bob } = changed();
  service.expire(bob, false);

  expect(broken(untold(service, bob))).toEqual([]);
});
