/** What every route answers with, and what it is configured with. */
import type { Context } from "hono";
import type { ReplicaEnv } from "../durable/replica-env.ts";
import type { AccessEnv } from "./access.ts";
import type { Bearer } from "./bearer.ts";
import type { RequestTrace } from "./request-trace.ts";

/** Everything the Worker is configured with. */
export interface GatewayEnv extends ReplicaEnv, AccessEnv {
  /** Names of the ensembles served, separated by commas; `main` alone unless set. */
  readonly ENSEMBLES?: string;
}

/** What routes find in their context. */
export type App = {
  Bindings: GatewayEnv;
  Variables: { readonly bearer?: Bearer; readonly host?: string; readonly trace?: RequestTrace };
};

/** The statuses that problems have. */
export type ProblemStatus =
  | (400 | 401 | 403 | 404 | 405 | 409 | 410 | 412 | 413 | 415 | 422 | 426 | 429)
  | (500 | 501 | 503 | 504 | 507);

/** What went wrong: `detail` says so to people, and `code`, which does not change, to programs. */
export interface Problem {
  readonly status: ProblemStatus;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the document tells besides. */
  readonly members?: object;
}

/** Errors are problem documents (RFC 9457) with a code that does not change. */
export function problem(
  context: Context<App>,
  status: ProblemStatus,
  code: string,
  detail: string,
): Response {
  return problemDocument(context, { status, code, detail });
}

/** A problem with headers of its own, or with more to tell. */
export function problemDocument(context: Context<App>, told: Problem): Response {
  const { status, code, detail, headers, members } = told;
  const body = { type: `urn:edgekeeper:problem:${code}`, title: code, status, code, detail, ...members };
  const type = { "content-type": "application/problem+json" };
  return context.body(`${JSON.stringify(body)}\n`, status, { ...headers, ...type });
}

/** The ensembles that the deployment serves. */
export function ensemblesOf(env: GatewayEnv): readonly string[] {
  return (env.ENSEMBLES ?? "main").split(",").map((name) => name.trim());
}

/** Whether the deployment serves an ensemble of that name. */
export function knowsEnsemble(env: GatewayEnv, name: string): boolean {
  return env.ENSEMBLES === undefined ? name === "main" : ensemblesOf(env).includes(name);
}

/** JSON that people can read in a terminal. */
export function document(context: Context<App>, value: unknown, status: 200 | 503 = 200): Response {
  return context.body(`${JSON.stringify(value, null, 2)}\n`, status, { "content-type": "application/json" });
}

/** There is no ensemble of that name. Which there are is told to who speaks for the deployment. */
export function unknownEnsemble(context: Context<App>, ensemble: string): Response {
  const kind = context.get("bearer")?.kind;
  if (kind === "token")
    return problem(context, 401, "unauthorized", "there is no such token in this ensemble");
  if (kind === "signed") return problem(context, 403, "no-auth", "the token has no scope in this ensemble");
  const known = ensemblesOf(context.env).join(", ");
  return problem(context, 404, "no-such-ensemble", `"${ensemble}" is not one of: ${known}`);
}
