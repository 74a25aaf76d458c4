/** All clients of a run: what they do is the plan's, the seed's and the world's, and nothing else. */
import { must } from "../../../src/base/assert.ts";
import { type Rng, seededRng } from "../../../src/base/rng.ts";
import type { ClientHistory } from "../history/types.ts";
import type { CallPort, ClientPort, StreamPort } from "../../../src/world/client-port.ts";
import { Caller } from "./caller.ts";
import { DriftingClock } from "./client-clock.ts";
import type { ClientPlan } from "./client-plan.ts";
import { EventReader } from "./event-reader.ts";
import { LockClient } from "./lock-client.ts";
import { Operator } from "./operator.ts";
import { Recorder } from "./recorder.ts";
import type { SessionClient } from "./session-client.ts";
import { SetupClient } from "./setup-client.ts";
import { Visitor } from "./visitor.ts";
import { TokenBearer } from "./token-bearer.ts";
import { type ClientParts, Worker } from "./worker.ts";

/** See the file's comment. */
export class Clients {
  readonly #plan: ClientPlan;
  readonly #recorder: Recorder;
  readonly #setup: SetupClient;
  readonly #clients: readonly (
    | Worker
    | LockClient
    | Visitor
    | Operator
    | Caller
    | EventReader
    | TokenBearer
  )[];
  readonly #operator: Operator | undefined;
  readonly #callers: readonly Caller[];
  readonly #readers: readonly EventReader[];
  readonly #bearers: readonly TokenBearer[];
  #isSetUp = false;
  #isStopped = false;
  /** Operations of the setup, which the plan does not count. */
  #setupCount = 0;

  constructor(parts: {
    readonly port: ClientPort & CallPort & StreamPort;
    readonly rng: Rng;
    readonly plan: ClientPlan;
  }) {
    const { port, rng, plan } = parts;
    this.#plan = plan;
    this.#recorder = new Recorder(port);
    const rates = plan.clockRates;
    const partsOf = (name: string, index: number): ClientParts => ({
      name,
      plan,
      port,
      clock: new DriftingClock(port, must(rates[index % rates.length], "a rate")),
      rng: seededRng([rng.uint32(), rng.uint32(), rng.uint32(), rng.uint32()]),
      recorder: this.#recorder,
      isSpent: () => this.isSpent,
    });
    this.#setup = new SetupClient(partsOf("setup", 0), () => this.#begin());
    const workers = Array.from(
      { length: plan.workers },
      (_, index) => new Worker(partsOf(`c${index + 1}`, index)),
    );
    const lockers = Array.from(
      { length: plan.lockClients },
      (_, index) => new LockClient(partsOf(`l${index + 1}`, index)),
    );
    const visitors = Array.from(
      { length: plan.visitors },
      (_, index) => new Visitor(partsOf(`v${index + 1}`, index)),
    );
    const { memberships } = plan;
    this.#operator = memberships && new Operator(partsOf("operator", 0), memberships);
    const operators = this.#operator === undefined ? [] : [this.#operator];
    this.#callers = Array.from(
      { length: plan.callers ?? 0 },
      (_, index) => new Caller(partsOf(`h${index + 1}`, index), port),
    );
    this.#readers = Array.from(
      { length: plan.readers ?? 0 },
      (_, index) => new EventReader(partsOf(`e${index + 1}`, index), port),
    );
    this.#bearers = Array.from(
      { length: plan.bearers ?? 0 },
      (_, index) => new TokenBearer(partsOf(`t${index + 1}`, index), port),
    );
    const others = [...this.#callers, ...this.#readers, ...this.#bearers];
    this.#clients = [...workers, ...lockers, ...visitors, ...operators, ...others];
  }

  /** Whether the znodes that they work with stand: before, nobody but the setup does anything. */
  get isSetUp(): boolean {
    return this.#isSetUp;
  }

  /** Operations begun so far, pings, handshakes and the setup aside. */
  get operationCount(): number {
    return this.#recorder.operationCount - this.#setupCount;
  }

  /** Whether they have begun as many operations as the plan has. */
  get isSpent(): boolean {
    return this.operationCount >= this.#plan.operations;
  }

  /** Whether nothing is unanswered and nobody stands still; sessions may be without a connection. */
  get isQuiet(): boolean {
    for (const session of this.#sessions()) if (!session.isQuiet) return false;
    return [...this.#callers, ...this.#bearers].every(({ isQuiet }) => isQuiet);
  }

  /** Whether the members are those that were asked for last. */
  get isReconfigured(): boolean {
    return this.#operator?.isDone ?? true;
  }

  /** Changes of the members that were done. */
  get reconfigurations(): number {
    return this.#operator?.doneCount ?? 0;
  }

  /** No other members are asked for than those that are about to come. */
  settleMembers(): void {
    this.#operator?.settle();
  }

  /** Begins the setup, and behind it the work. */
  start(): void {
    this.#setup.start();
  }

  /** Nobody begins anything more; sessions are kept, but none is made, and answers are taken. */
  stop(): void {
    this.#isStopped = true;
    this.#setup.session.stop();
    for (const client of this.#clients) client.stop();
  }

  /** All are gone without a word: their sessions expire. */
  abandon(): void {
    this.stop();
    for (const session of this.#sessions()) session.abandon();
    for (const caller of this.#callers) caller.abandon();
    for (const reader of this.#readers) reader.abandon();
  }

  /** What they did and were told so far. It goes on to change while they work. */
  history(): ClientHistory {
    return this.#recorder.history();
  }

  #begin(): void {
    this.#isSetUp = true;
    this.#setupCount = this.#recorder.operationCount;
    if (this.#isStopped) return;
    for (const client of this.#clients) client.start();
  }

  *#sessions(): Generator<SessionClient> {
    yield this.#setup.session;
    for (const { sessions } of this.#clients) yield* sessions;
  }
}
