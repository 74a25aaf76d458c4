/** What every route answers with, and what it is configured with. */
import type { Context } from "hono";
import type { ReplicaEnv } from "../durable/replica-env.ts";
import type { AccessEnv } from "./access.ts";

/** Everything the Worker is configured with. */
export interface GatewayEnv extends ReplicaEnv, AccessEnv {
  /** Names of the ensembles served, separated by commas; `main` alone unless set. */
  readonly ENSEMBLES?: string;
}

/** What routes find in their context. */
export type App = { Bindings: GatewayEnv };

/** Errors are problem documents (RFC 9457) with a code that does not change. */
export function problem(
  context: Context<App>,
  status: 400 | 401 | 403 | 404 | 405 | 409 | 426 | 503,
  code: string,
  detail: string,
): Response {
  const body = { type: `urn:edgekeeper:problem:${code}`, title: code, status, code, detail };
  return context.json(body, status, { "content-type": "application/problem+json" });
}

/** The ensembles that the deployment serves. */
export function ensemblesOf(env: GatewayEnv): readonly string[] {
  return (env.ENSEMBLES ?? "main").split(",").map((name) => name.trim());
}

/** JSON that people can read in a terminal. */
export function document(context: Context<App>, value: unknown, status: 200 | 503 = 200): Response {
  return context.body(`${JSON.stringify(value, null, 2)}\n`, status, { "content-type": "application/json" });
}

/** There is no ensemble of that name. */
export function unknownEnsemble(context: Context<App>, ensemble: string): Response {
  const known = ensemblesOf(context.env).join(", ");
  return problem(context, 404, "no-such-ensemble", `"${ensemble}" is not one of: ${known}`);
}
