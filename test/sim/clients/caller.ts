/**
 * A client without a connection, as those of the HTTP API are: each thing that it wants is a call to some replica. It
 * waits for locks in the queue of all others, keeps and gives them back, writes under them and under keys, and reads.
 * It loses answers and patience: then it asks again under its key, at another replica, or never.
 */
import { must } from "../../../src/base/assert.ts";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { Guard as RequestGuard, TransactOperation } from "../../../src/base/request.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import type { CallAnswer, CallAsked, CallRequest, CallSession } from "../../../src/keeper/call.ts";
import type { CallPort, CallSocket } from "../../../src/world/client-port.ts";
import type { OpenCallRecord, OpenHold, OpenSession } from "./recorder.ts";
import type { ClientParts } from "./worker.ts";
import { bytesOf, CONTESTS, FLAGS, numbered, PLACES, WorkContext } from "./workload.ts";

/** A replica that has not answered so long after a call's own wait is given up. */
const PATIENCE_MS = 8000;
/** Askings for one thing, at most. */
const ASKINGS_MAX = 6;
/** Between two of them. */
const RETRY_MS = 200;
/** The shortest lease that there is. */
const LEASE_MS_MIN = 2000;
const LOCK_DELAYS_MS = [500, 3000];
const PERMITS = 2;
const WAITS_MS = [0, 300, 2000, 6000];
/** Within this, mostly, a place in a queue comes about. */
const HASTE_MS = [20, 80, 300];

/** Something that a caller wants. */
interface Intent {
  /** Unique in the run; in the data of what is written. */
  readonly marker: string;
  readonly request: CallRequest;
  readonly session: CallSession | undefined;
  /** Whether it may be asked for again where nobody knows if it was done. */
  readonly isRepeatable: boolean;
  askings: number;
  /** Askings that are not answered. */
  readonly open: Map<OpenCallRecord, CallSocket>;
  readonly done: (answer: Answered | undefined, asking: Asking) => void;
}

type Answered = CallAnswer & { readonly kind: "answered" };

/** One asking for it. */
interface Asking {
  readonly record: OpenCallRecord;
  readonly sentOwnMs: number;
}

/** A lock that it holds, or a permit, or the lead. */
interface Lease {
  readonly lock: string;
  readonly mode: Acquire["mode"];
  readonly session: CallSession;
  readonly token: Zxid;
  readonly record: OpenSession;
  /** By its own clock. */
  untilOwnMs: number;
  hold: OpenHold | undefined;
}

type Acquire = CallRequest & { readonly kind: "acquire" };

/** See the file's comment. */
export class Caller {
  readonly sessions: readonly [] = [];
  readonly #parts: ClientParts;
  readonly #port: CallPort;
  readonly #context: WorkContext;
  /** What it wants. */
  readonly #intents = new Set<Intent>();
  #openCount = 0;
  /** Where one that polls asks mostly, as a gateway asks the nearest; undefined for all others. */
  readonly #home: Sid | undefined;
  #seen: Zxid = ZXID_ZERO;
  #lease: Lease | undefined;
  #isStopped = false;

  constructor(parts: ClientParts, port: CallPort) {
    this.#parts = parts;
    this.#port = port;
    this.#context = new WorkContext(parts.name, parts.plan, parts.rng);
    const { pollersEvery } = parts.plan;
    const isPoller = pollersEvery !== undefined && parts.rng.below(pollersEvery) === 0;
    this.#home = isPoller ? this.#context.pick(parts.port.sids) : undefined;
  }

  /** Whether nothing is unanswered. */
  get isQuiet(): boolean {
    return this.#openCount === 0;
  }

  /** Begins. */
  start(): void {
    this.#pause(() => this.#next());
  }

