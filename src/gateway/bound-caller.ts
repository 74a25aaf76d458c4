/**
 * Who asks through the service binding. The platform has seen to it that only a Worker of the deployment's own account
 * can; so no secret is asked for. The caller stands in the environment under a symbol: no variable, header or body can
 * put one there.
 */
import type { HandedOver } from "../durable/handed-over.ts";

const CALLER = Symbol("bound caller");

/** The environment of a request that comes through the binding. */
export function withBoundCaller<Env extends object>(env: Env, caller: HandedOver): Env {
  return { ...env, [CALLER]: caller };
}

/** The caller, where the request comes through the binding. */
export function boundCaller(env: object): HandedOver | undefined {
  return (env as { readonly [CALLER]?: HandedOver })[CALLER];
}
