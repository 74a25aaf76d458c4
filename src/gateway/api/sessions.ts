/** Sessions without a socket: what is ephemeral goes with them, and any request in one keeps it alive. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../../base/error-code.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { sessionText, sessionTextOf } from "./schemas.ts";
import { createRoute } from "./routes.ts";

const bodySchema = z.strictObject({
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .default(30_000)
    .describe("It ends when nothing was asked in it for so long: from 2 s to a day, else the nearest."),
});

const sessionSchema = z
  .object({
    session: sessionText,
    timeoutMs: z.number().int().describe("What it got of what was asked for."),
  })
  .openapi("Session");

const headers = z.object({ session: sessionText.describe("The session, as POST gave it.") });

const open = createRoute({
  method: "post",
  path: "/sessions",
  summary: "Make a session",
  description:
    "Keep its text secret: whoever has it may use it. A lost answer leaves one that ends by itself.",
  request: { body: { required: true, content: { "application/json": { schema: bodySchema } } } },
  responses: answers([400, 415, 503, 504, 507], {
    201: { description: "It is made.", content: { "application/json": { schema: sessionSchema } } },
  }),
});

const renew = createRoute({
  method: "put",
  path: "/sessions",
  summary: "Keep a session alive",
  description: "Its whole timeout lies ahead again, counted from when this was sent.",
  request: { headers },
  responses: answers([400, 409, 410, 503, 504], { 204: { description: "It lives." } }),
});

const close = createRoute({
  method: "delete",
  path: "/sessions",
  summary: "End a session",
  description: "Its ephemerals go with it, and the locks that it holds.",
  request: { headers },
  responses: answers([400, 409, 410, 503, 504], { 204: { description: "It is over." } }),
});

/** Adds the routes. */
export function addSessions(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(open, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { timeoutMs } = context.req.valid("json");
    const request = { kind: "openSession", timeoutMs } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: false });
    if (answer instanceof Response) return answer;
    const { zxid, response } = answer;
    if (response.op !== "session") return problemOf(context, answer);
    const made = { session: sessionTextOf(response.session), timeoutMs: response.timeoutMs };
    return json(context, 201, made, { zxid: zxidDigits(zxid) });
  });
  for (const [route, request] of [
    [renew, { op: "sync", path: "" }],
    [close, { op: "closeSession" }],
  ] as const) {
    api.openapi(route, async (context) => {
      const caller = await asker.callerOf(context);
      if (caller === undefined) return unknownCaller(context);
      const isRepeatable = request.op === "sync";
      const answer = await asker.ask(context, caller, { request: { kind: "write", request }, isRepeatable });
      if (answer instanceof Response) return answer;
      if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
      return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
    });
  }
}
