/**
 * The door for callers without a connection. A call waits until this replica serves and has delivered what the caller
 * has seen; then it is read from the tree, behind a barrier where it must be linearizable, or written through the log.
 *
 * A session needs no connection: it is made and ended by calls, and each call in it is a sign of life, whichever
 * replica it comes to. What a call is told about its session holds: where this replica does not know it, it may lag,
 * and looks again behind a barrier.
 */
import { assertNever } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import type { TreeEvent } from "../tree/transition.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { powersOf } from "./auth.ts";
import type { Call, CallAnswer, CallId, CallRequest, CallResponse, Page } from "./call.ts";
import { CallWrites, type Delivered } from "./call-writes.ts";
import { ChangeWaits, isKnown } from "./change-waits.ts";
import { hostOf } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import {
  CALL_SESSION_MS_MAX,
  CALL_SESSION_MS_MIN,
  CALL_WAIT_MS,
  CALLS_BYTES_MAX,
  CALLS_MAX,
  LEASE_CLOCK_STEP_MS_MAX,
} from "./limits.ts";
import { LockCalls } from "./lock-calls.ts";
import type { OpenCall } from "./open-call.ts";
import type { LocalReads } from "./local-reads.ts";
import type { Actor } from "./operations/audit.ts";
import { replyTo } from "./replies.ts";
import { transacted } from "./transact-outcome.ts";
import type { Action } from "./turn.ts";

/** What the door is made of. */
export interface CallDoorParts {
  readonly context: DoorContext;
  readonly reads: LocalReads;
  /** A change was made, or refused. */
  readonly audit: (actor: Actor, request: WriteRequest, outcome: Outcome) => void;
}

/** See the file's comment. */
export class CallDoor {
  readonly #context: DoorContext;
  readonly #reads: LocalReads;
  readonly #audit: CallDoorParts["audit"];
  readonly #writes: CallWrites;
  readonly #open = new Map<CallId, OpenCall>();
  /** Those that wait until this replica serves, or has delivered what they have seen. */
  readonly #held = new Set<OpenCall>();
  /** Those behind the barrier that is on its way, and those that came too late for it. */
  #behindBarrier: OpenCall[] | undefined;
  #forNextBarrier: OpenCall[] = [];
  readonly #touched = new Set<SessionId>();
  #bytes = 0;
  #actions: Action[] = [];
  #nowMs = 0;
  #steadyMs = 0;
  readonly #locks: LockCalls;
  readonly #waits = new ChangeWaits();

