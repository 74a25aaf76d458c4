/**
 * Locks and semaphores for callers without a connection. A lease is a session with one ephemeral znode in the lock's
 * queue, made by
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
 * 4. The first in the queue of a semaphore holds nothing yet: it takes a permit by a transaction that moves its znode
 *    to the permits, which the leader lets happen only while one is left. While that is on its way nobody knows where
 *    the znode is: who hangs up meanwhile gives it up behind that.
 */
import { ERROR_CODES } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import { parentOf } from "../base/path.ts";
import type { TransactRequest, WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { keyPathOf } from "../tree/call-keys.ts";
import type { TreeEvent } from "../tree/transition.ts";
import { SUPER } from "./auth.ts";
import type { CallResponse, CallSession } from "./call.ts";
import type { CallWrite, CallWrites, Delivered } from "./call-writes.ts";
import {
  type Acquire,
  acquireRequest,
  forcedRelease,
  leaseNodeOf,
  mayHaveRoom,
  promotion,
  roomPaths,
  type Standing,
  standingOf,
} from "./contest.ts";
import type { DoorContext } from "./door-context.ts";
import { CALL_WAIT_MS, LOCK_PROBE_MS } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import { failureOf, transacted } from "./transact-outcome.ts";

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
  /** A change was made, or refused, that `send` has not sent. */
  readonly audit: (open: OpenCall, write: CallWrite, outcome: Outcome, operation?: string) => void;
}

/** A place in a queue that an open call stands in. */
interface Waiter {
  readonly open: OpenCall;
  readonly request: Acquire;
  readonly session: CallSession;
  readonly timeoutMs: number;
  /** The path of its znode, and when that was created: another one from when it has a permit. */
  path: string;
  czxid: Zxid;
  /** Which asking under its key it is. */
  readonly claim: number;
  /** It stood first when it asked again: it may have been told. */
  readonly mayBeTold: boolean;
  readonly deadlineMs: number;
  /** Where what it waits for is to be seen. */
  watched: readonly string[];
  /** `taking`: a permit, on its way through the log. */
  state: "queued" | "taking" | "confirming" | "probing" | "leaving";
  /** Nobody waits for its permit any more, which is still on its way. */
  isGivenUp: boolean;
  /** From when its session was heard of, once that is confirmed, and when it was probed. */
  confirmed: { readonly sentMs: number; readonly atMs: number } | undefined;
}

/** What is asked for, and the session that is to be made for it. */
interface Asked {
  readonly request: Acquire;
  readonly session: CallSession;
}

