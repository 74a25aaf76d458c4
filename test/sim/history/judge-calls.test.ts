/** Histories of callers without a connection, good ones and each spoiled in one way. */
import { describe, expect, test } from "vitest";

import { OPEN_ACL } from "../../../src/base/acl.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import type { Guard, TransactRequest } from "../../../src/base/request.ts";
import type { Txn } from "../../../src/base/txn.ts";
import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { CallAnswer, CallRequest, CallResponse } from "../../../src/keeper/call.ts";
import { judge, type JudgeOptions } from "./judge.ts";
import type { CallRecord, Committed, Operation } from "./types.ts";

const PASSWORD = new Uint8Array(16);
const CALM: JudgeOptions = { isDisturbed: () => false };

/** A service that does what it is told to have done, a transaction each 100 ms. */
class Log {
  readonly committed: Committed[] = [];
  readonly operations: Operation[] = [];
  readonly calls: CallRecord[] = [];
  #serial = 0;

  /** The znodes that all stand below. */
  constructor(...paths: readonly string[]) {
    this.commit(7n, { kind: "createSession", timeoutMs: 4000, password: PASSWORD });
    for (const [index, path] of paths.entries()) {
      const startMs = this.nowMs;
      const zxid = this.commit(7n, createOf(path, "", index + 1));
      const request = { op: "create", path, data: bytes(""), acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
      const outcome = { kind: "answered", zxid, error: 0, response: { op: "path", path } } as const;
      const id = this.operations.length + 1;
      const who = { id, client: "c1", session: 7n, connection: 1 };
      this.operations.push({ ...who, request, startMs, endMs: this.nowMs, outcome });
    }
  }

  get nowMs(): number {
    return this.committed.length * 100;
  }

  commit(session: SessionId, txn: Txn, isOwn = false): Zxid {
    const zxid = { epoch: 1, counter: this.committed.length + 1 };
    const origin = { sid: 1, instance: 1, serial: isOwn ? 0 : ++this.#serial };
    const header = { session, xid: 0, timeMs: this.nowMs, origin };
    this.committed.push({ zxid, header, txn, atMs: this.nowMs + 50 });
    return zxid;
  }

  call(intent: string, request: CallRequest, parts: Partial<CallRecord> = {}): void {
    const asked = { session: undefined, minZxid: ZXID_ZERO, request };
    const times = { startMs: this.nowMs - 90, endMs: this.nowMs };
    this.calls.push({ client: "h1", intent, asked, ...times, answer: undefined, isGivenUp: false, ...parts });
  }

  /** A place in the queue, as a call makes it. */
  place(intent: string, session: SessionId, number: number): Zxid {
    const path = `/l/_c_${intent}-lock-000000000${number}`;
    const owner = { mode: "ephemeral", session } as const;
    const create = { ...createOf(path, intent, number + 1), owner };
    return this.commit(session, {
      kind: "sessionMulti",
      timeoutMs: 4000,
      password: PASSWORD,
      operations: [create],
    });
  }

  broken(options: JudgeOptions = CALM): readonly string[] {
    const history = { operations: this.operations, events: [], sessions: [], holds: [] };
    const found = judge({ ...history, calls: this.calls, committed: this.committed }, options);
    return [...new Set(found.map(({ check }) => check))];
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function createOf(path: string, data: string, parentCreates = 1): Txn & { readonly kind: "create" } {
  const owner = { mode: "persistent" } as const;
  return { kind: "create", path, data: bytes(data), acl: OPEN_ACL, owner, parentCreates, withStat: false };
}

function answered(zxid: Zxid, response: CallResponse = { op: "empty" }, code = 0): CallAnswer {
  return { kind: "answered", zxid, code, response };
}

function writing(guards: readonly Guard[] = [], key?: TransactRequest["key"]): CallRequest {
  const nothing = { newSession: undefined, ensured: undefined, operations: [] };
  return { kind: "write", request: { op: "transact", ...nothing, guards, key } };
}

function acquiring(waitMs: number, isKeyed = true): CallRequest {
  const key = isKeyed ? { name: "k".repeat(64), fingerprint: "f" } : undefined;
  const lock = { path: "/l", mode: "exclusive", owner: "" } as const;
  return { kind: "acquire", ...lock, ttlMs: 4000, waitMs, isProbed: false, key };
}

function leaseOf(session: SessionId, token: Zxid, expiresInMs = 4000): CallResponse {
  return { op: "lease", session: { session, password: PASSWORD }, token, expiresInMs };
}

describe("writes", () => {
  const done = (log: Log, intent: string): Zxid =>
    log.commit(NO_SESSION, { kind: "multi", operations: [createOf(`/a/${log.committed.length}`, intent)] });

  test("one that is done and answered is as it should be", () => {
    const log = new Log("/a");
    log.call("w", writing(), { answer: answered(done(log, "w")) });
    expect(log.broken()).toEqual([]);
  });

  test("CommittedWasAsked: nobody wanted it", () => {
    const log = new Log("/a");
    log.call("w", writing());
    done(log, "x");
    expect(log.broken()).toEqual(["CommittedWasAsked"]);
  });

  test("AcknowledgedIsCommitted: it is told to be done, and is not", () => {
    const log = new Log("/a");
    log.call("w", writing(), { answer: answered({ epoch: 1, counter: 2 }) });
    expect(log.broken()).toEqual(["AcknowledgedIsCommitted"]);
  });

  test("KeyDoneOnce: it is done twice, and its key stands for two things", () => {
    const twice = new Log("/a");
    twice.call("w", writing(), { answer: answered(done(twice, "w")) });
    done(twice, "w");
    expect(twice.broken()).toEqual(["KeyDoneOnce"]);

    const key = { name: "k".repeat(64), fingerprint: "f" };
    const reused = new Log("/a");
    reused.call("w", writing([], key), { answer: answered(done(reused, "w")) });
    reused.call("v", writing([], { ...key, fingerprint: "g" }), { answer: answered(done(reused, "v")) });
    expect(reused.broken()).toEqual(["KeyDoneOnce"]);
  });

  test("GuardsHold: a write under a lock is done when another holds it", () => {
    const log = new Log("/a", "/l");
    log.call("p", acquiring(1000));
    const token = log.place("p", 100n, 0);
    log.call("w", writing([{ kind: "held", path: "/l", token }]), { answer: answered(done(log, "w")) });
    expect(log.broken()).toEqual([]);

    const other = { epoch: 1, counter: 1 };
    const guard = { kind: "held", path: "/l", token: other } as const;
    log.call("v", writing([guard]), { answer: answered(done(log, "v")) });
    expect(log.broken()).toEqual(["GuardsHold"]);
  });
});

describe("locks", () => {
  test("GuardsHold: who does not wait has a place behind another", () => {
    const log = new Log("/l");
    log.call("p", acquiring(0));
    log.call("q", acquiring(0));
    log.place("p", 100n, 0);
    expect(log.broken()).toEqual([]);
    log.place("q", 101n, 1);
    expect(log.broken()).toEqual(["GuardsHold"]);
  });

  test("KeyDoneOnce: two places under one key", () => {
    const log = new Log("/l");
    log.call("p", acquiring(1000));
    log.place("p", 100n, 0);
    log.place("p", 101n, 1);
    expect(log.broken()).toEqual(["KeyDoneOnce"]);
  });

  test("AcknowledgedIsCommitted: a lease with a token of nothing", () => {
    const log = new Log("/l");
    log.call("p", acquiring(1000));
    const token = log.place("p", 100n, 0);
    log.call("p", acquiring(1000), { answer: answered(token, leaseOf(100n, token)) });
    expect(log.broken()).toEqual([]);
    log.call("p", acquiring(1000), { answer: answered(token, leaseOf(100n, { epoch: 1, counter: 1 })) });
    expect(log.broken()).toEqual(["AcknowledgedIsCommitted"]);
  });

  test("LeaseNotEarly: it is over before the time that was told, and nobody gave it back", () => {
    const held = (expiresInMs: number, isReleased: boolean): readonly string[] => {
      const log = new Log("/l");
      const token = log.place("p", 100n, 0);
      log.call("p", acquiring(1000), { answer: answered(token, leaseOf(100n, token, expiresInMs)) });
      const session = { session: 100n, password: PASSWORD };
      const asked = { session, minZxid: ZXID_ZERO, request: { kind: "release", path: "/l" } } as const;
      if (isReleased) log.call("r", asked.request, { asked });
      log.commit(100n, { kind: "closeSession" }, !isReleased);
      return log.broken();
    };
    expect(held(4000, false)).toEqual(["LeaseNotEarly"]);
    expect(held(4000, true)).toEqual([]);
    expect(held(100, false)).toEqual([]);
  });

  test("HangUpGivesUp: who hung up behind another still stands there", () => {
    const queued = (isGivenUp: boolean, options: JudgeOptions): readonly string[] => {
      const log = new Log("/l");
      log.call("p", acquiring(1000));
      log.call("q", acquiring(1000), { isGivenUp });
      log.place("p", 100n, 0);
      log.place("q", 101n, 1);
      return log.broken(options);
    };
    expect(queued(true, CALM)).toEqual(["HangUpGivesUp"]);
    expect(queued(true, { isDisturbed: () => true })).toEqual([]);
    expect(queued(false, CALM)).toEqual([]);
  });
});

describe("reads", () => {
  const reading = (isLinearizable: boolean): CallRequest => ({
    kind: "read",
    request: { op: "getData", path: "/nothing", watch: false },
    isLinearizable,
  });
  const noNode = (counter: number): CallAnswer => answered({ epoch: 1, counter }, { op: "empty" }, -101);

  test("CallReadsFresh: older than what was acknowledged, or than what the caller has seen", () => {
    const log = new Log("/a", "/b");
    const late = { startMs: 1000, endMs: 1001 };
    log.call("r1", reading(false), { ...late, answer: noNode(2) });
    log.call("r2", reading(true), { ...late, answer: noNode(3) });
    expect(log.broken()).toEqual([]);
    log.call("r3", reading(true), { ...late, answer: noNode(2) });
    expect(log.broken()).toEqual(["CallReadsFresh"]);

    const seen = new Log("/a", "/b");
    const asked = { session: undefined, minZxid: { epoch: 1, counter: 3 }, request: reading(false) };
    seen.call("r4", reading(false), { ...late, asked, answer: noNode(2) });
    expect(seen.broken()).toEqual(["CallReadsFresh"]);
  });

  test("ReadsShowAState: it shows what was not there", () => {
    const log = new Log("/a");
    log.call("r", reading(false), { answer: answered({ epoch: 1, counter: 2 }, { op: "empty" }, 0) });
    expect(log.broken()).toEqual(["ReadsShowAState"]);
  });
});