  /** Begins nothing more; answers are taken. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Is gone: the replicas learn of it, or not. */
  abandon(): void {
    this.stop();
    for (const intent of this.#intents)
      for (const record of intent.open.keys()) this.#hangUp(intent, record, true);
  }

  #pause(act: () => void): void {
    const { clock, plan, rng } = this.#parts;
    clock.later(1 + plan.visitPauseMs / 2 + rng.below(plan.visitPauseMs), () => {
      if (!this.#isStopped) act();
    });
  }

  #next(): void {
    const { rng, isSpent } = this.#parts;
    const goOn = (): void => this.#pause(() => this.#next());
    if (isSpent()) return goOn();
    if (this.#lease !== undefined) return this.#inLease(this.#lease, goOn);
    if (this.#home !== undefined && rng.below(8) > 0) {
      // It does not wait for one answer before it asks for the next.
      this.#read(() => undefined);
      return goOn();
    }
    switch (rng.below(5)) {
      case 0:
        return this.#read(goOn);
      case 1:
      case 2:
        return this.#write(goOn);
      default:
        return this.#acquire(goOn);
    }
  }

  #read(done: () => void): void {
    const { rng } = this.#parts;
    const path = rng.below(2) === 0 ? this.#context.register() : `${PLACES.fenced}/0`;
    const request = {
      kind: "read",
      request: { op: "getData", path, watch: false },
      isLinearizable: rng.below(2) === 0,
    } as const;
    const sid = this.#home !== undefined && rng.below(4) > 0 ? this.#home : undefined;
    this.#ask({ request, isRepeatable: true, done, sid });
    // Another comes while the first is on its way.
    if (rng.below(2) === 0) return;
    const another = { ...request, isLinearizable: true };
    this.#parts.clock.later(1 + rng.below(100), () => {
      if (!this.#isStopped) this.#ask({ request: another, isRepeatable: true, done: () => undefined, sid });
    });
  }

  /** Something under a key, which is done once, however often it is asked for. */
  #write(goOn: () => void, guards: readonly RequestGuard[] = []): void {
    const marker = this.#context.marker();
    const { rng } = this.#parts;
    // What is read at once is read at another replica, mostly.
    const done = (): void => (rng.below(2) === 0 ? goOn() : this.#read(goOn));
    const create = {
      op: "create2",
      path: `${PLACES.called}/n-`,
      data: bytesOf(marker),
      acl: OPEN_ACL,
      flags: FLAGS.sequential,
      ttlMs: 0,
    } as const;
    const isKeyed = rng.below(4) > 0;
    const request = this.#transact([create], { guards, key: isKeyed ? marker : undefined });
    this.#ask({
      marker,
      request,
      isRepeatable: isKeyed,
      done: () => this.#maybeReuse(request, marker, done),
    });
  }

  /** The same key for something else: that must be refused, or come first. */
  #maybeReuse(request: CallRequest & { readonly kind: "write" }, marker: string, done: () => void): void {
    const { request: transact } = request;
    const isReused = transact.op === "transact" && transact.key !== undefined;
    if (!isReused || this.#parts.rng.below(8) > 0 || this.#isStopped) return done();
    const other = this.#context.marker();
    const operation = transact.operations[0];
    if (operation?.op !== "create2") return done();
    const operations = [{ ...operation, data: bytesOf(other) }];
    const again = this.#transact(operations, { guards: [], key: marker, fingerprint: other });
    this.#ask({ marker: other, request: again, isRepeatable: true, done });
  }

  #transact(
    operations: readonly TransactOperation[],
    under: {
      readonly guards: readonly RequestGuard[];
      readonly key: string | undefined;
      readonly fingerprint?: string;
    },
  ): CallRequest & { readonly kind: "write" } {
    const { guards, key, fingerprint = key } = under;
    return {
      kind: "write",
      request: {
        op: "transact",
        newSession: undefined,
        ensured: undefined,
        guards,
        operations,
        key: key === undefined ? undefined : { name: hexName(key), fingerprint: fingerprint ?? key },
      },
    };
  }

  #acquire(done: () => void): void {
    const { rng, plan } = this.#parts;
    const marker = this.#context.marker();
    const contest = this.#contest();
    const request: Acquire = {
      kind: "acquire",
      ...contest,
      ttlMs: this.#context.pick([...plan.sessionTimeoutsMs, LEASE_MS_MIN]),
      waitMs: this.#context.pick(WAITS_MS),
      isProbed: rng.below(3) === 0,
      owner: marker,
      key: rng.below(4) === 0 ? undefined : { name: hexName(marker), fingerprint: contest.path },
    };
    this.#ask({
      marker,
      request,
      isRepeatable: request.key !== undefined,
      done: (answer, asking) => {
        if (answer?.response.op === "lease") this.#leased(request, answer.response, asking);
        done();
      },
    });
  }

  /** What it contends for. */
  #contest(): Pick<Acquire, "path" | "mode" | "permits" | "lockDelayMs"> {
    const { rng, plan } = this.#parts;
    const lock = { path: numbered(PLACES.locks, rng.below(plan.locks)), mode: "exclusive" } as const;
    if (plan.contests !== true) return lock;
    switch (rng.below(6)) {
      case 0:
        return { path: CONTESTS.pool, mode: "permit", permits: PERMITS };
      case 1:
        return { path: CONTESTS.election, mode: "latch" };
      case 2:
        return { ...lock, lockDelayMs: this.#context.pick(LOCK_DELAYS_MS) };
      default:
        return lock;
    }
  }

  #leased(
    { path: lock, mode, permits, ttlMs }: Acquire,
    told: Answered["response"] & { readonly op: "lease" },
    { record, sentOwnMs }: Asking,
  ): void {
    const { recorder, name: client } = this.#parts;
    const { session, token, expiresInMs } = told;
    const made = recorder.beginSession({
      client,
      session: session.session,
      timeoutMs: ttlMs,
      lastHeardMs: record.startMs,
    });
    const untilOwnMs = sentOwnMs + expiresInMs;
    const lease: Lease = { lock, mode, session, token, record: made, untilOwnMs, hold: undefined };
    if (this.#leftMs(lease) <= 0) return;
    const shared = permits === undefined ? {} : { permits };
    lease.hold = recorder.beginHold({ lock, client, session: session.session, token, ...shared });
    this.#lease = lease;
    this.#believe(lease);
  }

  /** By its own clock, for how long it may believe in it, less the margin. */
  #leftMs({ untilOwnMs }: Lease): number {
    const { clock, plan } = this.#parts;
    return untilOwnMs - plan.lockMarginMs - clock.nowMs;
  }

  #believe(lease: Lease): void {
    this.#parts.clock.later(Math.max(0, this.#leftMs(lease)), () => {
      if (lease.hold === undefined) return;
      if (this.#leftMs(lease) > 0) this.#believe(lease);
      else this.#lose(lease);
    });
  }

  #lose(lease: Lease): void {
    if (lease.hold !== undefined) lease.hold.toMs = this.#parts.recorder.moment();
    lease.hold = undefined;
    if (this.#lease === lease) this.#lease = undefined;
  }

  #inLease(lease: Lease, done: () => void): void {
    const { lock: path, session, token } = lease;
    switch (this.#parts.rng.below(8)) {
      case 0:
      case 1:
        return this.#renew(lease, done);
      case 2:
      case 3:
        return this.#workUnder(lease, done);
      case 4:
        return this.#write(done, [{ kind: "held", path, token }]);
      case 5:
        // It lets it expire.
        if (this.#parts.rng.below(2) === 0) return done();
        this.#lose(lease);
        return done();
      default:
        this.#lose(lease);
        this.#ask({
          request: { kind: "release", path },
          session,
          isRepeatable: true,
          done: (answer, { record }) => {
            if (answer?.code === ERROR_CODES.ok) lease.record.closedMs = record.endMs;
            // Its late write must not be done.
            if (this.#parts.rng.below(3) === 0 && !this.#isStopped) return this.#workUnder(lease, done);
            done();
          },
        });
        return;
    }
  }

  #renew(lease: Lease, done: () => void): void {
    const { lock: path, session } = lease;
    this.#ask({
      request: { kind: "renew", path },
      session,
      isRepeatable: true,
      done: (answer, { record, sentOwnMs }) => {
        if (answer?.response.op === "lease") {
          lease.record.heard(record.startMs);
          lease.untilOwnMs = Math.max(lease.untilOwnMs, sentOwnMs + answer.response.expiresInMs);
        } else if (answer !== undefined) this.#lose(lease);
        done();
      },
    });
  }

  /** What is done by who holds it, and by nobody else. */
  #workUnder(lease: Lease, done: () => void): void {
    const { lock: path, mode, session, token } = lease;
    if (mode === "permit") return this.#write(done, [{ kind: "held", path, token }]);
    if (mode === "exclusive") return this.#writeFenced(lease, done);
    const marker = this.#context.marker();
    const request = { kind: "proclaim", path, data: bytesOf(marker) } as const;
    const isShown = this.#parts.rng.below(2) === 0;
    const shown = (): void => {
      const isLinearizable = this.#parts.rng.below(2) === 0;
      this.#ask({ request: { kind: "queue", path, isLinearizable }, isRepeatable: true, done });
    };
    return this.#ask({ marker, request, session, isRepeatable: false, done: isShown ? shown : done });
  }

  #writeFenced({ lock: path, token }: Lease, done: () => void): void {
    const marker = this.#context.marker();
    const { rng } = this.#parts;
    const isKeyed = rng.below(2) === 0;
    const data = bytesOf(`${zxidText(token)} ${marker}`);
    const fenced = `${PLACES.fenced}/${path.slice(PLACES.locks.length + 1)}`;
    const operations = [{ op: "setData", path: fenced, data, version: -1 }] as const;
    const guards = [{ kind: "held", path, token }] as const;
    const request = this.#transact(operations, { guards, key: isKeyed ? marker : undefined });
    this.#ask({ marker, request, isRepeatable: isKeyed, done });
  }

  #ask(parts: {
    readonly marker?: string;
    readonly request: CallRequest;
    readonly session?: CallSession;
    readonly isRepeatable: boolean;
    readonly done: Intent["done"];
    /** Where; anywhere unless told. */
    readonly sid?: Sid | undefined;
  }): void {
    const { marker = this.#context.marker(), session, sid, ...rest } = parts;
    this.#askOnce({ ...rest, marker, session, askings: 0, open: new Map() }, sid);
  }

  /** Once more, where it was asked for before. */
  #askOnce(intent: Intent, where?: Sid): void {
    const { clock, port, rng, recorder, name: client } = this.#parts;
    const { request, session, marker } = intent;
    intent.askings++;
    const asked: CallAsked = { session, minZxid: rng.below(2) === 0 ? this.#seen : ZXID_ZERO, request };
    const record = recorder.beginCall({ client, intent: marker, asked });
    const asking: Asking = { record, sentOwnMs: clock.nowMs };
    const sid = where ?? must(this.#context.pick(port.members ?? port.sids), "a replica");
    const socket = this.#port.call(sid, asked, {
      told: (answer) => {
        if (!intent.open.delete(record)) return;
        this.#openCount--;
        record.endMs = recorder.moment();
        record.answer = answer;
        this.#told(intent, asking);
      },
    });
    intent.open.set(record, socket);
    this.#openCount++;
    this.#intents.add(intent);
    clock.later(this.#patienceMs(request), () => {
      if (intent.open.has(record)) this.#loseHope(intent, asking);
    });
  }

  /** Now and then it has none. */
  #patienceMs(request: CallRequest): number {
    const { rng, plan } = this.#parts;
    const waitMs = request.kind === "acquire" ? request.waitMs : 0;
    const isHasty = plan.hastyEvery !== undefined && waitMs > 0 && rng.below(plan.hastyEvery) === 0;
    if (isHasty) return rng.below(this.#context.pick(HASTE_MS));
    const isShort = rng.below(waitMs > 0 ? 2 : 3) === 0;
    return isShort ? rng.below(20 + waitMs) : PATIENCE_MS + waitMs;
  }

  /** It goes away, or asks somebody else: having hung up, or while the first is still asked. */
  #loseHope(intent: Intent, asking: Asking): void {
    const { rng } = this.#parts;
    const isSpent = this.#isStopped || !intent.isRepeatable || intent.askings >= ASKINGS_MAX;
    if (isSpent || rng.below(4) === 0) {
      for (const record of intent.open.keys()) this.#hangUp(intent, record, true);
      return this.#end(intent, undefined, asking);
    }
    if (rng.below(3) === 0) this.#hangUp(intent, asking.record, false);
    this.#askOnce(intent);
  }

  #hangUp(intent: Intent, record: OpenCallRecord, isGivenUp: boolean): void {
    const socket = intent.open.get(record);
    if (!intent.open.delete(record)) return;
    this.#openCount--;
    record.endMs = this.#parts.recorder.moment();
    record.isGivenUp = isGivenUp;
    socket?.hangUp();
  }

  #told(intent: Intent, asking: Asking): void {
    const { answer } = asking.record;
    if (answer !== undefined && answer !== "lost" && answer.kind === "answered") {
      if (compareZxid(answer.zxid, this.#seen) > 0) this.#seen = answer.zxid;
      // Its own later asking has the claim, and will be told.
      if (answer.code === ERROR_CODES.superseded && intent.open.size > 0) return;
      for (const record of intent.open.keys()) this.#hangUp(intent, record, false);
      return this.#end(intent, answer, asking);
    }
    if (intent.open.size > 0) return;
    const isUndone = answer !== undefined && answer !== "lost" && answer.kind === "unavailable";
    const isOver = this.#isStopped || intent.askings >= ASKINGS_MAX || (!isUndone && !intent.isRepeatable);
    if (isOver) return this.#end(intent, undefined, asking);
    this.#parts.clock.later(1 + this.#parts.rng.below(RETRY_MS), () => {
      if (this.#isStopped) this.#end(intent, undefined, asking);
      else this.#askOnce(intent);
    });
  }

  #end(intent: Intent, answer: Answered | undefined, asking: Asking): void {
    this.#intents.delete(intent);
    if (!this.#isStopped) intent.done(answer, asking);
  }
}

/** As the gateway names keys and tokens: by a digest's 64 digits. */
export function hexName(marker: string): string {
  const hex = Array.from(bytesOf(marker), (octet) => octet.toString(16).padStart(2, "0")).join("");
  return hex.padEnd(64, "0");
}
