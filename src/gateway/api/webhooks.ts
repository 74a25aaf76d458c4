/** Webhooks: changes as requests, for those who cannot hold one open. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { hookUrlProblem } from "../../base/hook-url.ts";
import { pathProblem } from "../../base/path.ts";
import { readSettings } from "../../base/settings.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { toBase64 } from "../../durable/call-record.ts";
import {
  type CallRequest,
  HOOK_SECRET_PREFIX,
  isHookName,
  type KnownHook,
  POSITION_TEXT,
} from "../../durable/entry.ts";
import { type App, problem, problemDocument } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { createRoute } from "./routes.ts";

const SECRET_BYTES = 32;

const name = z
  .string()
  .refine(isHookName, "64 letters, digits, dots, dashes and underscores at most")
  .openapi({ example: "deploys" });

const since = z.string().regex(POSITION_TEXT, "the id of an event, or a Zxid").optional();

const shown = {
  name: z.string(),
  url: z.string(),
  path: z.string(),
  part: z.enum(["data", "children", "node", "recursive"]),
  createdAt: z.string(),
  position: z.string().describe("The id of the last event that it has taken, or need not hear."),
  failures: z.number().int().describe("Attempts that failed since the last one that did not."),
  error: z.string().nullable().describe("Why the last attempt failed."),
  deliveredAt: z.string().nullable(),
  disabled: z.string().nullable().describe("Why nothing is delivered any more."),
} as const;

const hookSchema = z.object(shown).openapi("Webhook");

const create = createRoute({
  method: "post",
  path: "/webhooks",
  summary: "Be told of changes by requests",
  description:
    "For who has the deployment's secret, or `admin` on `/`. Each change that everybody may read is sent to `url`, " +
    "in order, again until it is answered by 2xx, and so at least once: `id` tells what you have already. Signed as " +
    "Standard Webhooks has it.",
  request: {
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({
            name,
            url: z.string().max(2000).openapi({ example: "https://example.com/hook" }),
            path: z.string().openapi({ example: "/app/config" }),
            part: shown.part.default("recursive"),
            since: since.describe("Tells what happened behind this; from now on without it."),
          }),
        },
      },
    },
  },
  responses: answers([400, 412, 415, 501, 503, 504, 507], {
    201: {
      description: "It is made.",
      content: {
        "application/json": {
          schema: z.object({ name: z.string(), secret: z.string().describe("Shown this once.") }),
        },
      },
    },
  }),
});

const list = createRoute({
  method: "get",
  path: "/webhooks",
  summary: "List the webhooks, and how they do",
  responses: answers([501, 503], {
    200: {
      description: "All of them.",
      content: { "application/json": { schema: z.object({ webhooks: z.array(hookSchema) }) } },
    },
  }),
});

const resume = createRoute({
  method: "post",
  path: "/webhooks/:name/resume",
  summary: "Go on with a webhook, whatever had disabled it",
  request: {
    params: z.object({ name: name.describe("What it was called when it was made.") }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({ since: since.describe("Where it is to go on; where it was without it.") }),
        },
      },
    },
  },
  responses: answers([400, 415, 501, 503, 504, 507], { 204: { description: "It goes on." } }),
});

const remove = createRoute({
  method: "delete",
  path: "/webhooks/:name",
  summary: "End a webhook",
  request: { params: z.object({ name: name.describe("What it was called when it was made.") }) },
  responses: answers([400, 501, 503, 504], { 204: { description: "Nothing is sent any more." } }),
});

/** Adds the routes. */
export function addWebhooks(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(create, async (context) => {
    const { url, path, part, ...rest } = context.req.valid("json");
    const isDevelopment = context.env.EDGEKEEPER_DEV === "1";
    const wrongUrl = hookUrlProblem(url, isDevelopment);
    if (wrongUrl !== undefined) return problem(context, 400, "bad-url", `url: ${wrongUrl}`);
    const wrongPath = pathProblem(path);
    if (wrongPath !== undefined) return problem(context, 400, "bad-path", wrongPath);
    const secret = HOOK_SECRET_PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    const record = { url, path, part, secret };
    const request = { kind: "createHook", name: rest.name, record, since: rest.since } as const;
    const answer = await askFor(context, asker, request);
    if (answer instanceof Response) return answer;
    const headers = { zxid: zxidDigits(answer.zxid), "cache-control": "no-store" };
    return json(context, 201, { name: rest.name, secret }, headers);
  });
  api.openapi(list, async (context) => {
    const answer = await askFor(context, asker, { kind: "listHooks" });
    if (answer instanceof Response) return answer;
    if (answer.response.op !== "hooks") return problemOf(context, answer);
    const webhooks = answer.response.hooks.map(hookDocument);
    return json(context, 200, { webhooks }, { zxid: zxidDigits(answer.zxid) });
  });
  api.openapi(resume, async (context) => {
    const request = {
      kind: "resumeHook",
      name: context.req.valid("param").name,
      ...context.req.valid("json"),
    };
    const answer = await askFor(context, asker, { since: undefined, ...request } as CallRequest);
    return answer instanceof Response ? answer : done(answer);
  });
  api.openapi(remove, async (context) => {
    const request = { kind: "deleteHook", name: context.req.valid("param").name } as const;
    const answer = await askFor(context, asker, request);
    return answer instanceof Response ? answer : done(answer);
  });
}

/** The answer, where it is no problem. */
async function askFor(
  context: Context<App>,
  asker: Asker,
  request: CallRequest,
): Promise<Answered | Response> {
  if (!readSettings(context.env).webhooksEnabled) {
    return problem(context, 501, "not-enabled", "this deployment has no webhooks: set WEBHOOKS_ENABLED=1");
  }
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const answer = await asker.ask(context, caller, { request, isRepeatable: request.kind === "listHooks" });
  if (answer instanceof Response || answer.code === ERROR_CODES.ok) return answer;
  const headers = { zxid: zxidDigits(answer.zxid) };
  if (answer.code !== ERROR_CODES.noNode) return problemOf(context, answer);
  const detail = "there is no webhook of this name";
  return problemDocument(context, { status: 404, code: "no-such-webhook", detail, headers });
}

function done({ zxid }: Answered): Response {
  return new Response(null, { status: 204, headers: { zxid: zxidDigits(zxid) } });
}

function hookDocument(hook: KnownHook): z.infer<typeof hookSchema> {
  const { name, url, path, part, position, failures } = hook;
  const timeOf = (ms: number): string | null => (ms === 0 ? null : new Date(ms).toISOString());
  return {
    name,
    url,
    path,
    part,
    createdAt: new Date(hook.createdMs).toISOString(),
    position,
    failures,
    error: hook.error === "" ? null : hook.error,
    deliveredAt: timeOf(hook.deliveredMs),
    disabled: hook.disabled === "" ? null : hook.disabled,
  };
}
