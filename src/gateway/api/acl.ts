/** Access control lists of znodes. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { type Acl, PERMS } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { CallRequest } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { consistencyQuery, statDocument, statSchema } from "./schemas.ts";
import { writeHeaders } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

/** As many as anybody writes by hand, and more. */
const LINES_MAX = 1000;

const ID_CHARACTERS_MAX = 1000;

/** `"a3"`: how often the list was set. */
const ETAG = /^(?:W\/)?"a(\d{1,10})"$/;

const PERMISSIONS = ["read", "write", "create", "delete", "admin"] as const;

const params = z.object({
  path: z
    .string()
    .describe("The path without its first slash; empty for the root.")
    .openapi({ example: "app/config" }),
});

const lineSchema = z
  .strictObject({
    scheme: z.string().max(ID_CHARACTERS_MAX).openapi({ example: "world" }),
    id: z.string().max(ID_CHARACTERS_MAX).openapi({ example: "anyone" }),
    permissions: z.array(z.enum(PERMISSIONS)).max(PERMISSIONS.length),
  })
  .openapi("AclLine");

const listSchema = z.array(lineSchema).max(LINES_MAX);

const documentSchema = z
  .object({
    path: z.string(),
    acl: listSchema.describe("Password hashes are shown to who may administer the znode."),
    stat: statSchema,
  })
  .openapi("Acl");

const show = createRoute({
  method: "get",
  path: "/acl/:path{.*}",
  summary: "Read the access control list of a znode",
  description: "For who may read the znode, or administer it. The ETag counts how often the list was set.",
  request: {
    params,
    query: queryOf({ consistency: consistencyQuery }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"] }),
  },
  responses: answers([400, 403, 404, 503], {
    200: { description: "The list.", content: { "application/json": { schema: documentSchema } } },
  }),
});

const set = createRoute({
  method: "put",
  path: "/acl/:path{.*}",
  summary: "Set the access control list of a znode",
  description: "It replaces the whole list. `If-Match: ETAG` sets it only where nobody has set it since.",
  request: {
    params,
    headers: z.object({
      "min-zxid": writeHeaders["min-zxid"],
      "if-match": z
        .string()
        .regex(ETAG, "an ETag as GET shows it")
        .optional()
        .describe("The ETag of the list that was read: only where it is that still, otherwise 412."),
    }),
    body: {
      required: true,
      content: { "application/json": { schema: z.strictObject({ acl: listSchema }) } },
    },
  },
  responses: answers([400, 403, 404, 412, 415, 503, 504, 507], {
    204: { description: "It is set." },
  }),
});

/** Adds the routes. */
export function addAcl(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(show, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = `/${context.req.valid("param").path}`;
    const isLinearizable = context.req.valid("query").consistency === "linearizable";
    const request: CallRequest = { kind: "read", request: { op: "getACL", path }, isLinearizable };
    const answer = await asker.ask(context, caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    const { zxid, response } = answer;
    if (response.op !== "getACL") return problemOf(context, answer);
    const { stat } = response;
    const document = { path, acl: response.acl.map(lineDocument), stat: statDocument(stat) };
    const headers = { zxid: zxidDigits(zxid), etag: `"a${stat.aversion}"`, "cache-control": "no-cache" };
    return json(context, 200, document, headers);
  });
  api.openapi(set, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = `/${context.req.valid("param").path}`;
    const [, aversion] = ETAG.exec(context.req.valid("header")["if-match"] ?? "") ?? [];
    const acl = context.req.valid("json").acl.map(lineOf);
    const version = aversion === undefined ? -1 : Number(aversion);
    const request: CallRequest = { kind: "write", request: { op: "setACL", path, acl, version } };
    const answer = await asker.ask(context, caller, { request, isRepeatable: false });
    if (answer instanceof Response) return answer;
    if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}

function lineDocument({ scheme, id, perms }: Acl): z.infer<typeof lineSchema> {
  return { scheme, id, permissions: PERMISSIONS.filter((name) => (perms & PERMS[name]) !== 0) };
}

function lineOf({ scheme, id, permissions }: z.infer<typeof lineSchema>): Acl {
  return { scheme, id, perms: permissions.reduce((sum, name) => sum | PERMS[name], 0) };
}
