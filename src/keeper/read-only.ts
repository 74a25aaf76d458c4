/**
 * Read-only mode: a replica that has been without a quorum for some time serves what it has delivered to clients that
 * said that this is enough for them. That is a prefix of what the ensemble commits, perhaps an old one; no later leader
 * takes any of it back, as only what was committed is ever delivered.
 *
 * Sessions made here are this replica's alone: they own nothing, nobody else knows them, and they are over with the
 * mode, which ends, and hangs up on all of them, before a leader is told whose clients are here.
 * Source: ZooKeeper ReadOnlyZooKeeperServer, ReadOnlyRequestProcessor, LocalSessionTracker.
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { SessionId } from "../base/ids.ts";
import { compareZxid } from "../base/zxid.ts";
import type { PeerStatus } from "../zab/config.ts";
import type { Connection, Pending, PendingWrite } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import { isFarewell, isWrite, type NumberedRequest } from "./request-kinds.ts";

/** Says when a replica has been alone for so long that it serves reads. */
export class ReadOnlySwitch {
  readonly #afterMs: number | undefined;
  #aloneSinceMs: number | undefined;

  /** `afterMs`: how long it looks for a leader before it does; undefined for never. */
  constructor(afterMs: number | undefined) {
    this.#afterMs = afterMs;
  }

  /**
   * Whether reads may be served now. One whose tree is known to differ has nothing to show, nor has one that was in no
   * epoch yet.
   */
  isOn({ phase, voice }: Pick<PeerStatus, "phase" | "voice">, clockMs: number): boolean {
    this.#aloneSinceMs = phase.role === "looking" ? (this.#aloneSinceMs ?? clockMs) : undefined;
    if (this.#afterMs === undefined || this.#aloneSinceMs === undefined || voice !== "full") return false;
    return clockMs - this.#aloneSinceMs >= this.#afterMs;
  }
}

/** A session of this replica alone. */
interface ReadOnlySession {
  readonly password: Uint8Array;
  readonly timeoutMs: number;
  heardMs: number;
}

/** What becomes of a client that wants in. */
export type Admission =
  /** It has a session, and may read. */
  | "opened"
  /** It is told that its session has expired. */
  | "refused"
  /** It is hung up on, to try another replica, and keeps its session. */
  | "elsewhere"
  /** It is not for this mode, or has seen more than there is here: somebody may come to lead yet. */
  | "waits";

/** The clients of read-only mode. */
export class ReadOnlyClients {
  readonly #context: DoorContext;
  readonly #sessions = new Map<SessionId, ReadOnlySession>();
  #isOn = false;

  constructor(context: DoorContext) {
    this.#context = context;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Begins or ends the mode. Where it ends, all its sessions are over. */
  set(isOn: boolean): void {
    this.#isOn = isOn;
    if (!isOn) this.#sessions.clear();
  }

  /** Goes on with a handshake. */
  admit(connection: Connection, nowMs: number): Admission {
    assert(this.#isOn, "read-only clients come in read-only mode");
    const { hello, opening } = connection;
    if (connection.state !== "waiting" || hello?.readOnly !== true) return "waits";
    const { tree } = this.#context;
    if (compareZxid(hello.lastZxidSeen, tree.lastApplied) > 0) return "waits";
    const timeoutMs = this.#context.negotiateTimeout(hello.timeoutMs);
    connection.timeoutMs = timeoutMs;
    connection.isReadOnly = true;
    if (hello.sessionId === 0n) {
      const { session, password } = this.#context.makeSession(opening.entropy);
      this.#sessions.set(session, { password, timeoutMs, heardMs: nowMs });
      connection.session = session;
      connection.password = password;
      return "opened";
    }
    // A session of the ensemble is not this replica's to give out: its client keeps it for when there is a leader.
    if (tree.sessions.get(hello.sessionId) !== undefined) return "elsewhere";
    const known = this.#sessions.get(hello.sessionId);
    if (known === undefined || !equalBytes(known.password, hello.password ?? new Uint8Array(0)))
      return "refused";
    known.heardMs = nowMs;
    connection.session = hello.sessionId;
    connection.password = known.password;
    return "opened";
  }

  /** The session's client has said something. */
  heard(session: SessionId, nowMs: number): void {
    const known = this.#sessions.get(session);
    if (known !== undefined) known.heardMs = nowMs;
  }

  /** What stands in the order for a request that is no read; undefined where it is one. */
  otherThanRead(
    { session }: Connection,
    request: NumberedRequest,
    at: { readonly xid: number; readonly bytes: number; readonly arrivedMs: number },
  ): Exclude<Pending, PendingWrite> | undefined {
    if (isWrite(request)) return { kind: "refused", reason: "notReadOnly", ...at };
    if (!isFarewell(request)) return undefined;
    if (session !== undefined) this.#sessions.delete(session);
    return { kind: "farewell", ...at };
  }

  /** The sessions that have been silent for too long, and are over. */
  takeExpired(nowMs: number): readonly SessionId[] {
    const expired = [...this.#sessions].filter(([, one]) => nowMs - one.heardMs >= one.timeoutMs);
    for (const [session] of expired) this.#sessions.delete(session);
    return expired.map(([session]) => session);
  }
}
