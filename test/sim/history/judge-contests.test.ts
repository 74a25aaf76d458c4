/** Permits, the lead, lock-delay and tokens: what is done right, and each spoiled in one way. */
import { describe, expect, test } from "vitest";

import { OPEN_ACL } from "../../../src/base/acl.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import type { OperationTxn, Txn } from "../../../src/base/txn.ts";
import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { CallAnswer, CallRequest, CallResponse } from "../../../src/keeper/call.ts";
import { ReferenceTree } from "./reference-tree.ts";
import { CallBook } from "./check-calls.ts";
import { checkLocks } from "./check-locks.ts";
import { checkTokens } from "./check-tokens.ts";
import type { SessionEnd } from "./replay.ts";
import type { CallRecord, LockHold } from "./types.ts";

const PASSWORD = new Uint8Array(16);
const BOUNDS = { clockRateMax: 1, jumpsAhead: [], expiryLateMs: 0, calm: [] };

type Create = OperationTxn & { readonly kind: "create" };

/** What callers asked for, and a log that goes through the book, a transaction each 100 ms. */
class Scene {
  readonly found: string[] = [];
  readonly #calls: CallRecord[] = [];
  readonly #tree = new ReferenceTree();
  readonly #ended = new Map<SessionId, SessionEnd>();
  #book: CallBook | undefined;
  #counter = 0;

  constructor(...paths: readonly string[]) {
    for (const path of paths) this.#apply(NO_SESSION, createOf(path, ""));
  }

  /** All calls stand before the log is played. */
  call(intent: string, request: CallRequest, parts: Partial<CallRecord> = {}): this {
    const asked = { session: undefined, minZxid: ZXID_ZERO, request };
    const open = { startMs: 0, endMs: Infinity, answer: undefined, isGivenUp: false };
    this.#calls.push({ client: "h1", intent, asked, ...open, ...parts });
    return this;
  }

  commit(session: SessionId, txn: Txn, serial = 1): Zxid {
    this.#book ??= new CallBook(this.#calls, (check) => this.found.push(check));
    const one = { ...this.#next(session, serial), txn };
    if (txn.kind !== "closeSession") this.#book.judge(one, this.#tree);
    this.#tree.apply(one.zxid, one.header, txn);
    if (txn.kind === "closeSession")
      this.#ended.set(session, { zxid: one.zxid, atMs: one.atMs, isExpiry: serial === 0 });
    this.#book.applied(one, this.#tree);
    return one.zxid;
  }

  broken(): readonly string[] {
    this.#book?.finish(this.#ended, BOUNDS, () => true);
    return [...new Set(this.found)];
  }

  #apply(session: SessionId, txn: Txn): void {
    const { zxid, header } = this.#next(session, 1);
    this.#tree.apply(zxid, header, txn);
  }

  #next(session: SessionId, serial: number) {
    const zxid = { epoch: 1, counter: ++this.#counter };
    const origin = { sid: 1, instance: 1, serial };
    const atMs = 100 * this.#counter;
    return { zxid, header: { session, xid: 0, timeMs: atMs, origin }, atMs };
  }
}

function createOf(path: string, data: string, session?: SessionId): Create {
  const owner =
    session === undefined ? ({ mode: "persistent" } as const) : ({ mode: "ephemeral", session } as const);
  const bytes = new TextEncoder().encode(data);
  return { kind: "create", path, data: bytes, acl: OPEN_ACL, owner, parentCreates: 1, withStat: false };
}

function entering(session: SessionId, create: Create, timeoutMs = 4000): readonly [SessionId, Txn] {
  return [session, { kind: "sessionMulti", timeoutMs, password: PASSWORD, operations: [create] }];
}

function acquiring(parts: Partial<CallRequest & { readonly kind: "acquire" }>): CallRequest {
  const shape = { kind: "acquire", path: "/s", mode: "permit", owner: "", key: undefined } as const;
  return { ...shape, ttlMs: 4000, waitMs: 1000, isProbed: false, ...parts };
}

function answered(zxid: Zxid, response: CallResponse = { op: "empty" }, code = 0): CallAnswer {
  return { kind: "answered", zxid, code, response };
}

