/**
 * Locks for callers without a connection. A lease is a session with one ephemeral znode in the lock's queue, made by
 * one transaction: the same queue that Curator's and kazoo's clients stand in, in the order of its sequence numbers.
 * Who stands first holds the lock, until its znode goes, with its session at the latest.
 *
 * A caller that waits keeps its place by its open request alone. Where it hangs up, or has waited long enough, its
 * znode goes before anybody is told that it holds the lock. Races are decided by the log:
 *
 * 1. Who becomes first is told so only behind a barrier in its session. That is a sign of life, from which the lease's
 *    time counts, and shows that the session was alive when the barrier was proposed.
 * 2. A caller may ask again under its key while its earlier request is still open, at another replica perhaps. Each
 *    asking is a claim, the version of the znode that remembers the key; the latest claim alone may be told that it
 *    holds the lock, or give up the place. So nobody's late hanging up takes the lock away from its own next request.
 * 3. Who asks again for what may have been told as held already does not give it up by hanging up.
 */
import { OPEN_ACL } from "../base/acl.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import type { TransactRequest, WriteRequest } from "../base/request.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { keyPathOf } from "../tree/call-keys.ts";
import { contendersOf, type Place, placeOf } from "../tree/lock-queue.ts";
import type { TreeEvent } from "../tree/transition.ts";
import { SUPER } from "./auth.ts";
import type { CallRequest, CallResponse, CallSession, QueuedContender } from "./call.ts";
import type { CallWrites, Delivered } from "./call-writes.ts";
import type { DoorContext } from "./door-context.ts";
import { CALL_WAIT_MS, LOCK_PROBE_MS, LOCK_QUEUE_SHOWN } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import { transacted } from "./transact-outcome.ts";

/** What locks need of the door. */
export interface LockHost {
  readonly context: DoorContext;
  readonly writes: CallWrites;
  /** By the clock that never goes back. */
  readonly now: () => number;
  /** By the clock of leases: of what passed it shows as much or less, also where a clock has jumped ahead. */
  readonly steady: () => number;
  readonly isOpen: (open: OpenCall) => boolean;
  /** Sends the call's own write; where nobody lives to propose it, the call ends undecided. */
  readonly send: (
    open: OpenCall,
    write: { readonly request: WriteRequest; readonly session: SessionId },
    done: (delivered: Delivered) => void,
  ) => void;
  readonly answer: (open: OpenCall, zxid: Zxid, code: number, response?: CallResponse) => void;
  /** The caller is to be written to. */
  readonly probe: (open: OpenCall, zxid: Zxid) => void;
  /** Nobody knows what became of it. */
  readonly endUndecided: (open: OpenCall) => void;
}

type Acquire = CallRequest & { readonly kind: "acquire" };

/** A place in a queue that an open call stands in. */
interface Waiter {
  readonly open: OpenCall;
  readonly request: Acquire;
  readonly session: CallSession;
  readonly timeoutMs: number;
  /** The path of its znode, and when that was created. */
  readonly path: string;
  readonly czxid: Zxid;
  /** Which asking under its key it is. */
  readonly claim: number;
  /** It stood first when it asked again: it may have been told. */
  readonly mayBeTold: boolean;
  readonly deadlineMs: number;
  /** The znode that it waits for. */
  blocker: string | undefined;
  state: "queued" | "confirming" | "probing" | "leaving";
  /** From when its session was heard of, once that is confirmed, and when it was probed. */
  confirmed: { readonly sentMs: number; readonly atMs: number } | undefined;
}

/** How giving up a place ended. */
interface Left {
  readonly code: number;
  readonly zxid: Zxid;
}

const MARKS: Readonly<Record<Acquire["mode"], string>> = {
  exclusive: "-lock-",
  read: "-__READ__",
  write: "-__WRIT__",
};

const EPHEMERAL_SEQUENTIAL = 3;

/** See the file's comment. */
export class LockCalls {
  readonly #host: LockHost;
  readonly #waiters = new Map<OpenCall, Waiter>();
  /** By the paths of their own znodes, and of those that they wait for. */
  readonly #byPath = new Map<string, Set<Waiter>>();

  constructor(host: LockHost) {
    this.#host = host;
  }

  /** Callers that stand in a queue. */
  get waiterCount(): number {
    return this.#waiters.size;
  }

