/** Connections of clients: bytes in order both ways, until one end is gone. */
import type { Rng } from "../base/rng.ts";
import { CLIENT_REPORT_BYTES } from "../durable/limits.ts";
import type { ConnectionId } from "../keeper/connection.ts";
import type { ClientEnd, ClientSocket } from "./client-port.ts";
import type { Machine } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import type { Setting } from "./setting.ts";

/** One connection, seen from both sides. */
export class Connection implements ClientSocket {
  readonly id: ConnectionId;
  readonly transport: "tcp" | "websocket";
  /** What the client has taken since it was last asked. */
  takenBytes = 0;
  #end: ClientEnd | undefined;
  #machine: Machine | undefined;
  readonly #toReplica: Pipe;
  readonly #toClient: Pipe;
  /** What arrives while the replica does not read. */
  #unread: (() => void)[] | undefined;
  #isOpen = false;

  constructor(id: ConnectionId, end: ClientEnd, setting: Setting) {
    this.id = id;
    this.#end = end;
    const rng = setting.rng("clients", id);
    this.transport = rng.below(4) === 0 ? "websocket" : "tcp";
    const extraMs = setting.options.clientDelayMs ?? 4;
    const site = {
      agenda: setting.agenda,
      delayMs: () => 1 + rng.below(extraMs + 1),
      passes: () => true,
    };
    this.#toReplica = new Pipe(site);
    this.#toClient = new Pipe(site);
  }

  /** The client asks for it; `reach` finds the replica's object, unless it is down. */
  request(reach: () => Machine | undefined): void {
    this.#toReplica.push(() => {
      const machine = reach();
      if (machine === undefined) {
        this.hangUp();
        return;
      }
      this.#machine = machine;
      machine.deliver(() => {
        this.#isOpen = true;
        machine.clients.open(this);
      });
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#end === undefined) return;
    this.#toReplica.push(() =>
      this.#atReplica((machine) => machine.accept({ kind: "clientBytes", connection: this.id, bytes })),
    );
  }

  close(): void {
    this.#end = undefined;
    this.#toReplica.shut(() => this.#atReplica((machine) => machine.clients.lost(this.id)));
  }

  vanish(): void {
    this.#end = undefined;
    this.#toReplica.mute();
    this.#toClient.mute();
  }

  /** Breaks: the client is told, the replica unless `isUnnoticed`. */
  break(isUnnoticed: boolean): void {
    this.#toClient.cut(0, () => this.#closed());
    if (isUnnoticed) this.#toReplica.mute();
    else this.#toReplica.cut(0, () => this.#atReplica((machine) => machine.clients.lost(this.id)));
  }

  /** Bytes for the client, which have left the output gate; `onTaken` is told when it has taken many. */
  transmit(bytes: Uint8Array, onTakenMuch: () => void): void {
    this.#toClient.push(() => {
      this.takenBytes += bytes.length;
      this.#end?.onBytes(bytes);
      if (this.takenBytes >= CLIENT_REPORT_BYTES) onTakenMuch();
    });
  }

  /** The replica hangs up: the client learns of it behind all that was sent. */
  hangUp(): void {
    this.#toClient.shut(() => this.#closed());
  }

  /** The replica hangs up, and what is under way is lost. */
  drop(): void {
    this.#toClient.cut(0, () => this.#closed());
  }

  /** The replica takes no more notice of it. */
  leave(): void {
    this.#isOpen = false;
    this.#unread = undefined;
  }

  setReading(isReading: boolean): void {
    // Messages of a WebSocket cannot be held back.
    if (this.transport === "websocket") return;
    if (!isReading) {
      this.#unread ??= [];
      return;
    }
    const unread = this.#unread ?? [];
    this.#unread = undefined;
    for (const act of unread) this.#read(act);
  }

  #atReplica(act: (machine: Machine) => void): void {
    const machine = this.#machine;
    machine?.deliver(() => this.#read(() => act(machine)));
  }

  #read(act: () => void): void {
    if (!this.#isOpen) return;
    if (this.#unread === undefined) act();
    else this.#unread.push(act);
  }

  #closed(): void {
    const end = this.#end;
    this.#end = undefined;
    end?.onClosed();
  }
}

/** The clients of one machine. */
export class ClientConnections {
  readonly #machine: Machine;
  readonly #rng: Rng;
  readonly #connections = new Map<ConnectionId, Connection>();
  /** Those to which something was sent that the keeper does not know to be taken. */
  readonly #sending = new Set<Connection>();

  constructor(machine: Machine, rng: Rng) {
    this.#machine = machine;
    this.#rng = rng;
  }

  /** A client has connected. */
  open(connection: Connection): void {
    this.#machine.wake();
    const { id, transport } = connection;
    const { sid } = this.#machine;
    this.#connections.set(id, connection);
    // The latter half is for logins by SASL, which no client of a run makes.
    const entropy = new Uint8Array(48);
    for (let at = 0; at < 24; at++) entropy[at] = this.#rng.below(256);
    const remoteAddress = `10.0.${sid}.1:${id}`;
    this.#machine.accept({ kind: "clientOpened", opening: { id, remoteAddress, transport, entropy } });
  }

  /** The client is gone. */
  lost(id: ConnectionId): void {
    if (this.#forget(id) !== undefined) this.#machine.accept({ kind: "clientClosed", connection: id });
  }

  /** Sends through the output gate; `onSent` is told when the bytes have left it. */
  send(id: ConnectionId, bytes: Uint8Array, onSent: () => void): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#sending.add(connection);
    this.#machine.hold(() => {
      onSent();
      connection.transmit(bytes, () => this.#machine.deliver(() => this.#report([connection])));
    });
  }

  close(id: ConnectionId): void {
    const connection = this.#forget(id);
    if (connection !== undefined) this.#machine.hold(() => connection.hangUp());
  }

  drop(id: ConnectionId): void {
    const connection = this.#forget(id);
    if (connection !== undefined) this.#machine.hold(() => connection.drop());
  }

  setReading(id: ConnectionId, isReading: boolean): void {
    this.#connections.get(id)?.setReading(isReading);
  }

  /** Tells what clients have taken since the last tick. */
  tick(): void {
    if (this.#sending.size > 0) this.#report([...this.#sending]);
  }

  /** Hangs up on all, without a word to the keeper, which is about to be replaced. */
  closeAll(): void {
    for (const id of this.#connections.keys()) this.close(id);
  }

  /** The machine is gone: clients learn of it. */
  die(): void {
    for (const id of this.#connections.keys()) this.#forget(id)?.hangUp();
  }

  /** All connections break; the keeper is told of it unless `isUnnoticed`. */
  breakAll(isUnnoticed: boolean): void {
    for (const connection of this.#connections.values()) connection.break(isUnnoticed);
  }

  #report(connections: readonly Connection[]): void {
    const sent: { readonly connection: ConnectionId; readonly bytes: number }[] = [];
    for (const connection of connections) {
      const bytes = connection.takenBytes;
      if (bytes === 0 || !this.#sending.has(connection)) continue;
      connection.takenBytes = 0;
      sent.push({ connection: connection.id, bytes });
    }
    if (sent.length > 0) this.#machine.accept({ kind: "clientsSent", sent });
  }

  #forget(id: ConnectionId): Connection | undefined {
    const connection = this.#connections.get(id);
    if (connection === undefined) return undefined;
    this.#connections.delete(id);
    this.#sending.delete(connection);
    connection.leave();
    return connection;
  }
}
