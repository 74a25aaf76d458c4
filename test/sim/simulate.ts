/** Plays a plan, and judges what came of it. */
import { seededRng } from "../../src/base/rng.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import { isWriteRequest } from "../../src/keeper/link-codec.ts";
import { SESSION_LATE_MS_MAX } from "../../src/keeper/limits.ts";
import { DEFAULT_TIMING } from "../../src/zab/config.ts";
import type { Turn } from "../../src/keeper/turn.ts";
import { Clients } from "./clients/clients.ts";
import { guardOf } from "./clients/lock-client.ts";
import type { Calm, JumpAhead } from "./history/check-sessions.ts";
import { judge } from "./history/judge.ts";
import type { ClientHistory } from "./history/types.ts";
import { invariants } from "./invariants/invariants.ts";
import type { RunCounts } from "./counts.ts";
import type { Failure, RunResult, SimPlan } from "./plan.ts";
import { callText, operationText, Story } from "./story.ts";
import { Troubles } from "./troubles.ts";
import { Violation } from "./verdict.ts";
import type { MachineView, WorldObserver } from "../../src/world/observer.ts";
import { World } from "../../src/world/world.ts";

/** From the first start until all serve; nothing is wrong yet. */
const START_LIMIT_MS = 30_000;
/** From the end of the last fault until all replicas serve and agree. */
const CONVERGE_LIMIT_MS = 60_000;
/** From the end of the last fault until clients have what they asked for. */
const QUIET_LIMIT_MS = 60_000;
/** From the end of the last fault until the members are those that were asked for. */
const RECONFIGURE_LIMIT_MS = 60_000;
/** Clients work for so long at most after the last fault. */
const WORK_LIMIT_MS = 60_000;

/** What slow links add to how late an expiry may be: a poll, its answer and the proposal take so long at most. */
const NETWORK_LATE_MS = 1000;

/** From the alarm of who wakes first until there is a leader, where all is well. */
const WAKE_MS = 1000;

/** Plays a run to its end, or to its first failure. */
export function simulate(plan: SimPlan): RunResult {
  return new Run(plan).play();
}

/** The same run, written down. */
export function storyOf(plan: SimPlan): readonly string[] {
  const run = new Run(plan);
  const story = new Story(run.world);
  run.world.observers.push(story);
  const { failure } = run.play();
  for (const operation of run.history().operations) {
    const { client, startMs } = operation;
    story.tell(client, operationText(operation), startMs);
  }
  for (const call of run.history().calls ?? []) story.tell(call.client, callText(call), call.startMs);
  if (failure !== undefined) story.tell("CHECK", `${failure.check}: ${failure.what}`, failure.atMs);
  return story.inOrder();
}

class Run {
  readonly world: World;
  readonly #plan: SimPlan;
  readonly #clients: Clients;
  readonly #invariants: ReturnType<typeof invariants>;
  readonly #counter = new Counter();
  readonly #jumpsAhead: JumpAhead[] = [];
  readonly #troubles: Troubles;
  readonly #calm: Calm[] = [];
  #undecided = 0;
  #isLost = false;

