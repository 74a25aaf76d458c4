/**
 * Clients for which nobody has to stay awake. One that says that it knows of this, is idle, and whose session owns
 * nothing, is told that it may **doze**: it pings no more by the protocol, and the runtime answers its pings. How long
 * such a session lives only its own client can tell. If all clients doze the ensemble may fall asleep over them: then
 * they are **parked**, and all that is kept of each is its socket and its session, which its replica claims when it
 * wakes. They are **called** when the tree changes, or when they ask for something: a client that is called connects
 * again on its socket, as after the loss of a connection, with its watches and the last zxid that it has seen.
 *
 * Invariants:
 * 1. A connection is parked only where nothing of it is under way. So what its client has sent, and has no answer to
 *    when it is called, was not done.
 * 2. Nothing that comes by a parked connection is read before its client has said that it connects again.
 * 3. Its session is touched on its client's pings alone, whoever answers them.
 */
import type { SessionId } from "../base/ids.ts";
import type { BoundedClients } from "./bounded-clients.ts";
import type { ClientOutput } from "./client-output.ts";
import type { ConnectionTable } from "./connection-table.ts";
import { Connection, type ConnectionId, type ConnectionOpening } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import type { KeeperParts } from "./keeper-input.ts";
import {
  CALLED_AT_ONCE_MAX,
  LEADERLESS_HOLD_MS,
  PARKED_HOLD_MS,
  SESSION_POLL_INTERVAL_MS,
} from "./limits.ts";
import type { OwnedSession } from "./link-message.ts";

/** A connection over which its replica falls asleep. */
export interface ParkedConnection extends OwnedSession {
  readonly connection: ConnectionId;
  /** When its client was known to be there last, in Unix ms of the replica's clock; pings that came since aside. */
  readonly sinceMs: number;
}

/** The same, as the shell hands it to the start that follows. */
export interface ParkedOpening extends Omit<ParkedConnection, "connection"> {
  readonly opening: ConnectionOpening;
}

/** When clients doze. */
export interface ParkingSettings {
  /** One that has asked for nothing for so long does. */
  readonly idleMs: number;
  /** It hears from its replica so often. */
  readonly wakeMs: number;
  /** See KeeperParts. */
  pongedMs(connection: ConnectionId): number | undefined;
}

/** When clients of this replica doze. */
export function parkingSettings({ config, pongedMs }: KeeperParts): ParkingSettings | undefined {
  const { afterMs, parkedWakeMs = 0 } = config.dormancy ?? { afterMs: 0 };
  if (parkedWakeMs === 0) return undefined;
  // All doze by the time at which the ensemble could sleep.
  return { idleMs: afterMs / 2, wakeMs: parkedWakeMs, pongedMs: pongedMs ?? (() => undefined) };
}

/** What it works with. */
export interface ParkingParts {
  readonly context: DoorContext;
  readonly table: ConnectionTable;
  readonly output: ClientOutput;
  readonly bounded: Pick<BoundedClients, "refusalOf">;
  readonly close: (connection: Connection) => void;
}

/** See the file's comment. */
export class Parking {
  readonly #parts: ParkingParts;
  readonly #parked = new Set<Connection>();
  /** Those of them that are to be called, and those that were and are not back. */
  readonly #due = new Set<Connection>();
  readonly #called = new Set<ConnectionId>();
  /** Heard from since they were told of last: by themselves, and where the runtime answered them. */
  readonly #touched = new Set<SessionId>();
  readonly #ponged = new Set<SessionId>();
  /** Who dozes, and the leader does not know. */
  readonly #untold = new Set<SessionId>();
  #nowMs = 0;
  #notServingSinceMs: number | undefined;
  #listenedMs = Number.NEGATIVE_INFINITY;
  #hasLooked = false;
  #hasAsked = false;
  #hasChanged = false;
  #owesWord = false;

  constructor(parts: ParkingParts) {
    this.#parts = parts;
  }

