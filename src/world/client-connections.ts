/** Connections of clients: bytes in order both ways, until one end is gone. */
import type { Rng } from "../base/rng.ts";
import { CLIENT_REPORT_BYTES } from "../durable/limits.ts";
import type { Zxid } from "../base/zxid.ts";
import { equalZxid } from "../base/zxid.ts";
import type { ClientWord } from "../client/transport.ts";
import type { ConnectionId, ConnectionOpening, ReceivedBytes } from "../keeper/connection.ts";
import type { ParkedConnection, ParkedOpening } from "../keeper/parking.ts";
import type { ParkedWord } from "../keeper/turn.ts";
import type { ClientEnd, ClientSocket } from "./client-port.ts";
import type { Machine } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import type { Setting } from "./setting.ts";

/** One connection, seen from both sides. */
export class Connection implements ClientSocket {
  readonly id: ConnectionId;
  readonly transport: "tcp" | "websocket";
  /** Its client knows what dozing is. */
  readonly parks: boolean;
  /** How its replica fell asleep over it. */
  parked:
    | (Omit<ParkedConnection, "connection"> & { readonly at: Zxid; readonly sinceMs: number })
    | undefined;
  /** When the runtime answered its client's ping last. */
  pongedMs: number | undefined;
  /** What the client has taken since it was last asked. */
  takenBytes = 0;
  #end: ClientEnd | undefined;
  #machine: Machine | undefined;
  #reach: (() => Machine | undefined) | undefined;
  readonly #setting: Setting;
  readonly #toReplica: Pipe;
  readonly #toClient: Pipe;
  /** What arrives while the replica does not read. */
  #unread: (() => void)[] | undefined;
  #isOpen = false;