  /** The sessions of those that wait: their open requests keep them alive. */
  *sessions(): Iterable<SessionId> {
    for (const { session, state } of this.#waiters.values()) if (state !== "leaving") yield session.session;
  }

  /** Makes a session and its znode in the queue, in one transaction, or finds those made under the same key. */
  acquire(open: OpenCall, request: Acquire): void {
    const { context, send } = this.#host;
    const { session, password } = context.makeSession(open.call.entropy);
    const transact = acquireRequest(request, { password, entropy: open.call.entropy });
    send(open, { request: transact, session }, (delivered) => {
      open.serial = undefined;
      this.#acquired(open, { request, session: { session, password } }, { transact, delivered });
    });
  }

  /** The caller has hung up, or waits no longer: its place is given up, unless it may have been told of it. */
  abandon(open: OpenCall): void {
    const waiter = this.#waiters.get(open);
    if (waiter === undefined || waiter.state === "leaving") return;
    this.#forget(waiter);
    if (!waiter.mayBeTold) this.#leave(waiter, () => undefined);
  }

  /** Those that have waited as long as they asked for give up their places, and are told so then. */
  tick(): void {
    for (const waiter of this.#waiters.values()) {
      this.#endProbe(waiter);
      if (waiter.state !== "queued" || this.#host.now() < waiter.deadlineMs) continue;
      const ahead = this.#placeOf(waiter)?.ahead ?? 0;
      waiter.state = "leaving";
      waiter.open.deadlineMs = this.#host.now() + CALL_WAIT_MS;
      this.#leave(waiter, (end) => {
        this.#forget(waiter);
        if (end === undefined) this.#host.endUndecided(waiter.open);
        else this.#host.answer(waiter.open, end.zxid, end.code, { op: "queued", ahead });
      });
    }
  }

  /** A znode changed: it may be somebody's turn, or somebody's place may be lost. */
  announce(event: TreeEvent, zxid: Zxid): void {
    if (event.kind !== "deleted") return;
    for (const waiter of this.#byPath.get(event.path) ?? []) {
      if (waiter.path === event.path) this.#lost(waiter, zxid);
      else if (waiter.state === "queued") this.#advance(waiter);
    }
  }

