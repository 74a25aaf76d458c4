/** One client and its replica, as the bridge hears them: handshake, pings and what passes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Conversation } from "../../src/bridge/conversation.ts";
import { concatenated } from "../../src/bridge/frame-scanner.ts";
import { PingDesk } from "../../src/bridge/ping-desk.ts";
import { askedTimeoutMs, toldTimeoutMs } from "../../src/bridge/timeouts.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
} from "../../src/jute/handshake.ts";

const PING = Uint8Array.of(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11);
const NOTHING = new Uint8Array(0);

function written(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}

function connectRequest(timeoutMs: number): Uint8Array {
  const password = new Uint8Array(16);
  const request = { protocolVersion: 0, lastZxidSeen: ZXID_ZERO, timeoutMs, sessionId: 0n, password };
  return written((writer) => encodeConnectRequest(writer, { ...request, readOnly: false }));
}

function connectResponse(timeoutMs: number): Uint8Array {
  const response = { protocolVersion: 0, timeoutMs, sessionId: 7n, password: new Uint8Array(16) };
  return written((writer) => encodeConnectResponse(writer, { ...response, readOnly: false }));
}

/** A reply with a body of so many bytes behind its head. */
function reply(xid: number, zxid: bigint, moreBytes = 0): Uint8Array {
  const bytes = new Uint8Array(20 + moreBytes);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 16 + moreBytes);
  view.setInt32(4, xid);
  view.setBigInt64(8, zxid);
  return bytes;
}

const pingAnswer = (zxid: bigint): Uint8Array => reply(-2, zxid);

/** A conversation whose session was granted 8 s: the client is told 6, and the slack is 2. */
function opened(): Conversation {
  const conversation = new Conversation();
  conversation.fromClient(connectRequest(6000), 0);
  conversation.fromReplica(connectResponse(8000), 0);
  return conversation;
}

describe("the handshake", () => {
  test("asks for a third more than the client wants, and tells it three quarters of what is granted", () => {
    const conversation = new Conversation();

    const asked = conversation.fromClient(connectRequest(6000), 0).toReplica;
    const told = conversation.fromReplica(connectResponse(8000), 0).toClient;

    expect(decodeConnectRequest(asked.subarray(4))).toMatchObject({ timeoutMs: 8000, readOnly: false });
    expect(decodeConnectResponse(told.subarray(4))).toMatchObject({ timeoutMs: 6000, sessionId: 7n });
  });

  test("passes whole, however it is cut, with what comes behind it", () => {
    const request = concatenated([connectRequest(6000), reply(1, 0n)]);
    const response = concatenated([connectResponse(8000), reply(1, 5n, 100)]);
    fc.assert(
      fc.property(fc.nat(request.length), fc.nat(response.length), (first, second) => {
        const conversation = new Conversation();
        const asked = [request.subarray(0, first), request.subarray(first)].map(
          (chunk) => conversation.fromClient(chunk, 0).toReplica,
        );
        const told = [response.subarray(0, second), response.subarray(second)].map(
          (chunk) => conversation.fromReplica(chunk, 0).toClient,
        );

        expect(concatenated(asked)).toEqual(concatenated([connectRequest(8000), reply(1, 0n)]));
        expect(concatenated(told)).toEqual(concatenated([connectResponse(6000), reply(1, 5n, 100)]));
      }),
    );
  });

  test("is changed where the bytes are a view of a larger memory, which stays as it is", () => {
    const pool = Buffer.alloc(200, 0xee);
    const at = 64;
    const view = (bytes: Uint8Array): Buffer => {
      pool.set(bytes, at);
      return pool.subarray(at, at + bytes.length);
    };
    const conversation = new Conversation();

    expect(conversation.fromClient(view(connectRequest(6000)), 0).toReplica).toEqual(connectRequest(8000));
    expect(conversation.fromReplica(view(connectResponse(8000)), 0).toClient).toEqual(connectResponse(6000));
    expect(pool.subarray(0, at)).toEqual(Buffer.alloc(at, 0xee));
    expect(pool.subarray(at, at + connectResponse(1).length)).toEqual(Buffer.from(connectResponse(8000)));
  });

  test("that ends a session says so still", () => {
    const conversation = new Conversation();
    conversation.fromClient(connectRequest(6000), 0);

    expect(conversation.fromReplica(connectResponse(0), 0).toClient).toEqual(connectResponse(0));
  });

  test("that is none passes as it is, both ways", () => {
    const conversation = new Conversation();
    const word = new TextEncoder().encode("ruok");
    const answer = new TextEncoder().encode("imok");

    expect(conversation.fromClient(word, 0).toReplica).toEqual(word);
    expect(conversation.fromReplica(answer, 0).toClient).toEqual(answer);
    expect(conversation.isRaw).toBe(true);
  });
});

