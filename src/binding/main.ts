/** `edgekeeper/binding`: what a Worker needs that is bound to Edgekeeper. */
export type * from "./binding.ts";
export { EdgekeeperError, type Problem, problemOf } from "./problem.ts";
export { signalOf } from "./signal-of.ts";
