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
import type { Identity } from "../base/acl.ts";
import { ERROR_CODES, type ErrorName } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import { isOver, type Scope, scopeOf, UNBOUNDED } from "../tree/scope.ts";
import { isTokenPath } from "../tree/tokens.ts";
import type { TreeEvent } from "../tree/transition.ts";
import { compareZxid, type Zxid } from "../base/zxid.ts";
import { powersOf, SUPER } from "./auth.ts";
import { answered, sessionTimeout } from "./call-answers.ts";
import type { Call, CallAnswer, CallId, CallRequest, CallResponse } from "./call.ts";
import { CallPace } from "./call-pace.ts";
import { mayCall } from "./call-scope.ts";
import { CallWrites, type Delivered } from "./call-writes.ts";
import { CallReads, type Reading } from "./call-reads.ts";
import { hostOf } from "./connection.ts";
import { HookCalls } from "./hook-calls.ts";
import type { DoorContext } from "./door-context.ts";
import type { HistoryWalks } from "./history-walks.ts";
import { CALL_WAIT_MS, CALLS_BYTES_MAX, CALLS_MAX, LEASE_CLOCK_STEP_MS_MAX } from "./limits.ts";
import { LockCalls } from "./lock-calls.ts";
import type { OpenCall } from "./open-call.ts";
import type { LocalReads } from "./local-reads.ts";
import { LookBack } from "./look-back.ts";
import type { PastHost } from "./past-calls.ts";
import type { ServiceHost } from "./service-writes.ts";
import type { Actor } from "./operations/audit.ts";
import { replyTo } from "./replies.ts";
import { Strangers } from "./strangers.ts";
import { survey } from "./survey.ts";
import { TokenCalls } from "./token-calls.ts";
import { transacted } from "./transact-outcome.ts";
import type { Action } from "./turn.ts";

/** What the door is made of. */
export interface CallDoorParts {
  readonly context: DoorContext;
  readonly reads: LocalReads;
  readonly walks: HistoryWalks;
  readonly trackedSession: PastHost["trackedSession"];
  /** A change was made, or refused. */
  readonly audit: (actor: Actor, request: WriteRequest, outcome: Outcome) => void;
  /** A call was answered, so long after it came. */
  readonly called: (request: CallRequest, tookMs: number) => void;
}

/** See the file's comment. */
export class CallDoor {
  readonly #context: DoorContext;
  readonly #reads: CallReads;
  readonly #parts: CallDoorParts;
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
  readonly #tokens: TokenCalls;
  readonly #hooks: HookCalls;
  readonly #past: LookBack;
  readonly #strangers = new Strangers();
  readonly #pace: CallPace;

  constructor(parts: CallDoorParts) {
    this.#context = parts.context;
    this.#reads = new CallReads(parts.context.tree, parts.reads, () => this.#nowMs);
    this.#parts = parts;
    this.#writes = new CallWrites(parts.context);
    this.#pace = new CallPace(parts.context.bounds.callsPerToken ?? 0);
    const service: ServiceHost = {
      context: parts.context,
      send: (open, write, done) => this.#send(open, { session: NO_SESSION, ...write }, done),
      answer: (open, zxid, code, response) => this.#answer(open, zxid, code, response),
    };
    this.#tokens = new TokenCalls(service);
    this.#hooks = new HookCalls(service);
    const { context, walks, trackedSession } = parts;
    const end = (open: OpenCall, answer: CallAnswer): void => this.#end(open, answer);
    this.#past = new LookBack({ context, walks, trackedSession, answer: service.answer, end });
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
      audit: (open, write, outcome, operation) => this.#auditWrite(open, write, { outcome, operation }),
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
    const open: OpenCall = {
      call,
      arrivedMs: this.#nowMs,
      arrivedSteadyMs: this.#steadyMs,
      deadlineMs: this.#nowMs + Math.min(call.patienceMs ?? CALL_WAIT_MS, CALL_WAIT_MS),
      identities: [],
      scope: UNBOUNDED,
      countedFor: undefined,
      isFresh: false,
      serial: undefined,
      isUnderWay: false,
    };
    this.#open.set(call.id, open);
    this.#bytes += call.bytes;
    this.#proceed(open);
  }

  /** The caller has hung up: what is not on its way yet is not done. */
  gone(id: CallId): void {
    const open = this.#open.get(id);
    if (open !== undefined) this.#forget(open);
  }

