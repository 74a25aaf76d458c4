/**
 * Where a replica finds its connections: by their number, by the session they speak for, and by what they asked of the
 * leader. A connection that is removed is found in no way any more.
 */
import type { SessionId } from "../base/ids.ts";
import type { Connection, ConnectionId, PendingWrite } from "./connection.ts";
import type { OwnedSession } from "./link-message.ts";

/** All client connections of one replica. */
export class ConnectionTable {
  readonly #byId = new Map<ConnectionId, Connection>();
  readonly #bySession = new Map<SessionId, Connection>();
  readonly #byWrite = new Map<number, Connection>();
  readonly #attaching = new Map<number, Connection>();
  readonly #countByHost = new Map<string, number>();

  /** Connections, handshaken or not. */
  get count(): number {
    return this.#byId.size;
  }

  /** Writes that wait for the log or for a leader. */
  get writeCount(): number {
    return this.#byWrite.size;
  }

  /** Every connection; those removed meanwhile are passed over. */
  all(): Iterable<Connection> {
    return this.#byId.values();
  }

  add(connection: Connection): void {
    this.#byId.set(connection.opening.id, connection);
    this.#countByHost.set(connection.host, this.countFrom(connection.host) + 1);
  }

  /** Connections from one address. */
  countFrom(host: string): number {
    return this.#countByHost.get(host) ?? 0;
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id);
  }

  has(connection: Connection): boolean {
    return this.#byId.has(connection.opening.id);
  }

  /** The open connection of a session. */
  ofSession(session: SessionId): Connection | undefined {
    return this.#bySession.get(session);
  }

  /** The connection speaks for the session from now on. */
  own(session: SessionId, connection: Connection): void {
    this.#bySession.set(session, connection);
  }

  /** The sessions whose clients are connected here. */
  owned(): readonly OwnedSession[] {
    return [...this.#bySession].map(([session, { generation, timeoutMs }]) => ({
      session,
      generation,
      timeoutMs,
    }));
  }

  /** The connection's write is under way. */
  addWrite(connection: Connection, { serial }: PendingWrite): void {
    this.#byWrite.set(serial, connection);
  }

  /** The connection of a write, which is under way no more. */
  takeWrite(serial: number): Connection | undefined {
    const connection = this.#byWrite.get(serial);
    this.#byWrite.delete(serial);
    return connection;
  }

  /** The connections that have writes under way, each once. */
  writers(): Iterable<Connection> {
    return new Set(this.#byWrite.values());
  }

  /** The leader is asked about the connection's session, under its attachSerial. */
  addAttaching(connection: Connection): void {
    this.#attaching.set(connection.attachSerial, connection);
  }

  /** The connection about which the leader was asked so, and is no more. */
  takeAttaching(serial: number): Connection | undefined {
    const connection = this.#attaching.get(serial);
    this.#attaching.delete(serial);
    return connection;
  }

  /** All connections about which the leader is asked; it is asked no more. */
  takeAllAttaching(): readonly Connection[] {
    const connections = [...this.#attaching.values()];
    this.#attaching.clear();
    return connections;
  }

  /** Forgets a connection and all that it has under way. */
  remove(connection: Connection): void {
    if (!this.#byId.delete(connection.opening.id)) return;
    const left = this.countFrom(connection.host) - 1;
    if (left > 0) this.#countByHost.set(connection.host, left);
    else this.#countByHost.delete(connection.host);
    this.#attaching.delete(connection.attachSerial);
    for (const pending of connection.pendingWrites()) this.#byWrite.delete(pending.serial);
    const { session } = connection;
    if (session !== undefined && this.#bySession.get(session) === connection) this.#bySession.delete(session);
  }
}
