/**
 * When sessions expire: never within their timeout after a serving replica was given their client's bytes, and not long
 * after it where nothing disturbs the ensemble. Time is the world's one true clock; leaders count on clocks of their
 * own, so the faults that bend those are followed here, and what they can make of a timeout is allowed for:
 *  - a clock that runs at a rate above 1 makes a timeout so much shorter;
 *  - each jump ahead moves a session's clock by one step at most (SESSION_CLOCK_STEP_MS_MAX).
 * Source of the bounds: ARCHITECTURE.md, "Sessions"; src/keeper/limits.ts.
 */
import { type SessionId, sessionText, type Sid } from "../../../src/base/ids.ts";
import type { ConnectionId } from "../../../src/keeper/connection.ts";
import {
  SESSION_CLOCK_STEP_MS_MAX,
  SESSION_LATE_MS_MAX,
  SESSION_POLL_INTERVAL_MS,
} from "../../../src/keeper/limits.ts";
import { DEFAULT_TIMING } from "../../../src/zab/config.ts";
import type { Fault } from "../../../src/world/fault.ts";
import type { Run } from "./runs.ts";
import { broken, demand } from "./view.ts";

/** The latest word of a session's client in one epoch. */
interface Heard {
  readonly epoch: number;
  readonly atMs: number;
  /** How long the client had been silent before. */
  readonly gapMs: number;
}

interface Tracked {
  /** The shortest and the longest that anybody may hold to be its timeout. */
  timeoutMinMs: number;
  timeoutMaxMs: number;
  /** The connection that was told last that the session is its. */
  connection: string | undefined;
  /** By epoch of the replica that was given the bytes, oldest first. */
  heard: Heard[];
  /** Any sign of life, anywhere. */
  lastSignMs: number;
  /** The latest word that the leader may learn of. */
  lastWordMs: number;
  isCreated: boolean;
  /** Its caller holds no connection: how long it was silent only the end of the run tells. */
  isCallers: boolean;
  /** When the runtime answered its client's pings, the latest last. */
  pongsMs: readonly number[];
}

/** A time in which a replica's clock was not the world's. */
interface Bent {
  readonly sid: Sid;
  readonly fromMs: number;
  readonly toMs: number;
  /** How much faster; 1 where it jumped, stood still, or ran slower. */
  readonly rate: number;
  readonly jumps: number;
}

/** The world counts in fractions of ms, replicas in whole ones, at both ends of a timeout. */
const ROUNDING_MS = 5;

/**
 * A client that spoke when its time was over already may be expired all the same: the leader learns of it by the next
 * poll. Its word takes no longer than this to get there, or its replica is lost.
 */
const POLL_MS_MAX = 2 * DEFAULT_TIMING.heartbeatLimitMs;

/** What two round trips between the leader and the farthest replica take at most, where no fault makes them longer. */
const ROUND_TRIPS_MS = 200;

/** Within this what the runtime answered has reached the leader: a look, a poll and its answer. */
const PONG_TOLD_MS = 2 * SESSION_POLL_INTERVAL_MS + 2 * ROUND_TRIPS_MS;

/** How many answers of the runtime are kept of each client. */
const PONGS_KEPT = 4;

/** How many epochs back the words of a session's client are kept. */
const EPOCHS_KEPT = 4;

/** See the file's comment. */
export class SessionWatch {
  readonly #nowMs: () => number;
  readonly #heartbeatLimitMs: number;
  readonly #sessions = new Map<SessionId, Tracked>();
  readonly #connections = new Map<string, SessionId>();
  readonly #bent: Bent[] = [];
  /** Nothing has disturbed the ensemble since. */
  #quietFromMs = 0;
  /** No fault is under way, or was shortly before. */
  #soundFromMs = 0;

  constructor(nowMs: () => number, heartbeatLimitMs: number) {
    this.#nowMs = nowMs;
    this.#heartbeatLimitMs = heartbeatLimitMs;
  }

  /** A client is told that the session is its. */
  told(run: Run, connection: ConnectionId, session: SessionId, timeoutMs: number): void {
    const key = connectionKey(run, connection);
    const tracked = this.#tracked(session, timeoutMs);
    tracked.timeoutMinMs = Math.min(tracked.timeoutMinMs, timeoutMs);
    tracked.timeoutMaxMs = Math.max(tracked.timeoutMaxMs, timeoutMs);
    tracked.connection = key;
    tracked.lastSignMs = tracked.lastWordMs = this.#nowMs();
    this.#connections.set(key, session);
  }

