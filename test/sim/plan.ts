/** A simulated run as plain data: a seed and a plan give the same run, byte for byte. */
import type { RunCounts } from "./counts.ts";
import type { ClientPlan } from "./clients/client-plan.ts";
import type { TimedFault } from "../../src/world/fault.ts";
import type { WorldOptions } from "../../src/world/setting.ts";

/** Everything that a run is made of. Written to test/sim/kept where a run shall be made forever. */
export interface SimPlan {
  readonly seed: number;
  readonly world: WorldOptions;
  readonly clients: ClientPlan;
  /** From the moment the ensemble first served. */
  readonly faults: readonly TimedFault[];
  /** Faults end, and clients go on without any, at this time at the latest: ms from when the ensemble first served. */
  readonly faultsUntilMs: number;
  /** Whether all clients go without a word in the end, and the run lasts until their sessions must be over. */
  readonly isAbandoned: boolean;
}

/** How a run ended that did not pass. */
export interface Failure {
  /**
   * A named check failed; the code under test threw, and no check noticed anything; or the run was not done within its
   * bound of simulated time.
   */
  readonly kind: "violation" | "crash" | "stuck";
  /** The name of the check, `crash` or `converges`. */
  readonly check: string;
  readonly what: string;
  /** When, in ms of the world's clock. */
  readonly atMs: number;
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  /** Undefined where all held. */
  readonly failure: Failure | undefined;
  readonly counts: RunCounts;
}
