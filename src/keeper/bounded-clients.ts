/**
 * Clients that came in by a token. It bounds what they may touch, whatever they log in as besides; where it is revoked,
 * or its time is over, they are hung up on, and their sessions end with them.
 */
import { isOver, type Scope, scopeOf } from "../tree/scope.ts";
import { isTokenPath } from "../tree/tokens.ts";
import { refusalOf } from "./connection-bounds.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { Connection } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import { PENDING_OVERHEAD_BYTES } from "./limits.ts";

/** What it needs of the door. */
interface BoundedParts {
  readonly context: DoorContext;
  readonly table: ConnectionTable;
  readonly close: (connection: Connection) => void;
}

/** Those of one replica. */
export class BoundedClients {
  readonly #parts: BoundedParts;

  constructor(parts: BoundedParts) {
    this.#parts = parts;
  }

  /** Gives a new connection its bounds; says why it is not taken. */
  refusalOf(connection: Connection): string | undefined {
    const { context, table } = this.#parts;
    const scope = scopeOf(connection.identities, context.tree, context.timeMs());
    if (scope === undefined) return "its token is none";
    connection.scope = scope;
    if (scope.identity !== undefined) connection.identities = [...connection.identities, scope.identity];
    return refusalOf(connection, table, context.bounds);
  }

  /** What is kept at the path, a token perhaps, has changed. */
  changed(path: string): void {
    if (!isTokenPath(path)) return;
    this.#end(({ tokenPath }) => tokenPath === path);
  }

  /** Time has passed. */
  tick(): void {
    const timeMs = this.#parts.context.timeMs();
    this.#end((scope) => isOver(scope, timeMs));
  }

  #end(hasEnded: (scope: Scope) => boolean): void {
    const { context, table, close } = this.#parts;
    for (const connection of table.all()) {
      if (!hasEnded(connection.scope)) continue;
      const { state, isReadOnly } = connection;
      close(connection);
      if (state === "open" && !isReadOnly && context.serving()) this.#endSession(connection);
    }
  }

  /** By the log. Where it is lost with a leader nobody asks again: nobody speaks for the session, and it expires. */
  #endSession({ session, generation }: Connection): void {
    if (session === undefined) return;
    const { context } = this.#parts;
    const { origin, window } = context;
    const serial = window.nextSerial();
    window.sent(serial, PENDING_OVERHEAD_BYTES);
    const request = { op: "closeSession" } as const;
    const own = { ...origin, serial };
    context.forward(
      { origin: own, session, generation, xid: 0, identities: [], request },
      PENDING_OVERHEAD_BYTES,
    );
  }
}
