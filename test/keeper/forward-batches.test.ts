/** When clients' writes leave for the leader. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { BATCH_BYTES_MAX } from "../../src/base/limits.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { type Forward, ForwardQueue } from "../../src/keeper/forward-batches.ts";
import { readLinkMessage } from "../../src/keeper/link-codec.ts";
import type { Turn } from "../../src/keeper/turn.ts";
import { connected, create } from "./test-client.ts";
import { World } from "./world.ts";

function forward(serial: number, bytes = 100): Forward {
  const request = { op: "sync", path: "/" } as const;
  const origin = { sid: 1, instance: 1, serial };
  return {
    bytes,
    request: { origin, session: 1n, generation: ZXID_ZERO, xid: serial, identities: [], request },
  };
}

function queueOf(mayWait: boolean, ...forwards: readonly Forward[]): ForwardQueue {
  const queue = new ForwardQueue();
  queue.beginTurn(mayWait);
  for (const one of forwards) queue.push(one);
  return queue;
}

function serials(messages: ReturnType<ForwardQueue["take"]>): readonly (readonly number[])[] {
  return messages.map((requests) => requests.map(({ origin }) => origin.serial));
}

describe("writes on their way to the leader", () => {
  it("leave at once where no others are under way", () => {
    const queue = queueOf(true, forward(1), forward(2));

    expect(serials(queue.take(2))).toEqual([[1, 2]]);
    expect(queue.isHeld).toBe(false);
  });

  it("wait for what else is at hand where others are under way, and leave together in their order", () => {
    const queue = queueOf(true, forward(2));

    expect(queue.take(2)).toEqual([]);
    expect(queue.isHeld).toBe(true);
    queue.push(forward(3));
    expect(queue.take(3)).toEqual([]);
    queue.beginTurn(false);

    expect(serials(queue.take(3))).toEqual([[2, 3]]);
    expect(queue.isHeld).toBe(false);
  });

  it("leave in messages that a link takes", () => {
    const half = BATCH_BYTES_MAX / 2;
    const queue = queueOf(
      false,
      forward(1, half),
      forward(2, half),
      forward(3, BATCH_BYTES_MAX + 1),
      forward(4),
    );

    expect(serials(queue.take(9))).toEqual([[1, 2], [3], [4]]);
  });

  it("are forgotten with their leader", () => {
    const queue = queueOf(true, forward(2));
    queue.take(2);

    queue.clear();

    expect(queue.isHeld).toBe(false);
    queue.beginTurn(false);
    expect(queue.take(0)).toEqual([]);
  });
});

/** How many writes each message of the turn takes to the leader. */
function forwarded({ after }: Turn): readonly number[] {
  return after.flatMap((action) => {
    const message = action.kind === "linkSend" ? readLinkMessage(action.bytes) : "";
    if (typeof message === "string" || message.kind !== "toLeader") return [];
    return message.message.kind === "forward" ? [message.message.requests.length] : [];
  });
}

describe("a replica", () => {
  it("sends the first write at once, and those of others behind it in one message when it is stepped again", () => {
    const world = new World({ voters: 3 }).startAll();
    const leader = world.untilServing();
    const sid = must(
      world.sids.find((one) => one !== leader),
      "a follower",
    );
    const keeper = world.keeper(sid);
    const turns = [1, 2, 3].map((xid) => {
      const { connection } = connected(world, sid);
      return (): Turn => {
        const writer = new JuteWriter();
        encodeRequest(writer, xid, create(`/${xid}`));
        const piece = { connection: must(connection, "it is connected"), bytes: writer.take() };
        return keeper.step({ kind: "clientBytes", received: [piece] }, world.clockOf(sid));
      };
    });

    const [first, second, third] = turns.map((turn) => turn());
    const last = keeper.step({ kind: "continue" }, world.clockOf(sid));

    expect([first, second, third, last].map((turn) => forwarded(must(turn, "a turn")))).toEqual([
      [1],
      [],
      [],
      [2],
    ]);
    expect([first, second, third, last].map((turn) => turn?.more)).toEqual([false, true, true, false]);
  });
});