  constructor(parts: CallDoorParts) {
    this.#context = parts.context;
    this.#reads = parts.reads;
    this.#audit = parts.audit;
    this.#writes = new CallWrites(parts.context);
    this.#locks = new LockCalls({
      context: parts.context,
      writes: this.#writes,
      now: () => this.#nowMs,
      steady: () => this.#steadyMs,
      send: (open, write, done) => this.#send(open, write, done),
      isOpen: (open) => this.#open.has(open.call.id),
      answer: (open, zxid, code, response) => this.#answer(open, zxid, code, response),
      probe: (open, zxid) => this.#actions.push({ kind: "callProbe", call: open.call.id, zxid }),
      endUndecided: (open) => this.#end(open, { kind: "undecided" }),
    });
  }

  /** Calls that are not answered. */
  get count(): number {
    return this.#open.size;
  }

  /** Writes of calls that wait for the log. */
  get writeCount(): number {
    return this.#writes.count;
  }

  /** Sets the time of this turn, by a clock that never goes back. */
  at(nowMs: number): void {
    this.#steadyMs += Math.min(nowMs - this.#nowMs, LEASE_CLOCK_STEP_MS_MAX);
    this.#nowMs = nowMs;
  }

  /** Somebody asks for something. */
  take(call: Call): void {
    if (this.#open.size >= CALLS_MAX || this.#bytes + call.bytes > CALLS_BYTES_MAX) {
      this.#tell(call.id, { kind: "unavailable", reason: "busy" });
      return;
    }
    const proven = [{ scheme: "ip", id: hostOf(call.remoteAddress) }, ...call.identities];
    const open: OpenCall = {
      call,
      arrivedMs: this.#nowMs,
      arrivedSteadyMs: this.#steadyMs,
      deadlineMs: this.#nowMs + CALL_WAIT_MS,
      identities: powersOf({ identities: proven }, this.#context.auth),
      isFresh: false,
      serial: undefined,
      isUnderWay: false,
    };
    this.#open.set(call.id, open);
    this.#bytes += call.bytes;
    const { requiredSchemes } = this.#context.auth.access;
    if (requiredSchemes.length > 0 && !proven.some(({ scheme }) => requiredSchemes.includes(scheme))) {
      const code = ERROR_CODES.sessionClosedRequireSaslAuth;
      return this.#answer(open, this.#context.tree.lastApplied, code);
    }
    this.#proceed(open);
  }

  /** The caller has hung up: what is not on its way yet is not done. */
  gone(id: CallId): void {
    const open = this.#open.get(id);
    if (open !== undefined) this.#forget(open);
  }

  /** A znode changed. */
  announce(event: TreeEvent, zxid: Zxid): void {
    this.#locks.announce(event, zxid);
    for (const open of this.#waits.take(event)) this.#proceed(open);
  }

  /** A proposal of this replica was delivered. */
  delivered(serial: number, delivered: Delivered): void {
    this.#writes.delivered(serial, delivered);
  }

  /** More was delivered: those that waited for it go on. */
  progressed(): void {
    for (const open of this.#held) this.#proceed(open);
  }

  /** The leader is lost: what was on its way may or may not have been proposed. */
  suspend(): void {
    this.#writes.suspend();
  }

  /** There is a leader, and all that was forwarded to the last one is decided. */
  resume(): void {
    this.#writes.resume();
    this.progressed();
  }

  /** Those that have waited too long are told what is known. */
  tick(): void {
    this.#locks.tick();
    for (const open of this.#open.values()) {
      if (this.#nowMs < open.deadlineMs) continue;
      if (this.#waits.has(open) && this.#context.serving()) {
        this.#waits.delete(open);
        this.#proceed(open);
      } else this.#giveUp(open);
    }
  }

  /** This replica has nothing to say any more. */
  closeAll(): void {
    for (const open of this.#open.values()) this.#giveUp(open);
  }

  /** The sessions heard from since the last call. */
  takeTouched(): readonly SessionId[] {
    const touched = [...this.#touched, ...this.#locks.sessions()];
    this.#touched.clear();
    return touched;
  }

  /** What this turn wants done for callers, in order. */
  takeActions(): readonly Action[] {
    const taken = this.#actions;
    if (taken.length > 0) this.#actions = [];
    return taken;
  }

  /** Does the next thing that a call needs, where it can be done now. */
  #proceed(open: OpenCall): void {
    const { call } = open;
    const isReady = this.#context.serving() && compareZxid(call.minZxid, this.#context.tree.lastApplied) <= 0;
    if (!isReady) {
      this.#held.add(open);
      return;
    }
    this.#held.delete(open);
    if (call.session !== undefined) {
      const record = this.#context.tree.sessions.get(call.session.session);
      if (record === undefined && !open.isFresh) return this.#awaitBarrier(open);
      if (record === undefined || !equalBytes(record.password, call.session.password)) {
        return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.sessionExpired);
      }
      this.#touched.add(call.session.session);
    }
    this.#do(open, call.request);
  }

  #do(open: OpenCall, request: CallRequest): void {
    switch (request.kind) {
      case "read":
        if (request.isLinearizable && !open.isFresh) return this.#awaitBarrier(open);
        return this.#read(open, request);
      case "write":
        return this.#write(open, request.request);
      case "openSession":
        return this.#openSession(open, request.timeoutMs);
      case "acquire":
        return this.#locks.acquire(open, { ...request, ttlMs: sessionTimeout(request.ttlMs) });
      case "renew":
      case "release": {
        const { session } = open.call;
        if (session === undefined) {
          return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.leaseOver);
        }
        return this.#locks[request.kind](open, session, request.path);
      }
      case "queue": {
        if (request.isLinearizable && !open.isFresh) return this.#awaitBarrier(open);
        const queue = this.#locks.queue(request.path);
        return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.ok, queue);
      }
      default:
        return assertNever(request);
    }
  }

  #read(open: OpenCall, { request, page, change }: CallRequest & { readonly kind: "read" }): void {
    const { code, response } = this.#reads.answer(request, {
      connection: 0,
      session: open.call.session?.session ?? NO_SESSION,
      identities: open.identities,
      proven: open.identities,
    });
    const isOver = this.#nowMs >= open.arrivedMs + (change?.waitMs ?? 0);
    if (change !== undefined && !isOver && isKnown(change.known, code, response)) {
      open.deadlineMs = open.arrivedMs + change.waitMs;
      return this.#waits.add(open, request.path);
    }
    const shown = page !== undefined && response.op === "children2" ? pageOf(response, page) : response;
    this.#answer(open, this.#context.tree.lastApplied, code, shown);
  }

  #write(open: OpenCall, request: WriteRequest): void {
    const session = open.call.session?.session ?? NO_SESSION;
    this.#send(open, { request, session }, (delivered) => {
      const isTransact = request.op === "transact";
      const { zxid, outcome } = isTransact ? transacted(this.#context.tree, request, delivered) : delivered;
      const { code, response } = replyTo(request, outcome);
      this.#answer(open, zxid, code, response);
    });
  }

  #openSession(open: OpenCall, askedMs: number): void {
    const timeoutMs = sessionTimeout(askedMs);
    const { session, password } = this.#context.makeSession(open.call.entropy);
    const request: WriteRequest = { op: "createSession", timeoutMs, password };
    this.#send(open, { request, session }, ({ zxid, outcome }) => {
      const { code } = replyTo(request, outcome);
      this.#answer(open, zxid, code, { op: "session", session: { session, password }, timeoutMs });
    });
  }

  #send(
    open: OpenCall,
    { request, session }: { readonly request: WriteRequest; readonly session: SessionId },
    done: (delivered: Delivered) => void,
  ): void {
    const { identities, call } = open;
    const write = { request, session, identities, bytes: call.bytes };
    open.serial = this.#writes.send(write, (delivered) => {
      if (delivered === undefined) return this.#end(open, { kind: "undecided" });
      const host = hostOf(call.remoteAddress);
      this.#audit({ session, identities, host }, request, delivered.outcome);
      done(delivered);
    });
  }

  /**
   * One barrier is on its way at a time, for all that came before it left: it costs a proposal, however many wait.
   * Those that come meanwhile share the next.
   */
  #awaitBarrier(open: OpenCall): void {
    this.#forNextBarrier.push(open);
    if (this.#behindBarrier === undefined) this.#sendBarrier();
  }

  #sendBarrier(): void {
    if (this.#forNextBarrier.length === 0) return;
    const waiting = this.#forNextBarrier;
    this.#forNextBarrier = [];
    this.#behindBarrier = waiting;
    const barrier = {
      request: { op: "sync", path: "" },
      session: NO_SESSION,
      identities: [],
      bytes: 0,
    } as const;
    this.#writes.send(barrier, (delivered) => {
      this.#behindBarrier = undefined;
      for (const open of waiting) {
        if (!this.#open.has(open.call.id)) continue;
        if (delivered === undefined) this.#end(open, { kind: "unavailable", reason: "no-quorum" });
        else {
          open.isFresh = true;
          this.#proceed(open);
        }
      }
      this.#sendBarrier();
    });
  }

  /** What is not proposed, and never will be, is told apart from what may have been. */
  #giveUp(open: OpenCall): void {
    const { serial, isUnderWay } = open;
    if (isUnderWay || (serial !== undefined && !this.#writes.isUnsent(serial))) {
      this.#end(open, { kind: "undecided" });
      return;
    }
    this.#end(open, { kind: "unavailable", reason: this.#context.serving() ? "lagging" : "no-quorum" });
  }

  #answer(open: OpenCall, zxid: Zxid, code: number, response: CallResponse = { op: "empty" }): void {
    const isTold = code === ERROR_CODES.ok || response.op === "queued";
    this.#end(open, { kind: "answered", zxid, code, response: isTold ? response : { op: "empty" } });
  }

  #end(open: OpenCall, answer: CallAnswer): void {
    if (!this.#open.has(open.call.id)) return;
    this.#tell(open.call.id, answer);
    this.#forget(open);
  }

  #tell(call: CallId, answer: CallAnswer): void {
    this.#actions.push({ kind: "callAnswer", call, answer });
  }

  #forget(open: OpenCall): void {
    if (!this.#open.delete(open.call.id)) return;
    this.#bytes -= open.call.bytes;
    this.#held.delete(open);
    this.#waits.delete(open);
    this.#locks.abandon(open);
    // A place in a queue that may come about is to be given up then: somebody has to hear of it.
    const mayStand = open.call.request.kind === "acquire" && !this.#writes.isUnsent(open.serial ?? 0);
    if (open.serial !== undefined && !mayStand) this.#writes.forget(open.serial);
  }
}

function sessionTimeout(askedMs: number): number {
  return Math.min(Math.max(askedMs, CALL_SESSION_MS_MIN), CALL_SESSION_MS_MAX);
}

function pageOf(
  { children, stat }: CallResponse & { readonly op: "children2" },
  { after, limit }: Page,
): CallResponse {
  const behind = after === "" ? children : children.filter((name) => name > after);
  return { op: "page", children: behind.slice(0, limit), isLast: behind.length <= limit, stat };
}