  /** A znode changed. */
  announce(event: TreeEvent, zxid: Zxid): void {
    if (isTokenPath(event.path)) this.#endUnder(({ tokenPath }) => tokenPath === event.path);
    this.#locks.announce(event, zxid);
    for (const open of this.#reads.waits.take(event)) this.#proceed(open);
  }

  /** A proposal of this replica was delivered. */
  delivered(serial: number, delivered: Delivered): void {
    this.#writes.delivered(serial, delivered);
  }

  /** More was delivered: those that waited for it go on. */
  progressed(): void {
    for (const open of this.#held) this.#proceed(open);
  }

  /** Reads on in the history, for those that ask about the past; says whether there is more to read. */
  advance(): boolean {
    return this.#past.advance();
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
    this.#endUnder((scope) => isOver(scope, this.#context.timeMs()));
    if (this.#context.serving()) this.#askForStrangers();
    for (const open of this.#open.values()) {
      if (this.#nowMs < open.deadlineMs) continue;
      if (this.#reads.waits.has(open) && this.#context.serving()) {
        this.#reads.waits.delete(open);
        this.#proceed(open);
      } else if (this.#past.has(open)) this.#past.hurry(open);
      else this.#giveUp(open);
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
    const context = this.#context;
    const mayAnswer = call.session === undefined ? context.serving() : context.mayPromise();
    if (!mayAnswer || compareZxid(call.minZxid, context.tree.lastApplied) > 0) {
      this.#held.add(open);
      return;
    }
    this.#held.delete(open);
    const refusal = this.#identify(open);
    if (refusal !== undefined) return this.#refuse(open, refusal);
    const waitMs = this.#pace.wait(open, this.#nowMs);
    if (waitMs > 0) return this.#end(open, { kind: "throttled", waitMs });
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

  /** Who calls, and whether it may: as its credential is now. */
  #identify(open: OpenCall): ErrorName | undefined {
    const { call } = open;
    const { auth, tree } = this.#context;
    const scope = scopeOf(call.identities, tree, this.#context.timeMs());
    if (scope === undefined) return "authFailed";
    const own = scope.identity === undefined ? [] : [scope.identity];
    const proven = [{ scheme: "ip", id: hostOf(call.remoteAddress) }, ...own, ...call.identities];
    open.scope = scope;
    open.identities = powersOf({ identities: proven }, auth);
    const { requiredSchemes } = auth.access;
    const isKnown =
      requiredSchemes.length === 0 ||
      proven.some(({ scheme }) => scheme === SUPER.scheme || requiredSchemes.includes(scheme));
    if (!isKnown) return "sessionClosedRequireSaslAuth";
    return mayCall(scope, call.request) ? undefined : "noAuth";
  }

  /** A token that is not known here may be known behind a barrier. */
  #refuse(open: OpenCall, reason: ErrorName): void {
    const mayLag = reason === "authFailed" && !open.isFresh;
    if (!mayLag || !this.#strangers.add(open)) {
      return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES[reason]);
    }
    this.#askForStrangers();
  }

  #askForStrangers(): void {
    for (const open of this.#strangers.takeDue(this.#nowMs)) {
      if (this.#open.has(open.call.id)) this.#awaitBarrier(open);
    }
  }

  /** What it calls by is no more: what it waits for it does not get. A write that is on its way may yet be done. */
  #endUnder(isOver: (scope: Scope) => boolean): void {
    for (const open of this.#open.values()) {
      if (!isOver(open.scope) || open.serial !== undefined) continue;
      this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.authFailed);
    }
  }

  #do(open: OpenCall, request: CallRequest): void {
    switch (request.kind) {
      case "authorize":
        return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.ok);
      case "createToken":
        return this.#tokens.create(open, request);
      case "listTokens":
        return open.isFresh ? this.#tokens.list(open) : this.#awaitBarrier(open);
      case "listHooks":
        return open.isFresh ? this.#hooks.do(open, request) : this.#awaitBarrier(open);
      case "createHook":
      case "deleteHook":
      case "resumeHook":
      case "noteHook":
        return this.#hooks.do(open, request);
      case "revokeToken":
        return this.#tokens.revoke(open, request.hash);
      case "past":
      case "difference":
      case "explainPath":
      case "explainSession":
        if (request.isLinearizable && !open.isFresh) return this.#awaitBarrier(open);
        return this.#past.do(open, request);
      case "read":
      case "queue":
      case "children":
        return this.#read(open, request);
      case "whoAmI":
      case "listSessions":
      case "showSession":
      case "listWatches":
      case "listQueues": {
        const response = survey(this.#context, open, request);
        return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.ok, response);
      }
      case "endSession":
        return open.isFresh ? this.#endSession(open, request.session) : this.#awaitBarrier(open);
      case "write":
        return this.#write(open, request.request);
      case "openSession":
        return this.#openSession(open, request.timeoutMs);
      case "acquire":
        return this.#locks.acquire(open, { ...request, ttlMs: sessionTimeout(request.ttlMs) });
      case "forceRelease":
        if (!open.isFresh) return this.#awaitBarrier(open);
        return this.#locks.forceRelease(open, request.path, request.token);
      case "proclaim":
      case "renew":
      case "release": {
        const { session } = open.call;
        if (session === undefined) {
          return this.#answer(open, this.#context.tree.lastApplied, ERROR_CODES.leaseOver);
        }
        if (request.kind === "proclaim")
          return this.#locks.proclaim(open, session, request.path, request.data);
        return this.#locks[request.kind](open, session, request.path);
      }
      default:
        return assertNever(request);
    }
  }

  #read(open: OpenCall, request: Reading): void {
    if (request.isLinearizable && !open.isFresh) return this.#awaitBarrier(open);
    const read = this.#reads.read(open, request);
    if (read === undefined) return;
    const { code, response, isPublic = false } = read;
    const answer = answered(this.#context.tree.lastApplied, code, response);
    this.#end(open, { ...answer, ...(isPublic ? { isPublic } : {}) });
  }

  #write(open: OpenCall, request: WriteRequest): void {
    const session = open.call.session?.session ?? NO_SESSION;
    this.#send(open, { request, session }, (delivered) => {
      const isTransact = request.op === "transact";
      const done = isTransact ? transacted(this.#context.tree, request, delivered) : delivered;
      const { code, response } = replyTo(request, done.outcome);
      const value = "value" in done ? done.value : undefined;
      const shown = value === undefined || response.op !== "multi" ? response : { ...response, value };
      this.#answer(open, done.zxid, code, shown);
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

  /** An operator's: whoever keeps it alive loses it, and a connection that it has is hung up on. */
  #endSession(open: OpenCall, session: SessionId): void {
    const { tree } = this.#context;
    if (tree.sessions.get(session) === undefined) {
      return this.#answer(open, tree.lastApplied, ERROR_CODES.sessionExpired);
    }
    const request = { op: "closeSession" } as const;
    const write = { request, session, operation: "endSession" };
    this.#send(open, write, ({ zxid, outcome }) => this.#answer(open, zxid, replyTo(request, outcome).code));
  }

  #send(
    open: OpenCall,
    write: {
      readonly request: WriteRequest;
      readonly session: SessionId;
      readonly identities?: readonly Identity[];
      /** Of an operator: what it is all for. */
      readonly operation?: string;
    },
    done: (delivered: Delivered) => void,
  ): void {
    const { call } = open;
    const { request, session, identities = open.identities, operation } = write;
    const isByOperator = operation !== undefined;
    const sent = { request, session, identities, bytes: call.bytes, isByOperator };
    open.serial = this.#writes.send(sent, (delivered) => {
      if (delivered === undefined) return this.#end(open, { kind: "undecided" });
      this.#auditWrite(open, { request, session }, { ...delivered, operation });
      done(delivered);
    });
    if (call.trace === undefined || !this.#context.serving()) return;
    const origin = { ...this.#context.origin, serial: open.serial };
    this.#context.trace?.({ kind: "trace", origin, place: call.trace });
  }

  #auditWrite(
    { call, identities }: OpenCall,
    { request, session }: { readonly request: WriteRequest; readonly session: SessionId },
    { outcome, operation }: { readonly outcome: Outcome; readonly operation?: string | undefined },
  ): void {
    const actor = { session, identities, host: hostOf(call.remoteAddress), operation };
    this.#parts.audit(actor, request, outcome);
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
    this.#end(open, answered(zxid, code, response));
  }

  #end(open: OpenCall, answer: CallAnswer): void {
    if (!this.#open.has(open.call.id)) return;
    if (answer.kind === "answered") this.#parts.called(open.call.request, this.#nowMs - open.arrivedMs);
    this.#tell(open.call.id, answer);
    this.#forget(open);
  }

  #tell(call: CallId, answer: CallAnswer): void {
    this.#actions.push({ kind: "callAnswer", call, answer });
  }

  #forget(open: OpenCall): void {
    if (!this.#open.delete(open.call.id)) return;
    this.#pace.leave(open);
    this.#bytes -= open.call.bytes;
    this.#held.delete(open);
    this.#reads.waits.delete(open);
    this.#locks.abandon(open);
    this.#past.forget(open);
    // A place in a queue that may come about is to be given up then: somebody has to hear of it.
    const mayStand = open.call.request.kind === "acquire" && !this.#writes.isUnsent(open.serial ?? 0);
    if (open.serial !== undefined && !mayStand) this.#writes.forget(open.serial);
  }
}