describe("a semaphore of one permit", () => {
  const pool = (): Scene =>
    new Scene("/s", "/s/leases", "/s/locks")
      .call("p", acquiring({ permits: 1 }))
      .call("q", acquiring({ permits: 1 }));
  const permit = (intent: string, session: SessionId, number: number) =>
    createOf(`/s/leases/_c_${intent}-lease-000000000${number}`, intent, session);
  const waiter = (intent: string, session: SessionId, number: number) =>
    createOf(`/s/locks/_c_${intent}-lock-000000000${number}`, intent, session);

  test("is taken, waited for, given back and taken from the queue", () => {
    const scene = pool();
    scene.commit(...entering(100n, permit("p", 100n, 0)));
    scene.commit(...entering(101n, waiter("q", 101n, 0)));
    scene.commit(100n, { kind: "closeSession" });
    const operations = [{ kind: "delete", path: waiter("q", 101n, 0).path } as const, permit("q", 101n, 1)];
    scene.commit(101n, { kind: "multi", operations });
    expect(scene.broken()).toEqual([]);
  });

  test("LeasesAtOnce: it is taken twice, at once or from the queue", () => {
    const twice = pool();
    twice.commit(...entering(100n, permit("p", 100n, 0)));
    twice.commit(...entering(101n, permit("q", 101n, 1)));
    expect(twice.broken()).toEqual(["LeasesAtOnce"]);

    const queued = pool();
    queued.commit(...entering(100n, permit("p", 100n, 0)));
    queued.commit(...entering(101n, waiter("q", 101n, 0)));
    const operations = [{ kind: "delete", path: waiter("q", 101n, 0).path } as const, permit("q", 101n, 1)];
    queued.commit(101n, { kind: "multi", operations });
    expect(queued.broken()).toEqual(["LeasesAtOnce"]);
  });

  test("GuardsHold: one that waits is overtaken", () => {
    const scene = pool();
    scene.commit(...entering(101n, waiter("q", 101n, 0)));
    scene.commit(...entering(100n, permit("p", 100n, 0)));
    expect(scene.broken()).toEqual(["GuardsHold"]);
  });

  test("LeasesAtOnce: more believe to hold it than there are permits", () => {
    const hold = (client: string, fromMs: number, toMs: number): LockHold => {
      return { lock: "/s", client, session: 1n, token: ZXID_ZERO, permits: 2, fromMs, toMs };
    };
    const two = [hold("a", 0, 10), hold("b", 5, 20)];
    expect(checkLocks([...two, hold("c", 11, 12)], [], undefined, undefined)).toEqual([]);
    const found = checkLocks([...two, hold("c", 9, 12)], [], undefined, undefined);
    expect(found.map(({ check }) => check)).toEqual(["LeasesAtOnce"]);
  });
});

describe("an election", () => {
  const latch = (intent: string, session: SessionId, number: number) =>
    createOf(`/e/_c_${intent}-latch-000000000${number}`, intent, session);

  test("GuardsHold: who does not lead proclaims", () => {
    const campaign = acquiring({ path: "/e", mode: "latch" });
    const proclaim = { kind: "proclaim", path: "/e", data: new Uint8Array(0) } as const;
    const scene = new Scene("/e")
      .call("p", campaign)
      .call("q", campaign)
      .call("w", proclaim)
      .call("v", proclaim);
    scene.commit(...entering(100n, latch("p", 100n, 0)));
    scene.commit(...entering(101n, latch("q", 101n, 1)));
    const setting = (path: string, intent: string): Txn => {
      const data = new TextEncoder().encode(intent);
      return { kind: "multi", operations: [{ kind: "setData", path, data, version: 1 }] };
    };
    scene.commit(100n, setting(latch("p", 100n, 0).path, "w"));
    expect(scene.broken()).toEqual([]);
    scene.commit(101n, setting(latch("q", 101n, 1).path, "v"));
    expect(scene.broken()).toEqual(["GuardsHold"]);
  });
});

