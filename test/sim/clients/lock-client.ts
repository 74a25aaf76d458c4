/**
 * A client that queues for a lock: ZooKeeper's recipe with ephemeral sequential znodes, each watching only the one
 * before it. Its name begins with a prefix of the attempt's own, so that a create whose answer was lost is found again.
 * A holder stops to believe in its lock when its session may be over, by its own clock. What it writes is fenced, by a
 * multi that checks its own znode. The token is the czxid of that znode.
 * Source: ZooKeeper recipes, Locks; Curator LockInternals (protection mode).
 */
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { nameOf } from "../../../src/base/path.ts";
import type { Rng } from "../../../src/base/rng.ts";
import { type Zxid, zxidText } from "../../../src/base/zxid.ts";
import type { WatcherEvent } from "../../../src/jute/records.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { EVENT_TYPES } from "../../../src/tree/watch-table.ts";
import type { Guard } from "../history/check-locks.ts";
import type { Operation } from "../history/types.ts";
import type { ClientClock } from "./client-clock.ts";
import { Disturber } from "./disturbance.ts";
import type { OpenHold, Recorder } from "./recorder.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { ClientParts } from "./worker.ts";
import { bytesOf, createOf, FLAGS, numbered, PLACES, textOf, WorkContext } from "./workload.ts";

const SEQUENCE_DIGITS = 10;
/** One hold of so many ends with its session. */
const CLOSE_EVERY = 8;
/** A release waits so long for its client, where that stands still. */
const THAW_MS = 100;

/** One attempt, from its create to the end of its znode. */
interface Attempt {
  readonly lock: string;
  readonly prefix: string;
  /** Known once the create is answered, or its znode found. */
  path: string | undefined;
  token: Zxid | undefined;
  /** The znode before it in the queue, while it waits for that to go. */
  predecessor: string | undefined;
  hold: OpenHold | undefined;
  /** From when it has the lock until it knows that it has not: longer than the hold where it stands still. */
  isHolder: boolean;
  /** What to do when there is a connection again; undefined where an answer is awaited, or an event. */
  resume: (() => void) | undefined;
}

/** See the file's comment. */
export class LockClient implements SessionOwner {
  readonly sessions: readonly SessionClient[];
  readonly #session: SessionClient;
  readonly #context: WorkContext;
  readonly #disturber: Disturber;
  readonly #clock: ClientClock;
  readonly #rng: Rng;
  readonly #recorder: Recorder;
  readonly #parts: ClientParts;
  #attempt: Attempt | undefined;
  #attempts = 0;
  #isStopped = false;

