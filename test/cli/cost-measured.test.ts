/** What replicas say to each other is counted where every frame can be seen; what they write, in docs/cost.md. */
import { expect, test } from "vitest";
import { MEASURED } from "../../src/cli/cost-measured.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { World } from "../../src/world/world.ts";

const SECONDS = 60;
const WRITES = 100;
const LEARNERS = 2;

function counted(): { readonly world: World; readonly frames: () => number } {
  const world = new World({ voters: 1 + LEARNERS }).startAll();
  world.until("serves", () => world.isServing());
  let frames = 0;
  world.observers.push({ sentFrame: () => frames++ });
  return { world, frames: () => frames };
}

test("messages of replicas in which nobody asks for anything", () => {
  const { world, frames } = counted();
  world.run(SECONDS * 1000);
  const perS = frames() / LEARNERS / SECONDS;
  expect(Math.abs(perS - MEASURED.idleMessagesPerS)).toBeLessThan(2);
  world.close();
});

test("messages that one more write takes, one after the other", () => {
  const { world, frames } = counted();
  const leader = world.leader() ?? 0;
  for (let nth = 0; nth < WRITES; nth++) {
    const node = { path: `/${nth}`, data: null, acl: OPEN_ACL };
    const request = { op: "create", ...node, flags: 0, ttlMs: 0 } as const;
    let isAnswered = false;
    const asked = { session: undefined, minZxid: ZXID_ZERO, request: { kind: "write", request } } as const;
    world.call(leader, asked, { told: () => (isAnswered = true) });
    world.until("answered", () => isAnswered);
  }
  const idle = MEASURED.idleMessagesPerS * LEARNERS * (world.nowMs / 1000);
  const perWrite = (frames() - idle) / LEARNERS / WRITES;
  expect(Math.abs(perWrite - MEASURED.messagesPerWrite)).toBeLessThan(1);
  world.close();
});