  constructor(id: ConnectionId, end: ClientEnd, setting: Setting) {
    this.id = id;
    this.#end = end;
    const rng = setting.rng("clients", id);
    const isWebSocket = rng.below(4) === 0;
    this.parks = end.onWord !== undefined && (setting.options.dormancy?.parkedWakeMs ?? 0) > 0;
    this.transport = isWebSocket || this.parks ? "websocket" : "tcp";
    this.#setting = setting;
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
    this.#reach = reach;
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
      this.#atReplica((machine) => {
        if (this.parked !== undefined) machine.wake();
        machine.clients.received(this, bytes);
      }),
    );
  }

  /** Pings are answered by the runtime, whether the object is in memory or not. */
  say(word: ClientWord): void {
    if (this.#end === undefined) return;
    this.#toReplica.push(() => {
      if (word === "ping") return this.#pong();
      this.#atReplica((machine) => {
        machine.wake();
        this.parked = undefined;
        machine.accept({ kind: "clientAgain", connection: this.id });
      });
    });
  }

  handOver(end: ClientEnd): void {
    this.#end = end;
  }

  /** A word for the client, which has left the output gate. */
  word(word: ParkedWord | "pong"): void {
    this.#toClient.push(() => this.#end?.onWord?.(word));
  }

  /** Another object of its replica has it now. */
  moveTo(machine: Machine): void {
    this.#machine = machine;
  }

  #pong(): void {
    const machine = this.#machine;
    if (!this.#isOpen || machine === undefined) return;
    this.pongedMs = machine.home.clock.nowMs;
    this.word("pong");
    if (!machine.isAlive) return;
    this.#setting.tell((observer) => observer.ponged?.(machine.view, this.id, this.parked?.session));
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
    // Messages of a WebSocket cannot be held back; of a trunk the door's window comes all the same.
    if (this.transport === "websocket" || this.#setting.options.trunkGatherMs !== undefined) return;
    if (!isReading) {
      this.#unread ??= [];
      return;
    }
    const unread = this.#unread ?? [];
    this.#unread = undefined;
    for (const act of unread) this.#read(act);
  }

  #atReplica(act: (machine: Machine) => void): void {
    // One that is parked brings its replica's object to life.
    if (this.parked !== undefined && this.#machine?.isAlive === false && this.#reach?.() === undefined) {
      this.hangUp();
      return;
    }
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
  readonly #setting: Setting;
  /** What came over the trunk and was not told yet. */
  #received: ReceivedBytes[] = [];

  constructor(machine: Machine, rng: Rng, setting: Setting) {
    this.#machine = machine;
    this.#rng = rng;
    this.#setting = setting;
  }

  /** A piece of what the client sends has come. */
  received({ id, transport }: Connection, bytes: Uint8Array): void {
    const { agenda, options } = this.#setting;
    if (transport !== "tcp" || options.trunkGatherMs === undefined) {
      this.#machine.accept({ kind: "clientBytes", received: [{ connection: id, bytes }] });
      return;
    }
    this.#received.push({ connection: id, bytes });
    if (this.#received.length > 1) return;
    agenda.later(options.trunkGatherMs, () => this.#machine.deliver(() => this.#tell()));
  }

  #tell(): void {
    const received = this.#received;
    this.#received = [];
    if (received.length > 0) this.#machine.accept({ kind: "clientBytes", received });
  }

  /** A client has connected. */
  open(connection: Connection): void {
    this.#machine.wake();
    this.#connections.set(connection.id, connection);
    this.#machine.accept({ kind: "clientOpened", opening: this.#openingOf(connection) });
  }

  #openingOf({ id, transport, parks }: Connection): ConnectionOpening {
    const { sid } = this.#machine;
    // The latter half is for logins by SASL, which no client of a run makes.
    const entropy = new Uint8Array(48);
    for (let at = 0; at < 24; at++) entropy[at] = this.#rng.below(256);
    const remoteAddress = `10.0.${sid}.1:${id}`;
    return { id, remoteAddress, transport, entropy, ...(parks ? { parks } : {}) };
  }

  /** Says a word through the output gate. */
  say(id: ConnectionId, word: ParkedWord): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined) this.#machine.hold(() => connection.word(word));
  }

  /** When the runtime answered a ping of the client last. */
  pongedMs(id: ConnectionId): number | undefined {
    return this.#connections.get(id)?.pongedMs;
  }

  /**
   * As the product's object: hangs up on all but those over which the replica fell asleep, and gives what stands since,
   * in this object or one before.
   */
  park(parked: readonly ParkedConnection[], at: Zxid | undefined): readonly ParkedOpening[] {
    const staying = new Set<ConnectionId>();
    for (const { connection: id, ...owned } of parked) {
      const connection = this.#connections.get(id);
      if (connection === undefined || at === undefined) continue;
      connection.parked = { ...owned, at };
      staying.add(id);
    }
    for (const id of this.#connections.keys()) if (!staying.has(id)) this.close(id);
    const { home, isSuperseded } = this.#machine;
    for (const connection of isSuperseded ? [] : home.parked.splice(0)) {
      connection.moveTo(this.#machine);
      this.#connections.set(connection.id, connection);
    }
    return [...this.#connections.values()].flatMap((connection) => {
      const { parked: kept } = connection;
      if (kept !== undefined && at !== undefined && equalZxid(kept.at, at))
        return [{ opening: this.#openingOf(connection), ...kept }];
      this.close(connection.id);
      return [];
    });
  }

  /** The object leaves memory: the runtime keeps what its replica has fallen asleep over. */
  leaveParked(): readonly Connection[] {
    const parked = [...this.#connections.values()].filter((connection) => connection.parked !== undefined);
    for (const { id } of parked) this.#connections.delete(id);
    return parked;
  }

  /** The client is gone. */
  lost(id: ConnectionId): void {
    this.#tell();
    const connection = this.#forget(id);
    if (connection === undefined) return;
    this.#machine.accept({ kind: "clientClosed", connection: id, pongedMs: connection.pongedMs });
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
