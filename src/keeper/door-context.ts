import type { Origin, SessionId } from "../base/ids.ts";
import type { Tree } from "../tree/tree.ts";
import type { AuthSettings } from "./auth.ts";
import type { ConnectionBounds } from "./connection-bounds.ts";
import type { ForwardWindow } from "./forward-window.ts";
import type { Report } from "./operations/report.ts";
import type { ForwardedRequest, ToLeader } from "./link-message.ts";
import type { ParkingSettings } from "./parking.ts";
import type { TracedWrite } from "./tracer.ts";

/** What the door needs of its replica. */
export interface DoorContext {
  readonly tree: Tree;
  readonly auth: AuthSettings;
  /** This replica and this start of it; the serial is the door's. */
  readonly origin: Omit<Origin, "serial">;
  /** Unix milliseconds, by this replica's clock. */
  timeMs(): number;
  /** Whether requests may be answered: there is a leader, and this replica has caught up with it. */
  serving(): boolean;
  /** Whether a client may be told that its session lives: it serves, and is in touch (see Touch). */
  mayPromise(): boolean;
  /** Tells the leader, while serving. */
  tellLeader(message: ToLeader): void;
  /** How much of this replica's writes may be under way. */
  readonly window: ForwardWindow;
  /** Sends a write of about so many bytes to the leader, while serving; gathered until the end of the turn. */
  forward(request: ForwardedRequest, bytes: number): void;
  /** A write that is sent in this turn is traced, while serving. */
  trace?(traced: TracedWrite): void;
  /** The timeout that a client gets for the one it asked for. */
  negotiateTimeout(askedMs: number): number;
  /** A session's id and password, made of random bytes. */
  makeSession(entropy: Uint8Array): { readonly session: SessionId; readonly password: Uint8Array };
  /** How many connections there may be. */
  readonly bounds: ConnectionBounds;
  /** When clients doze: never unless set. */
  readonly parking?: ParkingSettings | undefined;
  /** A line for people. */
  log(event: string, fields: string): void;
  /** Whether changes stand in the audit log. */
  readonly isAudited?: boolean;
  /** What a four-letter word reports on. */
  report(): Report;
}

/** What a door holds. */
export interface DoorFigures {
  /** Open, handshaken or not. */
  readonly connections: number;
  /** That wait for the log or for a leader. */
  readonly writes: number;
  /** For all clients. */
  readonly clientBytes: number;
}
