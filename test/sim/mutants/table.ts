/** All deliberate defects. */
import { CALL_MUTANTS } from "./call-mutants.ts";
import { CONTEST_MUTANTS } from "./contest-mutants.ts";
import { DURABLE_MUTANTS } from "./durable-mutants.ts";
import { KEEPER_MUTANTS } from "./keeper-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { PARKING_MUTANTS } from "./parking-mutants.ts";
import { SESSION_MUTANTS } from "./session-mutants.ts";
import { STREAM_MUTANTS } from "./stream-mutants.ts";
import { TREE_MUTANTS } from "./tree-mutants.ts";
import { ZAB_MUTANTS } from "./zab-mutants.ts";

export { UNIT_CAUGHT } from "./unit-caught.ts";

/** Each must be found by a named check of the simulator. */
export const MUTANTS: readonly Mutant[] = [
  ...ZAB_MUTANTS,
  ...KEEPER_MUTANTS,
  ...SESSION_MUTANTS,
  ...PARKING_MUTANTS,
  ...TREE_MUTANTS,
  ...DURABLE_MUTANTS,
  ...CALL_MUTANTS,
  ...STREAM_MUTANTS,
  ...CONTEST_MUTANTS,
];
