/**
 * A client that is never there for long: it makes a session, asks for a thing or two, closes it, and makes another.
 * Half of its sessions leave the replica that made them before they were told anything else: all that such a client
 * knows is its session's number.
 */
import { Disturber } from "./disturbance.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { ClientParts } from "./worker.ts";
import { createOf, FLAGS, WorkContext } from "./workload.ts";

/** See the file's comment. */
export class Visitor implements SessionOwner {
  readonly sessions: readonly SessionClient[];
  readonly #session: SessionClient;
  readonly #parts: ClientParts;
  readonly #context: WorkContext;
  readonly #disturber: Disturber;
  #isStopped = false;

  constructor(parts: ClientParts) {
    const { name, plan, port, clock, rng, recorder } = parts;
    this.#parts = parts;
    this.#context = new WorkContext(name, plan, rng);
    this.#disturber = new Disturber(plan, rng);
    const timeoutMs = this.#context.pick(plan.sessionTimeoutsMs);
    this.#session = new SessionClient({ name, port, clock, rng, recorder, timeoutMs, owner: this });
    this.sessions = [this.#session];
  }

  /** Makes its first session. */
  start(): void {
    this.#session.start();
    this.#goOn();
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#session.stop();
  }

  connected(isNew: boolean): void {
    const { rng, isSpent } = this.#parts;
    if (!isNew || this.#isStopped || isSpent() || rng.below(2) === 0) return;
    this.#session.move(rng.below(2) === 0);
  }

  #goOn(): void {
    const { clock, plan, rng } = this.#parts;
    clock.later(1 + plan.visitPauseMs / 2 + rng.below(plan.visitPauseMs), () => {
      if (this.#isStopped) return;
      this.#act();
      this.#goOn();
    });
  }

  #act(): void {
    const { rng, isSpent } = this.#parts;
    const session = this.#session;
    if (!session.isConnected || isSpent() || this.#disturber.maybeDisturb(session)) return;
    switch (rng.below(4)) {
      case 0:
        session.ask({ op: "getData", path: this.#context.register(), watch: false });
        return;
      case 1: {
        const path = `${this.#context.parent()}/visit-`;
        session.ask(createOf(path, this.#context.data(), FLAGS.ephemeralSequential));
        return;
      }
      default:
        session.close();
    }
  }
}
