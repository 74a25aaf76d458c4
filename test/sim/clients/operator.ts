/**
 * The one who changes the members: logs in as the super user, and asks for one membership after the other, each again
 * and again until it is done. What it asks for stands in the plan; when it is done hangs on what else goes on.
 */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { Sid } from "../../../src/base/ids.ts";
import type { ReconfigRequest } from "../../../src/base/request.ts";
import { Violation } from "../verdict.ts";
import type { Membership } from "./client-plan.ts";
import type { OpenOperation } from "./recorder.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { ClientParts } from "./worker.ts";

const LOGIN = "super:test";
/** From an answer to the next attempt, at most, and half of it at least. */
const PAUSE_MS = 600;

/** What may stand in the way for a while. */
const PASSING: readonly number[] = [
  ERROR_CODES.newConfigNoQuorum,
  ERROR_CODES.reconfigInProgress,
  ERROR_CODES.sessionExpired,
];

/** See the file's comment. */
export class Operator implements SessionOwner {
  readonly sessions: readonly SessionClient[];
  readonly #session: SessionClient;
  readonly #parts: ClientParts;
  readonly #memberships: readonly Membership[];
  #position = 0;
  /** Up to this one they are asked for: the next waits for its time. */
  #due = 0;
  #isAsking = false;

  constructor(parts: ClientParts, memberships: readonly Membership[]) {
    const { name, plan, port, clock, rng, recorder } = parts;
    this.#parts = parts;
    this.#memberships = memberships;
    const timeoutMs = Math.max(...plan.sessionTimeoutsMs);
    this.#session = new SessionClient({ name, port, clock, rng, recorder, timeoutMs, owner: this });
    this.sessions = [this.#session];
  }

  /** Whether all that it was to ask for by now is done. */
  get isDone(): boolean {
    return this.#position >= this.#due;
  }

  /** How many changes are done. */
  get doneCount(): number {
    return this.#position;
  }

  /** Begins. */
  start(): void {
    const { clock } = this.#parts;
    this.#session.start();
    for (const [index, { atMs }] of this.#memberships.entries()) {
      clock.later(atMs, () => {
        if (!this.#isStopped) this.#due = index + 1;
      });
    }
    this.#goOn();
  }

  #isStopped = false;

  /** Asks for no other membership than the one it is about to bring. */
  settle(): void {
    this.#isStopped = true;
    this.#due = Math.min(this.#due, this.#position + 1);
  }

  /** Begins nothing more. */
  stop(): void {
    this.settle();
    this.#due = this.#position;
    this.#session.stop();
  }

  connected(): void {
    this.#session.login(LOGIN);
  }

  #goOn(): void {
    const { clock, rng } = this.#parts;
    clock.later(PAUSE_MS / 2 + rng.below(PAUSE_MS / 2), () => {
      this.#act();
      this.#goOn();
    });
  }

  #act(): void {
    const membership = this.#memberships[this.#position];
    if (membership === undefined || this.isDone || this.#isAsking || !this.#session.isConnected) return;
    this.#isAsking = this.#session.ask(this.#requestFor(membership), (operation) => {
      this.#isAsking = false;
      this.#answered(operation);
    });
  }

  /** An answer that was lost says nothing: the same is asked for once more, which does no harm. */
  #answered({ outcome, request }: OpenOperation): void {
    if (outcome.kind !== "answered") return;
    if (outcome.error === ERROR_CODES.ok) this.#position++;
    else if (!PASSING.includes(outcome.error)) {
      const text = `error ${outcome.error} to ${JSON.stringify(request, (_, value: unknown) => String(value))}`;
      throw new Violation("answers fit their requests", `${this.#parts.name}: ${text}`);
    }
  }

  #requestFor({ voters, observers, isWhole, groups = [], weights = [] }: Membership): ReconfigRequest {
    const members = [
      ...voters.map((sid) => serverLine(sid, "participant")),
      ...observers.map((sid) => serverLine(sid, "observer")),
      ...groups.map((sids, index) => `group.${index + 1}=${sids.join(":")}`),
      ...weights.map(([sid, weight]) => `weight.${sid}=${weight}`),
    ];
    const all = members.join(",");
    const leaving = this.#parts.port.sids.filter((sid) => !voters.includes(sid) && !observers.includes(sid));
    const nothing = { joiningServers: null, leavingServers: null, newMembers: null, currentConfigId: -1n };
    return isWhole
      ? { op: "reconfig", ...nothing, newMembers: all }
      : { op: "reconfig", ...nothing, joiningServers: all, leavingServers: leaving.join(",") };
  }
}

function serverLine(sid: Sid, role: "participant" | "observer"): string {
  return `server.${sid}=10.0.0.${sid}:2888:3888:${role};10.0.0.${sid}:2181`;
}
