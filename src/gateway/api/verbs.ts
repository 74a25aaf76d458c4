/** Verbs behind names of many segments: what is asked of a name by POST, and may not be taken for a part of it. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type App, problemDocument } from "../documents.ts";

/**
 * Who asks for one of the verbs by another method is told so: it means the verb, and not a name that ends so. To be
 * added before the routes of the names themselves, which would take it for one.
 */
export function onlyByPost(api: OpenAPIHono<App>, path: string, verbs: readonly string[]): void {
  for (const verb of verbs) {
    api.on(["GET", "PUT", "DELETE"], `${path}/${verb}`, (context) => refuse(context, verb));
  }
}

function refuse(context: Context<App>, verb: string): Response {
  const named = context.req.path.replace(/\/(?=[^/]*$)/, "%2F");
  const detail = `${verb} is asked for by POST; of a name that ends so the last slash is %2F: ${named}`;
  const headers = { allow: "POST" };
  return problemDocument(context, { status: 405, code: "method-not-allowed", detail, headers });
}