  /** The lease has its whole time again. */
  renew(open: OpenCall, session: CallSession, path: string): void {
    const sentMs = this.#host.steady();
    this.#inLease(open, { session, path, request: { op: "sync", path: "" } }, ({ zxid }) => {
      const node = this.#nodeOf(session.session, path);
      if (node === undefined) return this.#host.answer(open, zxid, ERROR_CODES.leaseOver);
      const timeoutMs = this.#host.context.tree.sessions.get(session.session)?.timeoutMs ?? 0;
      const token = this.#host.context.tree.get(node)?.czxid ?? zxid;
      const expiresInMs = sentMs - open.arrivedSteadyMs + timeoutMs;
      this.#host.answer(open, zxid, ERROR_CODES.ok, { op: "lease", session, token, expiresInMs });
    });
  }

  /** The lock is free again, and its session over. */
  release(open: OpenCall, session: CallSession, path: string): void {
    this.#inLease(open, { session, path, request: { op: "closeSession" } }, ({ zxid }) =>
      this.#host.answer(open, zxid, ERROR_CODES.ok),
    );
  }

  /** Who holds the lock and who waits, the holder first. */
  queue(path: string): CallResponse {
    const { tree } = this.#host.context;
    const contenders = contendersOf(tree.childNames(path));
    const shown = contenders.slice(0, LOCK_QUEUE_SHOWN).flatMap(({ name, isShared }): QueuedContender[] => {
      const node = tree.get(childOf(path, name));
      if (node === undefined) return [];
      const { czxid, ctime, owner, data } = node;
      const session = owner.mode === "ephemeral" ? owner.session : NO_SESSION;
      const isHolder = placeOf(contenders, name)?.blocker === undefined;
      return [{ name, isShared, isHolder, token: czxid, session, ctime, data }];
    });
    return { op: "queue", contenders: shown, count: contenders.length };
  }

  #inLease(
    open: OpenCall,
    lease: {
      readonly session: CallSession;
      readonly path: string;
      readonly request: { readonly op: "sync"; readonly path: "" } | { readonly op: "closeSession" };
    },
    done: (delivered: Delivered) => void,
  ): void {
    const { context, send, answer } = this.#host;
    const { session, path, request } = lease;
    if (this.#nodeOf(session.session, path) === undefined) {
      return answer(open, context.tree.lastApplied, ERROR_CODES.leaseOver);
    }
    send(open, { request, session: session.session }, (delivered) => {
      const { outcome, zxid } = delivered;
      if (outcome.kind === "error") answer(open, zxid, leaseCode(outcome.code));
      else done(delivered);
    });
  }

  /** The session's znode in the lock's queue: it came with the session, so who knows the one knows the other. */
  #nodeOf(session: SessionId, path: string): string | undefined {
    const own = this.#host.context.tree.ephemeralsOf(session);
    return own.find((one) => parentOf(one) === path && contendersOf([nameOf(one)]).length > 0);
  }

  #acquired(
    open: OpenCall,
    asked: { readonly request: Acquire; readonly session: CallSession },
    { transact, delivered }: { readonly transact: TransactRequest; readonly delivered: Delivered },
  ): void {
    const { context, answer, isOpen, now } = this.#host;
    const { zxid, outcome, remembered } = transacted(context.tree, transact, delivered);
    if (outcome.kind === "error") return answer(open, zxid, outcome.code);
    const [created] = outcome.kind === "multi" ? outcome.outcomes : [];
    if (created?.kind === "error") return answer(open, zxid, created.code);
    if (created?.kind !== "created") throw new Error("an acquire creates a znode, or fails");
    const session = remembered === undefined ? asked.session : this.#sessionOf(remembered.session);
    const { path } = created;
    const node = context.tree.get(path);
    if (session === undefined || node === undefined || !equalZxid(node.czxid, created.stat.czxid)) {
      return answer(open, delivered.zxid, ERROR_CODES.leaseOver);
    }
    const place = placeOf(contendersOf(context.tree.childNames(parentOf(path))), nameOf(path));
    const isFirst = place !== undefined && place.blocker === undefined;
    const waiter: Waiter = {
      open,
      request: asked.request,
      session,
      timeoutMs: context.tree.sessions.get(session.session)?.timeoutMs ?? 0,
      path,
      czxid: node.czxid,
      claim: remembered?.claim ?? 0,
      mayBeTold: remembered !== undefined && isFirst,
      deadlineMs: open.arrivedMs + asked.request.waitMs,
      blocker: undefined,
      state: "queued",
      confirmed: undefined,
    };
    if (!isOpen(open)) {
      if (!waiter.mayBeTold) this.#leave(waiter, () => undefined);
      return;
    }
    if (isFirst && remembered === undefined) return this.#grant(waiter, delivered.zxid, open.arrivedSteadyMs);
    open.isUnderWay = true;
    // From here on it ends when its wait does.
    open.deadlineMs = Math.max(open.deadlineMs, now() + asked.request.waitMs) + CALL_WAIT_MS;
    this.#waiters.set(open, waiter);
    this.#index(path, waiter);
    this.#advance(waiter);
  }

  #sessionOf(session: SessionId): CallSession | undefined {
    const record = this.#host.context.tree.sessions.get(session);
    return record === undefined ? undefined : { session, password: record.password };
  }

  #placeOf({ path }: Pick<Waiter, "path">): Place | undefined {
    return placeOf(contendersOf(this.#host.context.tree.childNames(parentOf(path))), nameOf(path));
  }

  /** Waits for whoever stands before it now, or, where nobody does, has that confirmed. */
  #advance(waiter: Waiter): void {
    const place = this.#placeOf(waiter);
    if (place === undefined) return;
    this.#unindex(waiter.blocker, waiter);
    waiter.blocker = place.blocker === undefined ? undefined : childOf(parentOf(waiter.path), place.blocker);
    if (waiter.blocker === undefined) this.#confirm(waiter);
    else this.#index(waiter.blocker, waiter);
  }

  #confirm(waiter: Waiter): void {
    waiter.state = "confirming";
    const { open, session } = waiter;
    const sentMs = this.#host.steady();
    const request = { op: "sync", path: "" } as const;
    const write = { request, session: session.session, identities: [], bytes: 0 };
    this.#host.writes.send(write, (delivered) => {
      // It hung up, or its znode went, meanwhile.
      if (this.#waiters.get(open) !== waiter) return;
      if (waiter.request.isProbed && delivered?.outcome.kind === "barrier") {
        return this.#probe(waiter, delivered.zxid, sentMs);
      }
      this.#forget(waiter);
      if (delivered === undefined) return this.#host.endUndecided(open);
      const { zxid, outcome } = delivered;
      if (outcome.kind === "error") return this.#host.answer(open, zxid, leaseCode(outcome.code));
      return this.#grant(waiter, zxid, sentMs);
    });
  }

  /** Until it is answered it may hang up as before. */
  #probe(waiter: Waiter, zxid: Zxid, sentMs: number): void {
    waiter.state = "probing";
    waiter.confirmed = { sentMs, atMs: this.#host.now() };
    this.#host.probe(waiter.open, zxid);
  }

  #endProbe(waiter: Waiter): void {
    const { state, confirmed } = waiter;
    if (state !== "probing" || confirmed === undefined) return;
    if (this.#host.now() - confirmed.atMs < LOCK_PROBE_MS) return;
    this.#forget(waiter);
    this.#grant(waiter, this.#host.context.tree.lastApplied, confirmed.sentMs);
  }

  /** Its session was heard of at `sentMs` or later: the lease lasts its timeout from there, at least. */
  #grant(waiter: Waiter, zxid: Zxid, sentMs: number): void {
    const { open, session, czxid: token, timeoutMs } = waiter;
    if (!this.#isLatestClaim(waiter)) return this.#host.answer(open, zxid, ERROR_CODES.superseded);
    const expiresInMs = sentMs - open.arrivedSteadyMs + timeoutMs;
    this.#host.answer(open, zxid, ERROR_CODES.ok, { op: "lease", session, token, expiresInMs });
  }

  #isLatestClaim({ request: { key }, claim }: Waiter): boolean {
    if (key === undefined) return true;
    return this.#host.context.tree.get(keyPathOf(key))?.version === claim;
  }

  /** Its znode is gone: its session has ended, somebody deleted it, or its own next request has given it up. */
  #lost(waiter: Waiter, zxid: Zxid): void {
    if (waiter.state === "leaving") return;
    this.#forget(waiter);
    const { open, request } = waiter;
    const { key } = request;
    const isGivenUp = key !== undefined && this.#host.context.tree.get(keyPathOf(key)) === undefined;
    this.#host.answer(open, zxid, isGivenUp ? ERROR_CODES.superseded : ERROR_CODES.leaseOver);
  }

  /**
   * Gives up a place. Under a key only where no later request has claimed it: the key is forgotten with it, so that
   * the next one under it begins anew.
   */
  #leave(waiter: Waiter, done: (end: Left | undefined) => void): void {
    const { writes } = this.#host;
    const { key } = waiter.request;
    if (key === undefined) return this.#closeSession(waiter, done);
    const path = keyPathOf(key);
    const operations = [
      { op: "check", path, version: waiter.claim },
      { op: "delete", path, version: -1 },
      { op: "delete", path: waiter.path, version: -1 },
    ] as const;
    const request = { op: "multi", operations } as const;
    writes.send({ request, session: NO_SESSION, identities: [SUPER], bytes: 0 }, (delivered) => {
      if (delivered === undefined) return done(undefined);
      const { outcome, zxid } = delivered;
      const isDone = outcome.kind === "multi" && outcome.outcomes.every(({ kind }) => kind !== "error");
      return isDone ? this.#closeSession(waiter, done) : done({ code: ERROR_CODES.superseded, zxid });
    });
  }

  #closeSession({ session }: Waiter, done: (end: Left | undefined) => void): void {
    const request = { op: "closeSession" } as const;
    this.#host.writes.send({ request, session: session.session, identities: [], bytes: 0 }, (delivered) =>
      done(delivered === undefined ? undefined : { code: ERROR_CODES.lockTimeout, zxid: delivered.zxid }),
    );
  }

  #index(path: string, waiter: Waiter): void {
    const there = this.#byPath.get(path);
    if (there === undefined) this.#byPath.set(path, new Set([waiter]));
    else there.add(waiter);
  }

  #unindex(path: string | undefined, waiter: Waiter): void {
    const there = path === undefined ? undefined : this.#byPath.get(path);
    if (path === undefined || there === undefined) return;
    there.delete(waiter);
    if (there.size === 0) this.#byPath.delete(path);
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter.open);
    this.#unindex(waiter.path, waiter);
    this.#unindex(waiter.blocker, waiter);
  }
}

/** A lease is a session: what is told of the one is told of the other in the words of locks. */
function leaseCode(code: number): number {
  return code === ERROR_CODES.sessionExpired ? ERROR_CODES.leaseOver : code;
}

function acquireRequest(
  { path, mode, ttlMs, waitMs, owner, key }: Acquire,
  { password, entropy }: { readonly password: Uint8Array; readonly entropy: Uint8Array },
): TransactRequest {
  // Named as Curator names the znodes of its mutex, under protection.
  const name = `_c_${uuidOf(entropy.subarray(24, 40))}${MARKS[mode]}`;
  return {
    op: "transact",
    newSession: { timeoutMs: ttlMs, password },
    ensured: path,
    guards: waitMs === 0 ? [{ kind: "free", path, isShared: mode === "read" }] : [],
    operations: [
      {
        op: "create2",
        path: childOf(path, name),
        data: new TextEncoder().encode(owner),
        acl: OPEN_ACL,
        flags: EPHEMERAL_SEQUENTIAL,
        ttlMs: 0,
      },
    ],
    key,
  };
}

/** Sixteen random bytes as a UUID's text. */
function uuidOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
