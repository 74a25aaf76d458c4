/**
 * Which pages may read answers: none, unless CORS_ORIGINS names their origin. Credentials of the browser's own
 * (cookies) are never asked for: a page shows a token, which it has itself. Pages that are not named get no such
 * header, so that they learn nothing.
 */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { shutReason } from "./access.ts";
import type { App } from "./documents.ts";
import type { SettingsMemory } from "./settings-memory.ts";

const METHODS: readonly string[] = ["GET", "PUT", "POST", "DELETE"];

/** What callers send besides what any page may send. */
const REQUEST_HEADERS: readonly string[] = [
  "authorization",
  "content-type",
  "idempotency-key",
  "if-held",
  "if-match",
  "if-none-match",
  "last-event-id",
  "min-zxid",
  "session",
  "traceparent",
];

/** What they may see besides what any page may see. */
const RESPONSE_HEADERS: readonly string[] = ["as-of", "etag", "location", "retry-after", "zxid"];

/** A browser asks again after so long. */
const MAX_AGE_S = 600;

/** Answers what browsers ask beforehand, and lets pages of the origins that are named read the rest. */
export function corsOf(settings: SettingsMemory): MiddlewareHandler<App> {
  return async (context, next) => {
    const origin = context.req.header("origin");
    const { corsOrigins } = settings.of(context.env).doors;
    const isNamed = origin !== undefined && (corsOrigins.includes("*") || corsOrigins.includes(origin));
    // A WebSocket is not bound by these rules, and its answer must not be made anew.
    if (!isNamed || context.req.header("upgrade") !== undefined) return await next();
    if (shutReason(context.env) !== undefined) return await next();
    const allowed = cors({
      origin: corsOrigins.includes("*") ? "*" : origin,
      allowMethods: [...METHODS],
      allowHeaders: [...REQUEST_HEADERS],
      exposeHeaders: [...RESPONSE_HEADERS],
      maxAge: MAX_AGE_S,
    });
    return await allowed(context, next);
  };
}
