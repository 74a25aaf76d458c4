/** What callers are told whose requests are not as the schemas want them. */
import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type App, problem } from "../documents.ts";

/** A part of a request is not as its schema wants. */
export function notValid(context: Context<App>, error: Pick<z.ZodError, "issues">): Response {
  return problem(context, 400, "bad-request", issuesOf(error));
}

/** A body is no JSON: as Hono says it. */
export function malformed(context: Context<App>): Response {
  return problem(context, 400, "bad-request", "Malformed JSON in request body");
}

function issuesOf({ issues }: Pick<z.ZodError, "issues">): string {
  return issues.map(({ path, message }) => `${path.join(".") || "the request"}: ${message}`).join("; ");
}