  /** A replica was given bytes of a client, or the client took some of what it was sent. */
  heard(run: Run, connection: ConnectionId, isWord: boolean): void {
    const key = connectionKey(run, connection);
    const session = this.#connections.get(key);
    const tracked = session === undefined ? undefined : this.#sessions.get(session);
    if (tracked === undefined) return;
    const atMs = this.#nowMs();
    tracked.lastSignMs = atMs;
    const counts = isWord && tracked.connection === key && run.machine.keeper.serving;
    if (!counts || run.machine.isSuperseded || this.#isBent(run.machine.sid)) return;
    const gapMs = atMs - tracked.lastWordMs;
    tracked.lastWordMs = atMs;
    const heard = { epoch: run.currentEpoch, atMs, gapMs };
    const latest = tracked.heard.findIndex(({ epoch }) => epoch === heard.epoch);
    const before = tracked.heard[latest];
    // What comes right behind a word that may have been too late does not bring back what is decided.
    if (before !== undefined && this.#mayBeLate(tracked, before)) return;
    if (latest >= 0) tracked.heard[latest] = heard;
    else tracked.heard = [...tracked.heard, heard].slice(-EPOCHS_KEPT);
  }

  /** The runtime has answered a client's ping in its replica's stead. */
  ponged(run: Run, connection: ConnectionId, parked: SessionId | undefined): void {
    const session = parked ?? this.#connections.get(connectionKey(run, connection));
    const tracked = session === undefined ? undefined : this.#sessions.get(session);
    if (tracked === undefined) return;
    tracked.lastSignMs = this.#nowMs();
    tracked.pongsMs = [...tracked.pongsMs, tracked.lastSignMs].slice(-PONGS_KEPT);
  }

  /** A leader attaches the session's client: its timeout begins again, though the client may never learn of it. */
  attached({ machine }: Run, session: SessionId): void {
    const tracked = this.#sessions.get(session);
    if (tracked !== undefined && !machine.isSuperseded) tracked.lastSignMs = this.#nowMs();
  }

  /** The session's creation is delivered somewhere. */
  created(session: SessionId, timeoutMs: number, isCallers = false): void {
    const tracked = this.#tracked(session, timeoutMs);
    tracked.isCallers = isCallers;
    tracked.isCreated = true;
    tracked.timeoutMinMs = Math.min(tracked.timeoutMinMs, timeoutMs);
  }

  /** Its end is delivered somewhere. */
  ended(session: SessionId): void {
    this.#sessions.delete(session);
  }

  /** A leader proposes to close a session for its silence. */
  expires({ leading, machine, name }: Run, session: SessionId): void {
    const tracked = this.#sessions.get(session);
    if (tracked === undefined || leading === undefined || machine.isSuperseded) return;
    this.#judgeLate(session, tracked);
    const atMs = this.#nowMs();
    const neededMs = this.#shortestMs(machine.sid, tracked.timeoutMinMs);
    this.#judgePongs(session, tracked, neededMs);
    for (const heard of tracked.heard) {
      const silentMs = atMs - heard.atMs;
      if (heard.epoch > leading.epoch || silentMs >= neededMs) continue;
      if (heard.gapMs >= neededMs && silentMs <= POLL_MS_MAX) continue;
      const what = `${name} expires ${sessionText(session)} of ${tracked.timeoutMinMs} ms`;
      broken("SessionNotExpiredEarly", `${what}, whose client was heard ${Math.round(silentMs)} ms before`);
    }
  }

  /** Where nothing goes wrong the leader knows of it by then that the runtime has answered the client. */
  #judgePongs(session: SessionId, { pongsMs, timeoutMinMs }: Tracked, neededMs: number): void {
    const nowMs = this.#nowMs();
    const pongedMs = pongsMs.findLast((atMs) => atMs <= nowMs - PONG_TOLD_MS);
    if (pongedMs === undefined || pongedMs < this.#soundFromMs) return;
    demand(nowMs - pongedMs >= neededMs, "SessionNotExpiredEarly", () => {
      const what = `${sessionText(session)} of ${timeoutMinMs} ms expires`;
      return `${what}, whose client's ping was answered ${Math.round(nowMs - pongedMs)} ms before`;
    });
  }

  /** A fault begins. */
  fault(fault: Fault): void {
    const nowMs = this.#nowMs();
    const lastsMs = "forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0;
    const lateMs = fault.kind === "badAlarm" ? fault.lateMs : 0;
    this.#quietFromMs = Math.max(this.#quietFromMs, nowMs + lastsMs + lateMs);
    this.#soundFromMs = Math.max(this.#soundFromMs, this.#quietFromMs + POLL_MS_MAX);
    // What was late when it ended takes as long as a heartbeat may to be noticed.
    const toMs = nowMs + lastsMs + this.#heartbeatLimitMs;
    if (fault.kind === "clockRate" || fault.kind === "freeze" || fault.kind === "stallTimer") {
      const rate = fault.kind === "clockRate" ? Math.max(1, fault.rate) : 1;
      this.#bent.push({ sid: fault.sid, fromMs: nowMs, toMs, rate, jumps: 0 });
    } else if (fault.kind === "clockJump") {
      this.#bent.push({ sid: fault.sid, fromMs: nowMs, toMs, rate: 1, jumps: 1 });
    }
  }

  /** A replica starts, dies or changes its phase. */
  disturbed(): void {
    this.#quietFromMs = Math.max(this.#quietFromMs, this.#nowMs());
  }

  /** At the end of a run in which a leader serves: whoever is silent for too long was forgotten. */
  finish(): void {
    for (const [session, tracked] of this.#sessions) this.#judgeLate(session, tracked);
  }

  #judgeLate(session: SessionId, { isCreated, isCallers, lastSignMs, timeoutMaxMs }: Tracked): void {
    if (!isCreated || isCallers) return;
    const sinceMs = Math.max(lastSignMs, this.#quietFromMs);
    const boundMs = timeoutMaxMs + this.#heartbeatLimitMs + SESSION_LATE_MS_MAX + ROUND_TRIPS_MS;
    const silentMs = this.#nowMs() - sinceMs;
    demand(silentMs <= boundMs, "SessionNotKept", () => {
      const what = `${sessionText(session)} of ${timeoutMaxMs} ms was silent for ${Math.round(silentMs)} ms`;
      return `${what}, undisturbed, and is not expired before ${boundMs} ms`;
    });
  }

  /** How soon a timeout may be over by that replica's clock, in ms of the world's. */
  #shortestMs(sid: Sid, timeoutMs: number): number {
    const nowMs = this.#nowMs();
    let [rate, jumps] = [1, 0];
    for (const bent of this.#bent) {
      if (bent.sid !== sid || bent.toMs < nowMs - timeoutMs) continue;
      rate *= bent.rate;
      jumps += bent.jumps;
    }
    return (timeoutMs - jumps * SESSION_CLOCK_STEP_MS_MAX) / rate - ROUNDING_MS;
  }

  /** Whether the session's time may have been over when its client spoke, and its leader not know of that word yet. */
  #mayBeLate({ timeoutMinMs }: Tracked, { atMs, gapMs }: Heard): boolean {
    const shortest = this.#bent.map(({ sid }) => this.#shortestMs(sid, timeoutMinMs));
    return gapMs >= Math.min(timeoutMinMs - ROUNDING_MS, ...shortest) && this.#nowMs() - atMs <= POLL_MS_MAX;
  }

  /** Whether the replica's clock errs: then it may serve clients for longer than its leader allows for. */
  #isBent(sid: Sid): boolean {
    const nowMs = this.#nowMs();
    return this.#bent.some((bent) => bent.sid === sid && bent.toMs >= nowMs);
  }

  #tracked(session: SessionId, timeoutMs: number): Tracked {
    const before = this.#sessions.get(session);
    if (before !== undefined) return before;
    const tracked: Tracked = {
      timeoutMinMs: timeoutMs,
      timeoutMaxMs: timeoutMs,
      connection: undefined,
      heard: [],
      lastSignMs: this.#nowMs(),
      lastWordMs: this.#nowMs(),
      isCreated: false,
      isCallers: false,
      pongsMs: [],
    };
    this.#sessions.set(session, tracked);
    return tracked;
  }
}

function connectionKey({ machine }: Run, connection: ConnectionId): string {
  return `${machine.name} ${connection}`;
}
