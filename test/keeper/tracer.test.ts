/** Spans of a traced write, over replicas: each draws what it does itself, and nothing is said where nobody traces. */
import { describe, expect, it } from "vitest";
import type { Span } from "../../src/base/trace.ts";
import { zxidDigits } from "../../src/base/zxid.ts";
import { encodeLinkMessage, readLinkMessage } from "../../src/keeper/link-codec.ts";
import { linkMessageProblem } from "../../src/keeper/link-check.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { Tracer } from "../../src/keeper/tracer.ts";
import { call, create } from "./test-caller.ts";
import { World } from "./world.ts";

const PLACE = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

function spansOf(world: World): readonly (Span & { readonly sid: number })[] {
  return world.sids.flatMap((sid) => world.replica(sid).spans.map((span) => ({ ...span, sid })));
}

describe("a traced write", () => {
  it.each(["leader", "follower"])("by the %s is drawn by the leader and by each disk", (by) => {
    const world = new World({ voters: 3, observers: 1, seed: 3 }).startAll();
    const leader = world.untilServing();
    const sid = by === "leader" ? leader : (world.sids.find((one) => one !== leader) ?? leader);
    call(world, sid, { kind: "write", request: create("/quiet") }).answered();
    expect(spansOf(world)).toEqual([]);
    const request = { kind: "write", request: create("/traced") } as const;
    const { zxid } = call(world, sid, request, { trace: PLACE }).answered();
    world.untilEqual();

    const spans = spansOf(world);
    const proposed = spans.filter(({ name }) => name === "edgekeeper.propose");
    const appended = spans.filter(({ name }) => name === "edgekeeper.append");
    expect(proposed).toMatchObject([{ sid: leader, traceId: PLACE.traceId, parentId: PLACE.spanId }]);
    expect(appended.map((span) => span.sid)).toEqual(world.sids);
    for (const span of appended) expect(span.parentId).toBe(proposed[0]?.spanId);
    for (const { attributes, endMs, startMs } of spans) {
      expect(attributes).toEqual({ "edgekeeper.zxid": zxidDigits(zxid) });
      expect(endMs).toBeGreaterThanOrEqual(startMs);
    }
    expect(spans).toHaveLength(1 + world.sids.length);
    call(world, sid, { kind: "write", request: create("/quiet/again") }).answered();
    expect(spansOf(world)).toHaveLength(spans.length);
  });

  it("that a lost leader took with it is done by the next all the same, and drawn by its replica alone", () => {
    const world = new World({ voters: 3, seed: 5 }).startAll();
    const leader = world.untilServing();
    const follower = world.sids.find((one) => one !== leader) ?? leader;
    world.freeze(leader);
    const asked = call(world, follower, { kind: "write", request: create("/late") }, { trace: PLACE });
    const answer = asked.ended(60_000);
    expect(["answered", "undecided"]).toContain(answer === "lost" ? answer : answer.kind);
    expect(spansOf(world).filter(({ name }) => name === "edgekeeper.propose")).toEqual([]);
  });
});

it("an announcement is read as it was written, and ids that are none close its link", () => {
  const origin = { sid: 2, instance: 1_764_400_000, serial: 77 };
  const message = { kind: "trace", message: { kind: "trace", origin, place: PLACE } } as const;
  const read = readLinkMessage(encodeLinkMessage(message));
  expect(read).toEqual(message);
  expect(linkMessageProblem(2, message)).toBeUndefined();
  const wrong = { ...message, message: { ...message.message, place: { ...PLACE, spanId: '"}' } } } as const;
  expect(linkMessageProblem(2, wrong)).toContain("ids");
});

it("no more are remembered than may be, the oldest is let go", () => {
  const drawn: Action[] = [];
  const tracer = new Tracer(1, (action) => void drawn.push(action));
  for (let serial = 1; serial <= 1001; serial++) {
    tracer.learn({ kind: "trace", origin: { sid: 1, instance: 1, serial }, place: PLACE });
  }
  for (const serial of [1, 2, 1001]) {
    tracer.applied({ sid: 1, instance: 1, serial }, { epoch: 1, counter: serial }, true);
  }
  expect(drawn).toHaveLength(2);
});