describe("lock-delay", () => {
  const held = "/l/_c_p-delay3000-lock-0000000000";
  const next = "/l/_c_q-lock-0000000001";

  /** The holder's lease of 100 ms expires at 500 ms; its placeholder goes at `openMs`, or there is none. */
  function delayed(openMs: number | undefined, placeholderMs = 3000): readonly string[] {
    const asking = acquiring({ path: "/l", mode: "exclusive", lockDelayMs: 3000 });
    const token = { epoch: 1, counter: 2 };
    const session = { session: 100n, password: PASSWORD };
    const lease = answered(token, { op: "lease", session, token, expiresInMs: 100 });
    const scene = new Scene("/l")
      .call("p", asking, { answer: lease, startMs: 100, endMs: 210 })
      .call("q", asking);
    scene.commit(...entering(100n, createOf(held, "p", 100n), 100));
    scene.commit(...entering(101n, createOf(next, "q", 101n)));
    const placeholder = createOf("/l/closed-lock-0000000000", "", 900n);
    if (openMs !== undefined) scene.commit(...entering(900n, placeholder, placeholderMs), 0);
    scene.commit(100n, { kind: "closeSession" }, 0);
    while (openMs !== undefined && scene.commit(NO_SESSION, BARRIER).counter * 100 + 100 < openMs);
    if (openMs !== undefined) scene.commit(900n, { kind: "closeSession" }, 0);
    return scene.broken();
  }

  test("keeps what was held closed for its time", () => {
    expect(delayed(3300)).toEqual([]);
  });

  test("LockDelayKept: it is open too early, or at once", () => {
    expect(delayed(2000)).toEqual(["LockDelayKept"]);
    expect(delayed(undefined)).toEqual(["LockDelayKept"]);
  });

  test("CommittedWasAsked: it is closed for longer than anybody asked", () => {
    expect(delayed(3300, 5000)).toEqual(["CommittedWasAsked"]);
  });
});

const BARRIER = { kind: "barrier", path: "" } as const;

describe("TokensBound", () => {
  const hash = "a".repeat(64);
  const grants = [{ prefix: "/a", permissions: ["read", "write"] }] as const;
  const at = (counter: number): Zxid => ({ epoch: 1, counter });
  const open = { isOpen: false, isParentOpen: false };
  const path = `/zookeeper/tokens/${hash}`;
  /** It stands from 2 to 5. */
  const changes = [
    { kind: "created", path, zxid: at(2), ...open },
    { kind: "deleted", path, zxid: at(5), ...open },
  ] as const;

  function judged(of: string, counter: number, code = 0): readonly string[] {
    const read = { op: "getData", path: of, watch: false } as const;
    const asked = (request: CallRequest) => ({ session: undefined, minZxid: ZXID_ZERO, request });
    const base = { client: "t1", startMs: 0, endMs: 1, isGivenUp: false };
    const make = { kind: "createToken", hash, name: "t", grants, lifeMs: undefined } as const;
    const calls: readonly CallRecord[] = [
      { ...base, intent: "m", asked: asked(make), answer: answered(at(2)) },
      {
        ...base,
        intent: "r",
        token: hash,
        asked: asked({ kind: "read", request: read, isLinearizable: false }),
        answer: answered(at(counter), { op: "empty" }, code),
      },
    ];
    return checkTokens(calls, { changes }, () => []).map(({ check }) => check);
  }

  test("what is done while it stands, and refused when it does not, or outside of its grants, is right", () => {
    expect([...judged("/a/b", 3), ...judged("/a/b", 5, -115), ...judged("/b", 3, -102)]).toEqual([]);
  });

  test.each([
    ["done behind its revocation", "/a/b", 5, 0],
    ["done before it was made", "/a/b", 1, 0],
    ["done outside of its grants", "/b", 3, 0],
    ["unknown while it stands", "/a/b", 4, -115],
    ["refused within its grants", "/a/b", 4, -102],
  ])("%s is told", (_, of, counter, code) => {
    expect(judged(of, counter, code)).toEqual(["TokensBound"]);
  });

  test("a write is judged by its place in the log, whatever its caller was told", () => {
    const bare = { newSession: undefined, ensured: undefined, guards: [], operations: [], key: undefined };
    const request = { kind: "write", request: { op: "transact", ...bare } } as const;
    const call = { client: "t1", intent: "w", token: hash, startMs: 0, endMs: 1, isGivenUp: false };
    const asked = { session: undefined, minZxid: ZXID_ZERO, request };
    const calls = [{ ...call, asked, answer: undefined }];
    expect(checkTokens(calls, { changes }, () => [at(4)])).toEqual([]);
    expect(checkTokens(calls, { changes }, () => [at(6)])).toHaveLength(1);
  });
});