describe("a ping", () => {
  test("goes to the replica first, and is answered when the replica has answered", () => {
    const conversation = opened();

    expect(conversation.fromClient(PING, 1000)).toEqual({ toReplica: PING, toClient: NOTHING });
    expect(conversation.fromReplica(pingAnswer(9n), 1010)).toEqual({
      toReplica: NOTHING,
      toClient: pingAnswer(9n),
    });
  });

  test("is answered at once where the replica has just answered one, with the zxid that it showed", () => {
    const conversation = opened();
    conversation.fromClient(PING, 1000);
    conversation.fromReplica(pingAnswer(9n), 1010);
    conversation.fromReplica(reply(1, 12n, 50), 1020);

    expect(conversation.fromClient(PING, 3000)).toEqual({ toReplica: NOTHING, toClient: pingAnswer(12n) });
    expect(conversation.fromClient(PING, 3001)).toEqual({ toReplica: PING, toClient: NOTHING });
  });

  test("is not answered for a silent replica, and in half the timeout the client may go elsewhere", () => {
    const conversation = opened();
    conversation.fromClient(PING, 1000);

    expect(conversation.fromClient(PING, 2500)).toEqual({ toReplica: NOTHING, toClient: NOTHING });
    expect(conversation.isSilent(4000)).toBe(false);
    expect(conversation.isSilent(4001)).toBe(true);
  });

  test("that waits has no silent replica while that one sends something else, or its client reads nothing", () => {
    const conversation = opened();
    conversation.fromClient(PING, 1000);

    conversation.fromReplica(reply(3, 4n, 1000).subarray(0, 500), 3900);
    expect(conversation.isSilent(6900)).toBe(false);
    conversation.wasDeaf(6900);
    expect(conversation.isSilent(9900)).toBe(false);
    expect(conversation.isSilent(9901)).toBe(true);
  });

  test("is answered between two frames of the replica, never within one", () => {
    const conversation = opened();
    conversation.fromClient(PING, 1000);
    conversation.fromReplica(pingAnswer(1n), 1001);
    const large = reply(5, 2n, 100_000);
    const next = reply(6, 3n);

    const first = conversation.fromReplica(large.subarray(0, 60_000), 1002).toClient;
    const between = conversation.fromClient(PING, 1003).toClient;
    const second = conversation.fromReplica(
      concatenated([large.subarray(60_000), next.subarray(0, 10)]),
      1004,
    );
    const third = conversation.fromReplica(next.subarray(10), 1005).toClient;

    expect(between).toEqual(NOTHING);
    const all = concatenated([first, second.toClient, third]);
    expect(all).toEqual(concatenated([large, pingAnswer(2n), next]));
  });
});

describe("the time of a session", () => {
  test("is never believed in by the client for longer than by the replica, whatever comes when", () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(4000), isPing: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), steps, (wishedMs, list) => {
        const grantedMs = askedTimeoutMs(wishedMs);
        const toldMs = toldTimeoutMs(grantedMs);
        const desk = new PingDesk(grantedMs - toldMs);
        let nowMs = 0;
        // The last moment from which on the replica surely counts, and the client does.
        let replicaMs = Number.NEGATIVE_INFINITY;
        let clientMs = Number.NEGATIVE_INFINITY;
        let askedMs: number | undefined;
        const waiting: number[] = [];
        for (const { waitMs, isPing } of list) {
          nowMs += waitMs;
          if (isPing) waiting.push(nowMs);
          else if (askedMs === undefined) continue;
          else replicaMs = askedMs;
          const { answers, sends } = isPing ? desk.onPing(nowMs) : desk.onAnswer(nowMs);
          if (!isPing) askedMs = undefined;
          for (const sentMs of waiting.splice(0, answers)) clientMs = Math.max(clientMs, sentMs);
          if (sends) askedMs = nowMs;
          if (clientMs === Number.NEGATIVE_INFINITY) continue;
          expect(clientMs + toldMs).toBeLessThanOrEqual(replicaMs + grantedMs);
        }
      }),
    );
  });

  test("is what the client wanted, unless the ensemble grants less", () => {
    expect([6000, 18_000, 30_000].map((ms) => toldTimeoutMs(askedTimeoutMs(ms)))).toEqual([
      6000, 18_000, 30_000,
    ]);
    expect([0, -1].map(askedTimeoutMs)).toEqual([0, -1]);
    expect(askedTimeoutMs(2_147_483_647)).toBe(2_147_483_647);
  });
});
