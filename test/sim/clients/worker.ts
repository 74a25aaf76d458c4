/** A client that does mixed work by one or more sessions, a little at a time, and is disturbed now and then. */
import { must } from "../../../src/base/assert.ts";
import type { Rng } from "../../../src/base/rng.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import type { ClientPort } from "../../../src/world/client-port.ts";
import type { ClientClock } from "./client-clock.ts";
import type { ClientPlan } from "./client-plan.ts";
import { CreationWork } from "./creation-work.ts";
import { Disturber } from "./disturbance.ts";
import { IdleWork } from "./idle-work.ts";
import { MultiWork } from "./multi-work.ts";
import type { Recorder } from "./recorder.ts";
import { RegisterWork } from "./register-work.ts";
import { SessionClient } from "./session-client.ts";
import { WatchWork } from "./watch-work.ts";
import { createOf, FLAGS, WorkContext, type Workload } from "./workload.ts";

/** Requests at once by a connection that the session has left, at most. */
const LATE_MAX = 3;

/** What a client is made of. */
export interface ClientParts {
  readonly name: string;
  readonly plan: ClientPlan;
  readonly port: ClientPort;
  readonly clock: ClientClock;
  readonly rng: Rng;
  readonly recorder: Recorder;
  /** Whether all clients together have begun as many operations as the plan has. */
  readonly isSpent: () => boolean;
}

/** See the file's comment. */
export class Worker {
  readonly sessions: readonly SessionClient[];
  readonly #parts: ClientParts;
  readonly #context: WorkContext;
  readonly #disturber: Disturber;
  readonly #workloads: readonly (readonly [Workload, number])[];
  #isStopped = false;

  constructor(parts: ClientParts) {
    const { name, plan, rng, port, clock, recorder } = parts;
    this.#parts = parts;
    this.#context = new WorkContext(name, plan, rng);
    this.#disturber = new Disturber(plan, rng);
    const { registers, creations, multis, watches, idlers = 0 } = plan.weights;
    this.#workloads = [
      [new RegisterWork(this.#context), registers],
      [new CreationWork(this.#context), creations],
      [new MultiWork(this.#context), multis],
      [new WatchWork(this.#context), watches],
      [new IdleWork(this.#context), idlers],
    ];
    this.sessions = Array.from({ length: plan.sessionsPerWorker }, () => {
      const timeoutMs = this.#context.pick(plan.sessionTimeoutsMs);
      const owner = {
        connected: (): void => this.#actLate(session),
        ponged: (): void => this.#disturber.maybeLeave(session),
      };
      const session = new SessionClient({ name, port, clock, rng, recorder, timeoutMs, owner });
      return session;
    });
  }

  /** Connects and begins to work. */
  start(): void {
    for (const session of this.sessions) session.start();
    this.#goOn();
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const session of this.sessions) session.stop();
  }

  #goOn(): void {
    const { clock, plan, rng } = this.#parts;
    clock.later(1 + plan.pauseMs / 2 + rng.below(plan.pauseMs), () => {
      if (this.#isStopped) return;
      this.#act();
      this.#goOn();
    });
  }

  #act(): void {
    const { rng, plan, isSpent } = this.#parts;
    const session = this.#context.pick(this.sessions);
    this.#actLate(session);
    if (!session.isConnected || isSpent()) return;
    if (this.#disturber.maybeDisturb(session)) return;
    for (let count = 1 + rng.below(plan.burst); count > 0; count--) {
      if (!session.isConnected || session.unanswered >= plan.pipelining || isSpent()) return;
      this.#workload().act(session);
    }
  }

  /** Asks by a connection that the session has left: what comes late must not be done behind what comes after. */
  #actLate(session: SessionClient): void {
    const { rng, isSpent } = this.#parts;
    if (!session.hasLate || this.#isStopped || isSpent()) return;
    for (let count = rng.below(LATE_MAX + 1); count > 0; count--) session.askLate(this.#lateRequest());
  }

  #lateRequest(): ClientRequest {
    const path = this.#context.register();
    const late = `${this.#context.parent()}/late-`;
    switch (this.#context.rng.below(4)) {
      case 0:
        return { op: "getData", path, watch: false };
      case 1:
        return createOf(late, this.#context.data(), FLAGS.ephemeralSequential);
      case 2:
        return createOf(late, this.#context.data(), FLAGS.sequential);
      default:
        return { op: "setData", path, data: this.#context.data(), version: -1 };
    }
  }

  #workload(): Workload {
    const sum = this.#workloads.reduce((total, [, weight]) => total + weight, 0);
    let chance = this.#context.rng.below(Math.max(1, sum));
    for (const [workload, weight] of this.#workloads) {
      if (chance < weight) return workload;
      chance -= weight;
    }
    return must(this.#workloads[0], "a workload")[0];
  }
}