  /** Takes over what stands since this replica fell asleep. */
  adopt(openings: readonly ParkedOpening[]): void {
    const { context, table, output } = this.#parts;
    for (const { opening, session, generation, timeoutMs, sinceMs } of openings) {
      const connection = new Connection(opening, this.#nowMs, context.bounds);
      if (context.parking === undefined) {
        output.close(connection);
        continue;
      }
      connection.state = "parked";
      connection.session = session;
      connection.generation = generation;
      connection.timeoutMs = timeoutMs;
      connection.parkedSinceMs = sinceMs;
      table.add(connection);
      table.own(session, connection);
      this.#parked.add(connection);
    }
  }

  /** Its client is alive. */
  heard(session: SessionId): void {
    this.#touched.add(session);
  }

  /** It asks for something: a ping does not, nor does what tells again what is watched. */
  asked(connection: Connection, op: string | undefined): void {
    connection.isDozing = false;
    if (op === "ping" || op === "setWatches" || op === "setWatches2" || op === "auth") return;
    connection.isBack = false;
    connection.askedMs = this.#nowMs;
    this.#hasAsked = true;
  }

  /** Whether somebody has asked for something since the last call. */
  takeAsked(): boolean {
    const hasAsked = this.#hasAsked;
    this.#hasAsked = false;
    return hasAsked;
  }

  /** Whether bytes that came are not to be read: then its client is called, and says again what it wants. */
  drops(connection: Connection): boolean {
    if (connection.state !== "parked") return connection.state === "called";
    this.#hasAsked = true;
    if (this.#parts.context.serving()) this.#call(connection);
    else this.#wants(connection);
    return true;
  }

  /** It waits for a leader, and is called once there is one. */
  #wants(connection: Connection): void {
    connection.isBack = true;
    this.#due.add(connection);
  }

  /** A client that was called connects again. */
  again(id: ConnectionId): void {
    const { table, close, bounded, context } = this.#parts;
    const connection = table.get(id);
    if (connection === undefined) return;
    if (connection.state !== "called") return close(connection);
    table.remove(connection);
    const next = new Connection(connection.opening, this.#nowMs, context.bounds);
    next.isBack = true;
    next.askedMs = Number.NEGATIVE_INFINITY;
    if (bounded.refusalOf(next) === undefined) table.add(next);
    else close(next);
  }

  /** The connection is no more. A ping of its client that the runtime has answered since the last look counts. */
  forget(connection: Connection, pongedMs: number | undefined = this.#pongedMs(connection)): void {
    this.#parked.delete(connection);
    this.#due.delete(connection);
    const isNew = isAtRest(connection) && pongedMs !== undefined && pongedMs !== connection.pongedMs;
    // Nobody dozes here any more: the leader itself is to see to it that the session ends in time.
    if (isNew && connection.session !== undefined && !this.#isGone(connection, pongedMs))
      this.#touched.add(connection.session);
  }

  /** The tree has changed: those that are parked may watch that. */
  changed(): void {
    this.#hasChanged = this.#parked.size > 0;
  }

  /** There is a leader: who dozes is to be told to it, and to those that are parked that there is one. */
  resumed(): void {
    this.#owesWord = true;
    for (const { session, isDozing, state } of this.#parts.table.all())
      if (session !== undefined && (isDozing || state === "parked")) this.#untold.add(session);
  }

  /** Says what is due to those that are parked, while this replica serves. */
  speak(): void {
    const { context, output } = this.#parts;
    if (this.#parked.size === 0 || !context.serving()) return;
    if (this.#hasChanged) for (const connection of this.#parked) this.#due.add(connection);
    if (this.#owesWord) for (const connection of this.#parked) output.word(connection, "word");
    this.#hasChanged = false;
    this.#owesWord = false;
    this.#callDue();
  }

  /** Whoever asks for something at once; of the others so many at a time, or all their handshakes would be late. */
  #callDue(): void {
    if (this.#due.size === 0) return;
    const { table } = this.#parts;
    for (const id of this.#called) {
      const state = table.get(id)?.state;
      if (state === undefined || state === "open") this.#called.delete(id);
    }
    for (const connection of this.#due) {
      if (this.#called.size >= CALLED_AT_ONCE_MAX) return;
      this.#call(connection);
    }
  }

  /** Time has passed. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    const { context, table, close } = this.#parts;
    if (context.parking === undefined) return;
    if (!this.#hasLooked) this.#look();
    if (context.serving()) this.#notServingSinceMs = undefined;
    else this.#notServingSinceMs ??= nowMs;
    const aloneMs = nowMs - (this.#notServingSinceMs ?? nowMs);
    const listens = nowMs - this.#listenedMs >= SESSION_POLL_INTERVAL_MS;
    if (listens) this.#listenedMs = nowMs;
    for (const connection of table.all()) {
      if (connection.opening.parks !== true) continue;
      if (listens && isAtRest(connection)) this.#listen(connection);
      if (connection.state === "parked") {
        // Whoever waits goes where there is a leader as soon as others do.
        if (aloneMs >= (connection.isBack ? LEADERLESS_HOLD_MS : PARKED_HOLD_MS)) close(connection);
      } else if (this.#mayDoze(connection)) this.#letDoze(connection);
    }
  }

  /** The sessions heard from since the last call, by themselves, and those whose clients doze. */
  takeTouched(): { readonly sessions: readonly SessionId[]; readonly dozing: readonly SessionId[] } {
    const taken = { sessions: [...this.#touched], dozing: [...this.#ponged, ...this.#untold] };
    const pings = [...this.#ponged];
    for (const set of [this.#touched, this.#ponged, this.#untold]) set.clear();
    return { sessions: [...taken.sessions, ...pings], dozing: taken.dozing };
  }

  /** Whether somebody is connected for whom this replica has to stay awake. */
  get isBusy(): boolean {
    for (const connection of this.#parts.table.all())
      if (!connection.isBack && !isAtRest(connection) && connection.state !== "called") return true;
    return false;
  }

  /** Whether this replica may fall asleep over all that are connected. */
  get isRestful(): boolean {
    if (this.#due.size > 0) return false;
    for (const connection of this.#parts.table.all())
      if (!isAtRest(connection) || !connection.isIdle) return false;
    return true;
  }

  /** After how long it must wake for those that are connected, should it fall asleep over them. */
  get wakeWithinMs(): number | undefined {
    return this.#parts.table.count === 0 ? undefined : this.#parts.context.parking?.wakeMs;
  }

  /** What is to be kept of each of them. */
  get connections(): readonly ParkedConnection[] {
    const nowMs = this.#parts.context.timeMs();
    return [...this.#parts.table.all()].flatMap(
      ({ opening, session, generation, timeoutMs, parkedSinceMs }) => {
        if (session === undefined) return [];
        const sinceMs = parkedSinceMs ?? nowMs;
        return [{ connection: opening.id, session, generation, timeoutMs, sinceMs }];
      },
    );
  }

  /**
   * At the first tick, before a leader is told of anybody: who has not pinged for as long as its session lives is gone.
   * It may have been gone for long, and waking must not renew it.
   */
  #look(): void {
    this.#hasLooked = true;
    for (const connection of this.#parked)
      if (this.#isGone(connection, this.#pongedMs(connection))) this.#parts.close(connection);
  }

  #isGone({ parkedSinceMs = 0, timeoutMs }: Connection, pongedMs = 0): boolean {
    return this.#parts.context.timeMs() - Math.max(pongedMs, parkedSinceMs) > timeoutMs;
  }

  #pongedMs({ opening }: Connection): number | undefined {
    return this.#parts.context.parking?.pongedMs(opening.id);
  }

  #call(connection: Connection): void {
    this.#listen(connection);
    this.#parked.delete(connection);
    this.#due.delete(connection);
    this.#called.add(connection.opening.id);
    connection.state = "called";
    connection.waitingSinceMs = this.#nowMs;
    this.#parts.output.word(connection, "awake");
  }

  #mayDoze(connection: Connection): boolean {
    const { context } = this.#parts;
    const { state, session, isReadOnly, isDozing, askedMs } = connection;
    if (state !== "open" || session === undefined || isReadOnly || !context.mayPromise()) return false;
    if (isDozing) return true;
    const isQuiet = this.#nowMs - askedMs >= (context.parking?.idleMs ?? Infinity);
    if (!isQuiet || !connection.isIdle) return false;
    if (context.tree.ephemeralsOf(session).length === 0) return true;
    // To look again and again would cost more than its pings.
    connection.askedMs = this.#nowMs;
    return false;
  }

  #letDoze(connection: Connection): void {
    const { context, output } = this.#parts;
    const wakeMs = context.parking?.wakeMs ?? 0;
    if (connection.isDozing && this.#nowMs - connection.dozeToldMs < wakeMs) return;
    if (!connection.isDozing && connection.session !== undefined) this.#untold.add(connection.session);
    connection.isDozing = true;
    connection.dozeToldMs = this.#nowMs;
    output.doze(connection, context.tree.lastApplied, 2 * wakeMs);
  }

  /** Its client has pinged, and the runtime has answered. */
  #listen(connection: Connection): void {
    const pongedMs = this.#pongedMs(connection);
    if (pongedMs === undefined || pongedMs === connection.pongedMs) return;
    connection.pongedMs = pongedMs;
    connection.heardMs = this.#nowMs;
    if (connection.session !== undefined) this.#ponged.add(connection.session);
  }
}

function isAtRest({ state, isDozing }: Connection): boolean {
  return state === "parked" || (state === "open" && isDozing);
}