/** How giving up a place ended. */
interface Left {
  readonly code: number;
  readonly zxid: Zxid;
}

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
    const session = this.#host.context.makeSession(open.call.entropy);
    this.#enter(open, { request, session }, request.waitMs === 0 || request.mode === "permit");
  }

  /** Who would wait for a permit, where none is free at once, goes to the end of the queue by a second transaction. */
  #enter(open: OpenCall, asked: Asked, isAtOnce: boolean): void {
    const { request, session } = asked;
    const { password } = session;
    const transact = acquireRequest(request, { password, entropy: open.call.entropy }, isAtOnce);
    this.#host.send(open, { request: transact, session: session.session }, (delivered) => {
      open.serial = undefined;
      const isTaken = failureOf(delivered.outcome) === ERROR_CODES.lockHeld;
      if (!isTaken || !isAtOnce || request.waitMs === 0) {
        this.#acquired(open, asked, { transact, delivered });
      } else if (this.#host.isOpen(open)) this.#enter(open, asked, false);
    });
  }

  /** The caller has hung up, or waits no longer: its place is given up, unless it may have been told of it. */
  abandon(open: OpenCall): void {
    const waiter = this.#waiters.get(open);
    if (waiter === undefined || waiter.state === "leaving") return;
    this.#forget(waiter);
    if (waiter.mayBeTold) return;
    if (waiter.state === "taking") waiter.isGivenUp = true;
    else this.#leave(waiter, () => undefined);
  }

  /** Those that have waited as long as they asked for give up their places, and are told so then. */
  tick(): void {
    for (const waiter of this.#waiters.values()) {
      this.#endProbe(waiter);
      if (waiter.state !== "queued" || this.#host.now() < waiter.deadlineMs) continue;
      const ahead = this.#standing(waiter)?.ahead ?? 0;
      this.#leaveWith(waiter, (end) =>
        this.#host.answer(waiter.open, end.zxid, end.code, { op: "queued", ahead }),
      );
    }
  }

  /** A znode changed: it may be somebody's turn, or somebody's place may be lost. */
  announce(event: TreeEvent, zxid: Zxid): void {
    if (event.kind === "created" || this.#waiters.size === 0) return;
    // A semaphore's waiters look at the parent of the permits.
    const near = [event.path, parentOf(event.path)].flatMap((path) => [...(this.#byPath.get(path) ?? [])]);
    for (const waiter of new Set(near)) {
      if (event.kind === "deleted" && waiter.path === event.path) this.#lost(waiter, zxid);
      else if (waiter.state === "queued") this.#advance(waiter);
    }
  }

  /** The lease has its whole time again. */
  renew(open: OpenCall, session: CallSession, path: string): void {
    const sentMs = this.#host.steady();
    this.#inLease(open, { session, path, request: { op: "sync", path: "" } }, ({ zxid }) => {
      const { tree } = this.#host.context;
      const node = leaseNodeOf(tree, session.session, path)?.node;
      if (node === undefined) return this.#host.answer(open, zxid, ERROR_CODES.leaseOver);
      const timeoutMs = tree.sessions.get(session.session)?.timeoutMs ?? 0;
      const token = node.czxid;
      const expiresInMs = sentMs - open.arrivedSteadyMs + timeoutMs;
      this.#host.answer(open, zxid, ERROR_CODES.ok, { op: "lease", session, token, expiresInMs });
    });
  }

  /** Its holder's znode shows these data. */
  proclaim(open: OpenCall, session: CallSession, path: string, data: Uint8Array): void {
    const { context, send, answer } = this.#host;
    const own = leaseNodeOf(context.tree, session.session, path);
    if (own === undefined) return answer(open, context.tree.lastApplied, ERROR_CODES.leaseOver);
    const guards = [{ kind: "held", path, token: own.node.czxid }] as const;
    const operations = [{ op: "setData", path: own.path, data, version: -1 }] as const;
    const bare = { op: "transact", newSession: undefined, ensured: undefined, key: undefined } as const;
    const request = { ...bare, guards, operations };
    send(open, { request, session: session.session }, ({ zxid, outcome }) =>
      answer(open, zxid, leaseCode(failureOf(outcome) ?? ERROR_CODES.ok)),
    );
  }

  /** The lock is free again, and its session over. */
  release(open: OpenCall, session: CallSession, path: string): void {
    this.#inLease(open, { session, path, request: { op: "closeSession" } }, ({ zxid }) =>
      this.#host.answer(open, zxid, ERROR_CODES.ok),
    );
  }

  /** What is held under the token is free again; its holder, a client of the wire perhaps, loses the znode alone. */
  forceRelease(open: OpenCall, path: string, token: Zxid): void {
    const { context, writes, answer, isOpen, audit } = this.#host;
    const request = forcedRelease(context.tree, path, token);
    if (request === undefined) return answer(open, context.tree.lastApplied, ERROR_CODES.notHeld);
    const { identities, call } = open;
    const write = { request, session: NO_SESSION, identities, bytes: call.bytes };
    open.isUnderWay = true;
    // What an operator does is told, also where that operator has hung up.
    writes.send(write, (delivered) => {
      if (delivered !== undefined) audit(open, write, delivered.outcome, "forceRelease");
      if (!isOpen(open)) return;
      if (delivered === undefined) return this.#host.endUndecided(open);
      answer(open, delivered.zxid, failureOf(delivered.outcome) ?? ERROR_CODES.ok);
    });
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
    if (leaseNodeOf(context.tree, session.session, path) === undefined) {
      return answer(open, context.tree.lastApplied, ERROR_CODES.leaseOver);
    }
    send(open, { request, session: session.session }, (delivered) => {
      const { outcome, zxid } = delivered;
      if (outcome.kind === "error") answer(open, zxid, leaseCode(outcome.code));
      else done(delivered);
    });
  }

  #acquired(
    open: OpenCall,
    { request, session: made }: Asked,
    { transact, delivered }: { readonly transact: TransactRequest; readonly delivered: Delivered },
  ): void {
    const { context, answer, isOpen, now } = this.#host;
    const { zxid, outcome, remembered } = transacted(context.tree, transact, delivered);
    const failure = failureOf(outcome);
    if (failure !== undefined) return answer(open, zxid, failure);
    const created = outcome.kind === "multi" ? outcome.outcomes.at(-1) : undefined;
    if (created?.kind !== "created") throw new Error("an acquire creates a znode, or fails");
    const session = remembered === undefined ? made : this.#sessionOf(remembered.session);
    const { path } = created;
    const at = session && standingOf(context.tree, request, { session: session.session, entered: path });
    const isAnother = at?.path === path && !equalZxid(at.node.czxid, created.stat.czxid);
    if (session === undefined || at === undefined || isAnother) {
      return answer(open, delivered.zxid, ERROR_CODES.leaseOver);
    }
    const waiter: Waiter = {
      open,
      request,
      session,
      timeoutMs: context.tree.sessions.get(session.session)?.timeoutMs ?? 0,
      path: at.path,
      czxid: at.node.czxid,
      claim: remembered?.claim ?? 0,
      mayBeTold: remembered !== undefined && at.isHolder,
      deadlineMs: open.arrivedMs + request.waitMs,
      watched: [],
      state: "queued",
      isGivenUp: false,
      confirmed: undefined,
    };
    if (!isOpen(open)) {
      if (!waiter.mayBeTold) this.#leave(waiter, () => undefined);
      return;
    }
    if (at.isHolder && remembered === undefined)
      return this.#grant(waiter, delivered.zxid, open.arrivedSteadyMs);
    open.isUnderWay = true;
    // From here on it ends when its wait does.
    open.deadlineMs = Math.max(open.deadlineMs, now() + request.waitMs) + CALL_WAIT_MS;
    this.#waiters.set(open, waiter);
    this.#index(waiter.path, waiter);
    this.#advance(waiter);
  }

  #sessionOf(session: SessionId): CallSession | undefined {
    const record = this.#host.context.tree.sessions.get(session);
    return record === undefined ? undefined : { session, password: record.password };
  }

  #standing({ request, session, path }: Waiter): Standing | undefined {
    return standingOf(this.#host.context.tree, request, { session: session.session, entered: path });
  }

  /** Waits for whatever is in its way now, or, where nothing is, has that confirmed. */
  #advance(waiter: Waiter): void {
    const at = this.#standing(waiter);
    if (at === undefined) return;
    if (at.isHolder) this.#confirm(waiter);
    else if (at.blocker !== undefined) this.#watch(waiter, [at.blocker]);
    else if (mayHaveRoom(this.#host.context.tree, waiter.request)) this.#promote(waiter);
    else this.#watch(waiter, roomPaths(waiter.request));
  }

  #watch(waiter: Waiter, paths: readonly string[]): void {
    for (const path of waiter.watched) this.#unindex(path, waiter);
    for (const path of paths) this.#index(path, waiter);
    waiter.watched = paths;
  }

  /** Takes a permit, which confirms that its session is alive as well; or finds that none is left, and waits on. */
  #promote(waiter: Waiter): void {
    waiter.state = "taking";
    const { open, session, request } = waiter;
    const sentMs = this.#host.steady();
    const transact = promotion(request, waiter.path, waiter.czxid);
    const { identities, call } = open;
    const write = { request: transact, session: session.session, identities, bytes: call.bytes };
    this.#host.writes.send(write, (delivered) => {
      if (delivered !== undefined) this.#host.audit(open, write, delivered.outcome);
      if (this.#waiters.get(open) !== waiter) {
        if (waiter.isGivenUp) this.#leave(waiter, () => undefined);
        return;
      }
      if (delivered === undefined) {
        this.#forget(waiter);
        return this.#host.endUndecided(open);
      }
      const failure = failureOf(delivered.outcome);
      if (failure === undefined) return this.#confirmed(waiter, delivered.zxid, sentMs);
      waiter.state = "queued";
      if (failure === ERROR_CODES.lockHeld || failure === ERROR_CODES.notHeld) this.#advance(waiter);
      else this.#leaveWith(waiter, ({ zxid }) => this.#host.answer(open, zxid, leaseCode(failure)));
    });
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
      if (delivered?.outcome.kind === "barrier") return this.#confirmed(waiter, delivered.zxid, sentMs);
      this.#forget(waiter);
      if (delivered === undefined) return this.#host.endUndecided(open);
      const { zxid, outcome } = delivered;
      if (outcome.kind === "error") return this.#host.answer(open, zxid, leaseCode(outcome.code));
    });
  }

  /** It holds what it wants. Where it is written to first it may, until it is answered, hang up as before. */
  #confirmed(waiter: Waiter, zxid: Zxid, sentMs: number): void {
    if (!waiter.request.isProbed) {
      this.#forget(waiter);
      return this.#grant(waiter, zxid, sentMs);
    }
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

  /**
   * Its znode is gone: its session has ended, somebody deleted it, or its own next request has given it up. Or it has
   * become a permit, by this request, or another one under its key.
   */
  #lost(waiter: Waiter, zxid: Zxid): void {
    if (waiter.state === "leaving") return;
    const at = this.#standing(waiter);
    if (at !== undefined) return this.#moved(waiter, at);
    this.#forget(waiter);
    const { open, request } = waiter;
    const { key } = request;
    const isGivenUp = key !== undefined && this.#host.context.tree.get(keyPathOf(key)) === undefined;
    this.#host.answer(open, zxid, isGivenUp ? ERROR_CODES.superseded : ERROR_CODES.leaseOver);
  }

  #moved(waiter: Waiter, { path, node }: Standing): void {
    this.#unindex(waiter.path, waiter);
    this.#index(path, waiter);
    waiter.path = path;
    waiter.czxid = node.czxid;
    if (waiter.state === "queued") this.#confirm(waiter);
  }

  /** Gives up a place for a reason that its caller is told then. */
  #leaveWith(waiter: Waiter, tell: (end: Left) => void): void {
    waiter.state = "leaving";
    waiter.open.deadlineMs = this.#host.now() + CALL_WAIT_MS;
    this.#leave(waiter, (end) => {
      this.#forget(waiter);
      if (end === undefined) this.#host.endUndecided(waiter.open);
      else tell(end);
    });
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
    const place = this.#standing(waiter)?.path ?? waiter.path;
    const operations = [
      { op: "check", path, version: waiter.claim },
      { op: "delete", path, version: -1 },
      { op: "delete", path: place, version: -1 },
    ] as const;
    const request = { op: "multi", operations } as const;
    writes.send({ request, session: NO_SESSION, identities: [SUPER], bytes: 0 }, (delivered) => {
      if (delivered === undefined) return done(undefined);
      const { outcome, zxid } = delivered;
      const isDone = outcome.kind === "multi" && outcome.outcomes.every(({ kind }) => kind !== "error");
      if (isDone) return this.#closeSession(waiter, done);
      // An earlier request under the key has taken a permit for it meanwhile.
      const isElsewhere = (this.#standing(waiter)?.path ?? place) !== place;
      if (isElsewhere && this.#isLatestClaim(waiter)) return this.#leave(waiter, done);
      done({ code: ERROR_CODES.superseded, zxid });
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

  #unindex(path: string, waiter: Waiter): void {
    const there = this.#byPath.get(path);
    if (there === undefined) return;
    there.delete(waiter);
    if (there.size === 0) this.#byPath.delete(path);
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter.open);
    this.#unindex(waiter.path, waiter);
    this.#watch(waiter, []);
  }
}

/** A lease is a session: what is told of the one is told of the other in the words of locks. */
function leaseCode(code: number): number {
  return code === ERROR_CODES.sessionExpired ? ERROR_CODES.leaseOver : code;
}
