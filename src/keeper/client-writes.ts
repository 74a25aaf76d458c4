/**
 * Clients' writes on their way to the leader. They leave as they come, and wait in two cases: where the replies to the
 * reads before them would find no room, as once a write is delivered the state that is due to those reads is gone; and
 * where so much is under way that the leader, which must hold what all replicas send, is to be sent no more.
 */
import type { Origin } from "../base/ids.ts";
import type { WriteRequest } from "../base/request.ts";
import { THROTTLE_SETTINGS } from "../base/throttle-settings.ts";
import { identityBytes, powersOf } from "./auth.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { Connection, PendingWrite } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import { PENDING_OVERHEAD_BYTES } from "./limits.ts";

/** A write as a client sent it; one of the handshake has neither xid nor bytes. */
export interface ClientWrite {
  readonly xid: number;
  readonly request: WriteRequest;
  readonly bytes: number;
}

/** The writes of one replica's clients. */
export class ClientWrites {
  readonly #context: DoorContext;
  readonly #table: ConnectionTable;
  readonly #waitMs: number;
  /** Connections whose writes wait for others to be delivered, those that waited longest first. */
  readonly #waiting = new Set<Connection>();

  constructor(context: DoorContext, table: ConnectionTable) {
    this.#context = context;
    this.#table = table;
    this.#waitMs = (context.bounds.throttle ?? THROTTLE_SETTINGS).waitMs;
  }

  /** Takes a write behind the connection's other requests, and sends it on as soon as it may leave. */
  enqueue(connection: Connection, write: ClientWrite, arrivedMs: number): void {
    const serial = this.#context.window.nextSerial();
    const pending: PendingWrite = { kind: "write", ...write, serial, arrivedMs, sent: false, attempts: 0 };
    const mayForward = connection.mayForward;
    connection.enqueue(pending);
    this.#table.addWrite(connection, pending);
    if (mayForward) this.#forward(connection, pending);
    else connection.holdsWrites = true;
  }

  /** Sends what is not on its way, up to the first write before which too much is to be answered yet. */
  forwardAll(connection: Connection): void {
    connection.holdsWrites = false;
    if (this.#context.window.isFull) return this.#await(connection);
    let replyBytes = 0;
    for (const pending of connection.pending()) {
      if (pending.kind === "local") replyBytes += pending.replyBytes;
      if (pending.kind !== "write") continue;
      // One that was on its way before a change of leader had its room then.
      if (pending.attempts === 0 && !connection.fitsWindow(replyBytes)) {
        connection.holdsWrites = true;
        return;
      }
      this.#forward(connection, pending);
      if (connection.holdsWrites) return;
    }
  }

  /**
   * Refuses writes that have waited too long for others to be done, and gives the connections that have some. They have
   * left for no leader, so they are surely not done. Source: ZooKeeper RequestThrottler.shouldThrottleOp.
   */
  refuseLate(nowMs: number): readonly (readonly [Connection, number])[] {
    if (this.#waitMs === 0) return [];
    return [...this.#waiting].flatMap((connection) => {
      if (!this.#table.has(connection)) return [];
      const refused = connection.refuseUnsent(nowMs - this.#waitMs);
      for (const { serial } of refused) this.#table.takeWrite(serial);
      return refused.length === 0 ? [] : [[connection, refused.length] as const];
    });
  }

  /** The leader is lost: all that was on its way may or may not have been proposed. */
  suspend(): void {
    this.#waiting.clear();
    for (const connection of this.#table.writers()) {
      for (const pending of connection.pendingWrites()) pending.sent = false;
    }
  }

  #forward(connection: Connection, pending: PendingWrite): void {
    if (pending.sent || !this.#context.serving() || connection.session === undefined) return;
    if (this.#context.window.isFull) return this.#await(connection);
    connection.forwarded(pending);
    const origin: Origin = { ...this.#context.origin, serial: pending.serial };
    const { session, generation } = connection;
    const identities = powersOf(connection, this.#context.auth);
    const { xid, request } = pending;
    const bytes = pending.bytes + identityBytes(identities) + PENDING_OVERHEAD_BYTES;
    this.#context.window.sent(pending.serial, bytes);
    this.#context.forward({ origin, session, generation, xid, identities, request }, bytes);
  }

  #await(connection: Connection): void {
    connection.holdsWrites = true;
    this.#waiting.add(connection);
    this.#context.window.awaitRoom(connection, () => {
      this.#waiting.delete(connection);
      if (this.#table.has(connection)) this.forwardAll(connection);
    });
  }
}