  constructor(parts: ClientParts) {
    const { name, plan, port, clock, rng, recorder } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#rng = rng;
    this.#recorder = recorder;
    this.#context = new WorkContext(name, plan, rng);
    this.#disturber = new Disturber(plan, rng);
    const timeoutMs = this.#context.pick(plan.sessionTimeoutsMs);
    this.#session = new SessionClient({ name, port, clock, rng, recorder, timeoutMs, owner: this });
    this.sessions = [this.#session];
  }

  /** Connects, and queues for one lock after the other. */
  start(): void {
    this.#session.start();
    this.#later(this.#rng.below(this.#parts.plan.lockPauseMs), () => this.#begin());
    this.#disturb();
  }

  /** Begins nothing more; a lock that it has stays its own. */
  stop(): void {
    this.#isStopped = true;
    this.#session.stop();
  }

  connected(): void {
    const attempt = this.#attempt;
    const resume = attempt?.resume;
    if (attempt === undefined || resume === undefined || this.#isStopped) return;
    attempt.resume = undefined;
    resume();
  }

  ended(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#lose(attempt);
    this.#done(attempt);
  }

  event({ type, path }: WatcherEvent): void {
    const attempt = this.#attempt;
    if (attempt === undefined || type !== EVENT_TYPES.deleted || path !== attempt.predecessor) return;
    attempt.predecessor = undefined;
    this.#look(attempt);
  }

  /** It believes in a lock that it may have lost while it stood still: what it writes first must not be done then. */
  thawed(): void {
    const attempt = this.#attempt;
    if (attempt === undefined || this.#isStopped) return;
    if (attempt.isHolder) this.#write(attempt);
    attempt.isHolder = attempt.hold !== undefined;
    this.connected();
  }

  /** Callers without a connection take those for contenders whose names say so. */
  get #mark(): string {
    return (this.#parts.plan.callers ?? 0) > 0 ? "lock-" : "";
  }

  #later(delayMs: number, act: () => void): void {
    this.#clock.later(delayMs, () => {
      if (!this.#isStopped) act();
    });
  }

  #disturb(): void {
    const { plan } = this.#parts;
    this.#later(1 + plan.pauseMs / 2 + this.#rng.below(plan.pauseMs), () => {
      if (this.#session.isConnected && !this.#parts.isSpent()) this.#disturber.maybeDisturb(this.#session);
      this.#disturb();
    });
  }

  #begin(): void {
    if (this.#parts.isSpent()) return;
    const lock = numbered(PLACES.locks, this.#rng.below(this.#parts.plan.locks));
    this.#create(lock);
  }

  #create(lock: string): void {
    const attempt: Attempt = {
      lock,
      prefix: `${this.#context.name}.${++this.#attempts}-${this.#mark}`,
      path: undefined,
      token: undefined,
      predecessor: undefined,
      hold: undefined,
      isHolder: false,
      resume: undefined,
    };
    this.#attempt = attempt;
    const create = createOf(`${lock}/${attempt.prefix}`, this.#context.data(), FLAGS.ephemeralSequential);
    const onCreated = ({ outcome }: Operation): void => {
      if (this.#attempt !== attempt || this.#isStopped) return;
      if (outcome.kind === "unknown") {
        this.#whenConnected(attempt, () => this.#find(attempt));
      } else if (outcome.response?.op === "create2") {
        this.#queued(attempt, outcome.response.path, outcome.response.stat.czxid);
      } else this.#done(attempt);
    };
    if (this.#session.ask({ ...create, op: "create2" }, onCreated)) return;
    this.#whenConnected(attempt, () => this.#create(lock));
  }

  /**
   * Whether a create whose answer was lost was done. The sync tells: what an older connection left waiting is done
   * before it, or never.
   */
  #find(attempt: Attempt): void {
    const { lock, prefix } = attempt;
    let isSynced = false;
    const onSynced = ({ outcome }: Operation): void => {
      isSynced = outcome.kind === "answered" && outcome.error === ERROR_CODES.ok;
    };
    const onListed = (operation: Operation): void => {
      const name = childrenIn(operation)?.find((one) => one.startsWith(prefix));
      if (!isSynced) this.#find(attempt);
      else if (name === undefined) this.#done(attempt);
      else this.#identify(attempt, `${lock}/${name}`);
    };
    this.#session.together(() => {
      this.#session.ask({ op: "sync", path: lock }, onSynced);
      this.#ask(attempt, { op: "getChildren2", path: lock, watch: false }, onListed);
    });
  }

  /** Asks for the czxid of the znode that was found. */
  #identify(attempt: Attempt, path: string): void {
    this.#ask(attempt, { op: "exists", path, watch: false }, ({ outcome }) => {
      const { response } = outcome.kind === "answered" ? outcome : { response: undefined };
      if (response?.op === "stat") this.#queued(attempt, path, response.stat.czxid);
      else this.#done(attempt);
    });
  }

  #queued(attempt: Attempt, path: string, token: Zxid): void {
    attempt.path = path;
    attempt.token = token;
    this.#look(attempt);
  }

  /** Is it the first of the queue, or who is before it? */
  #look(attempt: Attempt): void {
    this.#ask(attempt, { op: "getChildren2", path: attempt.lock, watch: false }, (operation) => {
      const names = childrenIn(operation);
      if (names === undefined) return this.#done(attempt);
      const queue = names.toSorted((a, b) => sequenceOf(a) - sequenceOf(b));
      const place = queue.indexOf(nameOf(must(attempt.path, "a path")));
      if (place < 0) return this.#done(attempt);
      if (place === 0) return this.#take(attempt);
      return this.#wait(attempt, `${attempt.lock}/${must(queue[place - 1], "a predecessor")}`);
    });
  }

  #wait(attempt: Attempt, predecessor: string): void {
    attempt.predecessor = predecessor;
    this.#ask(attempt, { op: "exists", path: predecessor, watch: true }, ({ outcome }) => {
      // The event may have come before, by the watch of an older connection.
      if (attempt.predecessor !== predecessor || outcome.kind !== "answered") return;
      if (outcome.error === ERROR_CODES.ok) return;
      attempt.predecessor = undefined;
      this.#look(attempt);
    });
  }

  #take(attempt: Attempt): void {
    // The answer took so long that the session may be over.
    if (this.#leaseMs() <= 0) return this.#look(attempt);
    const { lock } = attempt;
    const token = must(attempt.token, "the token of a znode in the queue");
    const { name: client, session } = this.#session;
    attempt.hold = this.#recorder.beginHold({ lock, client, session, token });
    attempt.isHolder = true;
    this.#believe(attempt);
    const { holdMs } = this.#parts.plan;
    this.#later(1 + holdMs / 2 + this.#rng.below(holdMs), () => this.#release(attempt));
    for (let count = this.#rng.below(3); count > 0; count--) {
      this.#later(this.#rng.below(holdMs), () => {
        if (attempt.hold !== undefined) this.#write(attempt);
      });
    }
  }

  /** By its own clock, for how long its session lives at least, less the margin. */
  #leaseMs(): number {
    const { heardOwnMs, timeoutMs } = this.#session;
    return heardOwnMs + timeoutMs - this.#parts.plan.lockMarginMs - this.#clock.nowMs;
  }

  /** Believes in its lock for as long as its session surely lives; also while nobody asks it to go on working. */
  #believe(attempt: Attempt): void {
    this.#clock.later(Math.max(0, this.#leaseMs()), () => {
      if (attempt.hold === undefined) return;
      if (this.#leaseMs() > 0) return this.#believe(attempt);
      this.#lose(attempt);
      this.#delete(attempt);
    });
  }

  /** Writes what the lock protects, on the condition that its znode is still there. */
  #write(attempt: Attempt): void {
    const token = zxidText(must(attempt.token, "the token of a holder"));
    const path = `${PLACES.fenced}/${nameOf(attempt.lock)}`;
    this.#session.ask({
      op: "multi",
      operations: [
        { op: "check", path: must(attempt.path, "the znode of a holder"), version: 0 },
        { op: "setData", path, data: bytesOf(`${token} ${this.#context.marker()}`), version: -1 },
      ],
    });
  }

  #release(attempt: Attempt): void {
    if (attempt.hold === undefined) return;
    if (this.#session.isFrozen) return this.#later(THAW_MS, () => this.#release(attempt));
    attempt.isHolder = false;
    this.#lose(attempt);
    if (this.#session.isConnected && this.#rng.below(CLOSE_EVERY) === 0) this.#session.close();
    else this.#delete(attempt);
  }

  /** The delete may be done more than once: the path is this attempt's own. */
  #delete(attempt: Attempt): void {
    const path = must(attempt.path, "the znode of a holder");
    this.#ask(attempt, { op: "delete", path, version: -1 }, () => this.#done(attempt));
  }

  /** It no longer believes in its lock, or would not if it did not stand still. */
  #lose(attempt: Attempt): void {
    if (attempt.hold !== undefined) attempt.hold.toMs = this.#recorder.moment();
    attempt.hold = undefined;
    if (!this.#session.isFrozen) attempt.isHolder = false;
  }

  /** Asks until there is an answer, over as many connections as that takes, while the attempt lasts. */
  #ask(attempt: Attempt, request: ClientRequest, answered: (operation: Operation) => void): void {
    if (this.#isStopped) return;
    const again = (): void => this.#ask(attempt, request, answered);
    const onEnd = (operation: Operation): void => {
      if (this.#attempt !== attempt) return;
      if (operation.outcome.kind === "unknown") this.#whenConnected(attempt, again);
      else answered(operation);
    };
    if (!this.#session.ask(request, onEnd)) this.#whenConnected(attempt, again);
  }

  #whenConnected(attempt: Attempt, act: () => void): void {
    if (this.#session.isConnected) act();
    else attempt.resume = act;
  }

  #done(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    const { lockPauseMs } = this.#parts.plan;
    this.#later(1 + lockPauseMs / 2 + this.#rng.below(lockPauseMs), () => this.#begin());
  }
}

function sequenceOf(name: string): number {
  return Number(name.slice(-SEQUENCE_DIGITS));
}

function childrenIn({ outcome }: Operation): readonly string[] | undefined {
  const { response } = outcome.kind === "answered" ? outcome : { response: undefined };
  return response?.op === "children2" ? response.children : undefined;
}

/** Of a write that a lock guards, which lock and with which token; undefined of all else. */
export function guardOf({ request }: Operation): Guard | undefined {
  if (request.op !== "multi") return undefined;
  const place = `${PLACES.fenced}/`;
  for (const operation of request.operations) {
    if (operation.op !== "setData" || !operation.path.startsWith(place)) continue;
    const [epoch, counter] = (textOf(operation.data).split(" ")[0] ?? "").split(":").map(Number);
    const token = { epoch: must(epoch, "a token's epoch"), counter: must(counter, "a token's counter") };
    return { lock: operation.path.slice(place.length), token };
  }
  return undefined;
}
