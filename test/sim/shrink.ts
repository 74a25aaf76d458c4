/**
 * Makes a failing run smaller: fewer faults, fewer clients, less work, as long as the same check still fails. Faults
 * are left out in halves, then quarters, and so on down to one. Source: Zeller and Hildebrandt, "Simplifying and
 * Isolating Failure-Inducing Input" (2002), ddmin without its second half.
 */
import type { Failure, RunResult, SimPlan } from "./plan.ts";
import type { TimedFault } from "../../src/world/fault.ts";

/** A failing run, as small as it became. */
export interface Shrunk {
  readonly plan: SimPlan;
  readonly failure: Failure;
  /** How many runs that took. */
  readonly runs: number;
}

/** Shrinks for at most so many runs. */
export function shrink(
  plan: SimPlan,
  failure: Failure,
  run: (plan: SimPlan) => RunResult,
  runsMax: number,
): Shrunk {
  return new Shrinker(plan, failure, run, runsMax).shrink();
}

/** Clients of which there may be fewer. */
type People = "workers" | "lockClients" | "visitors" | "callers" | "readers" | "bearers";

class Shrinker {
  #plan: SimPlan;
  #failure: Failure;
  #runs = 0;
  readonly #run: (plan: SimPlan) => RunResult;
  readonly #runsMax: number;

  constructor(plan: SimPlan, failure: Failure, run: (plan: SimPlan) => RunResult, runsMax: number) {
    this.#plan = plan;
    this.#failure = failure;
    this.#run = run;
    this.#runsMax = runsMax;
  }

  shrink(): Shrunk {
    for (let before = -1; before !== this.#size() && this.#runs < this.#runsMax;) {
      before = this.#size();
      this.#withLessWork();
      this.#withFewerFaults();
      this.#withFewerReplicas();
    }
    return { plan: this.#plan, failure: this.#failure, runs: this.#runs };
  }

  #size(): number {
    const { faults, clients, world } = this.#plan;
    const { workers, lockClients, visitors, operations, callers = 0, readers = 0, bearers = 0 } = clients;
    const people = workers + lockClients + visitors + callers + readers + bearers;
    return faults.length + people + operations + (world.observers ?? 0);
  }

  /** Takes the plan over where it fails the same check. */
  #try(plan: SimPlan): boolean {
    if (this.#runs >= this.#runsMax) return false;
    this.#runs++;
    const { failure } = this.#run(plan);
    if (failure?.check !== this.#failure.check) return false;
    this.#plan = plan;
    this.#failure = failure;
    return true;
  }

  #withFewerFaults(): void {
    for (let size = Math.ceil(this.#plan.faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from < this.#plan.faults.length;) {
        const faults = without(this.#plan.faults, from, size);
        // What stands at `from` now is another stretch: it is looked at next.
        if (!this.#try({ ...this.#plan, faults })) from += size;
      }
    }
  }

  #withLessWork(): void {
    while (this.#plan.clients.operations > 1) {
      const { clients } = this.#plan;
      const operations = Math.floor(clients.operations / 2);
      if (!this.#try({ ...this.#plan, clients: { ...clients, operations } })) break;
    }
    this.#fewer("workers", 1);
    this.#fewer("lockClients", 0);
    this.#fewer("visitors", 0);
    this.#fewer("callers", 0);
    this.#fewer("readers", 0);
    this.#fewer("bearers", 0);
  }

  #fewer(who: People, least: number): void {
    for (let count = this.#plan.clients[who] ?? 0; count > least; count--) {
      const { clients } = this.#plan;
      if (!this.#try({ ...this.#plan, clients: { ...clients, [who]: count - 1 } })) break;
    }
  }

  #withFewerReplicas(): void {
    for (let { observers = 0 } = this.#plan.world; observers > 0; observers--) {
      const { world } = this.#plan;
      // Where members change every sid stays: it may be asked for.
      const spares = world.spares === undefined ? {} : { spares: world.spares + 1 };
      if (!this.#try({ ...this.#plan, world: { ...world, ...spares, observers: observers - 1 } })) break;
    }
  }
}

function without(faults: readonly TimedFault[], from: number, count: number): readonly TimedFault[] {
  return [...faults.slice(0, from), ...faults.slice(from + count)];
}