  constructor(plan: SimPlan) {
    this.#plan = plan;
    this.world = new World(plan.world);
    this.#invariants = invariants(this.world, {});
    this.#troubles = new Troubles(() => this.world.nowMs);
    this.world.observers.push(this.#counter, this.#troubles, this.#invariants.observer, {
      fault: (fault) => {
        if (fault.kind !== "clockJump" || fault.byMs <= 0) return;
        this.#jumpsAhead.push({ sid: fault.sid, atMs: this.world.nowMs });
      },
    });
    this.#clients = new Clients({
      port: this.world,
      plan: plan.clients,
      rng: seededRng([plan.seed, 0x636c69, 0x656e74, 0x73]),
    });
  }

  play(): RunResult {
    const { seed } = this.#plan;
    try {
      this.#live();
      this.#invariants.finish();
      this.#judge();
    } catch (error) {
      if (error instanceof Stuck && this.world.isLost()) return this.#lost();
      return { seed, failure: this.#failureOf(error), counts: this.#counts() };
    }
    const [crash] = this.world.crashes;
    const failure = crash === undefined ? undefined : this.#failureOf(crash);
    return { seed, failure, counts: this.#counts() };
  }

  /** Nothing can be elected, and nothing may be made up: what clients were told must be right all the same. */
  #lost(): RunResult {
    const { seed } = this.#plan;
    this.#isLost = true;
    try {
      this.#judge();
    } catch (error) {
      return { seed, failure: this.#failureOf(error), counts: this.#counts() };
    }
    return { seed, failure: undefined, counts: this.#counts() };
  }

  history(): ClientHistory {
    return { ...this.#clients.history(), committed: this.#invariants.committed() };
  }

  #live(): void {
    const { world } = this;
    const { faults, faultsUntilMs } = this.#plan;
    world.startAll();
    this.#until("serves at first", () => world.isServing(), START_LIMIT_MS);
    for (const { atMs, fault } of faults) world.later(atMs, () => world.apply(fault));
    this.#clients.start();
    const fromMs = world.nowMs;
    // Without faults there is no need to wait for their end.
    const lastMs = faults.length === 0 ? 0 : faultsUntilMs;
    world.tryUntil(() => this.#clients.isSpent && world.nowMs >= fromMs + lastMs, faultsUntilMs);
    world.healAll();
    this.#until("converges", () => world.isServing(), CONVERGE_LIMIT_MS);
    world.tryUntil(() => this.#clients.isSpent, WORK_LIMIT_MS);
    this.#clients.settleMembers();
    this.#until("reconfigures", () => this.#clients.isReconfigured, RECONFIGURE_LIMIT_MS);
    this.#clients.stop();
    this.#until("clients are answered", () => this.#clients.isQuiet, QUIET_LIMIT_MS);
    this.#until("converges", () => world.isConverged(), CONVERGE_LIMIT_MS);
    if (this.#plan.isAbandoned) this.#abandon();
  }

  /** Throws what is wrong with what clients were told. */
  #judge(): void {
    const violations = judge(this.history(), {
      guardOf,
      clockRateMax: clockRateMax(this.#plan),
      jumpsAhead: this.#jumpsAhead,
      isDisturbed: (fromMs, toMs) => this.#troubles.isDisturbed(fromMs, toMs),
      soundFromMs: (atMs, forMs) => this.#troubles.soundFromMs(atMs, forMs),
      expiryLateMs: this.#expiryLateMs,
      calm: this.#calm,
    });
    for (const violation of violations) {
      // Here the log is known, and every reply was held against it: the search would say no more.
      if (violation.check === "LinearizabilityUndecided") this.#undecided++;
      else throw violation;
    }
  }

  /** A wake is an election, and leaves a session whose time is up the heartbeat limit (ARCHITECTURE.md, dormancy). */
  get #expiryLateMs(): number {
    const { dormancy } = this.#plan.world;
    const wakeMs = dormancy === undefined ? 0 : DEFAULT_TIMING.heartbeatLimitMs + WAKE_MS;
    return SESSION_LATE_MS_MAX + NETWORK_LATE_MS + wakeMs + this.#parkedLateMs;
  }

  /** That a client is gone over which the ensemble sleeps is seen at the next wake, and its session begins again. */
  get #parkedLateMs(): number {
    const { parkedWakeMs = 0 } = this.#plan.world.dormancy ?? {};
    return parkedWakeMs === 0
      ? 0
      : parkedWakeMs + Math.max(...this.#plan.clients.sessionTimeoutsMs) + WAKE_MS;
  }

  /** All clients are gone without a word: their sessions expire in time, and what was theirs goes with them. */
  #abandon(): void {
    const { world } = this;
    // A link that went silent is found out by then: sessions of a replica that seems lost begin again.
    world.run(2 * DEFAULT_TIMING.heartbeatLimitMs);
    this.#clients.abandon();
    const fromMs = world.moment;
    const longestMs = Math.max(...this.#plan.clients.sessionTimeoutsMs);
    world.run(longestMs + this.#expiryLateMs + NETWORK_LATE_MS);
    this.#calm.push({ fromMs, toMs: world.moment });
    this.#until("converges", () => world.isConverged(), CONVERGE_LIMIT_MS);
  }

  #until(what: string, condition: () => boolean, limitMs: number): void {
    if (this.world.tryUntil(condition, limitMs)) return;
    throw new Stuck(`${what}: not within ${limitMs} ms\n${this.world.describe()}`);
  }

  #failureOf(error: unknown): Failure {
    const atMs = this.world.nowMs;
    if (error instanceof Violation) {
      return { kind: "violation", check: error.check, what: error.message, atMs };
    }
    if (error instanceof Stuck) {
      const crashes = this.world.crashes.map(({ stack }) => stack);
      const what = [error.message, ...new Set(crashes)].join("\n");
      return { kind: "stuck", check: "converges", what, atMs };
    }
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: "crash", check: "crash", what, atMs };
  }

  #counts(): RunCounts {
    const { operations, events, sessions, holds, readings = [] } = this.#clients.history();
    const answered = operations.filter(({ outcome }) => outcome.kind === "answered");
    return {
      ...this.#counter.counts,
      operations: answered.length,
      writes: answered.filter(({ request }) => isWriteRequest(request)).length,
      unknown: operations.length - answered.length,
      events: events.length,
      streamed: readings.reduce((sum, { told }) => sum + told.length, 0),
      expiries: sessions.filter(({ expiredMs }) => expiredMs !== undefined).length,
      holds: holds.length,
      reconfigurations: this.#clients.reconfigurations,
      undecided: this.#undecided,
      lost: this.#isLost ? 1 : 0,
      committed: this.#invariants.committed().length,
      simulatedMs: Math.round(this.world.nowMs),
    };
  }
}

/** How much faster than the world's clock any replica's ran. */
function clockRateMax({ faults }: SimPlan): number {
  const rates = faults.map(({ fault }) => (fault.kind === "clockRate" ? fault.rate : 1));
  return Math.max(1, ...rates);
}

/** Not done within the bound of simulated time. */
class Stuck extends Error {
  override readonly name = "Stuck";
}

/** Counts what happens. */
class Counter implements WorldObserver {
  readonly counts = { faults: 0, starts: 0, snapshots: 0, elections: 0, steps: 0 };

  started(): void {
    this.counts.starts++;
  }

  stepped(_machine: MachineView, _input: KeeperInput, turn: Turn): void {
    this.counts.steps++;
    if (turn.restart) this.counts.snapshots++;
    for (const action of turn.after) {
      if (action.kind === "log" && action.line.includes("phase leading discovery")) this.counts.elections++;
    }
  }

  fault(_fault: unknown, stage: "begins" | "ends"): void {
    if (stage === "begins") this.counts.faults++;
  }
}
