/** Which calls of HTTP and the binding are counted, and how long they took. */
import { expect, test } from "vitest";
import type { CallRequest } from "../../../src/keeper/call.ts";
import { ReplicaMetrics } from "../../../src/keeper/operations/replica-metrics.ts";
import { call, create } from "../test-caller.ts";
import { World } from "../world.ts";

const ACQUIRE = { kind: "acquire", path: "/l", mode: "exclusive", ttlMs: 5000, isProbed: false } as const;
const READ = {
  kind: "read",
  request: { op: "getData", path: "/a", watch: false },
  isLinearizable: false,
} as const;

test.each<readonly [what: string, request: CallRequest, isCounted: boolean]>([
  ["a read", READ, true],
  ["a read that waits for a change", { ...READ, change: { known: undefined, waitMs: 1000 } }, false],
  ["an acquire", { ...ACQUIRE, waitMs: 0, owner: "", key: undefined }, true],
  ["an acquire that waits", { ...ACQUIRE, waitMs: 1000, owner: "", key: undefined }, false],
])("of %s it is counted how long it took, unless it asked to wait", (_, request, isCounted) => {
  const metrics = new ReplicaMetrics();
  metrics.called(request, 7);
  const { callCount, callSumMs } = metrics.counters;
  expect([callCount, callSumMs]).toEqual(isCounted ? [1, 7] : [0, 0]);
});

test("a write is counted by the replica that was asked, with the round that it took", () => {
  const world = new World({ voters: 3, seed: 7 }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? leader;
  const countersOf = (sid: number): Readonly<Record<"callCount" | "callSumMs", number>> =>
    world.keeper(sid).status().counters;
  const [before, elsewhere] = [countersOf(follower).callCount, countersOf(leader).callCount];
  call(world, follower, { kind: "write", request: create("/a", "1") }).answered();

  expect(countersOf(follower).callCount - before).toBe(1);
  expect(countersOf(follower).callSumMs).toBeGreaterThan(0);
  expect(countersOf(leader).callCount).toBe(elsewhere);
});
