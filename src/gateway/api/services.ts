/** Service discovery for callers without a connection, in the znodes of Curator's x-discovery. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { nameOf } from "../../base/path.ts";
import type { TransactOperation } from "../../base/request.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { ChildData } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import { parseJson } from "./json-rules.ts";
import { waitQuery } from "./leases.ts";
import { failureOf, problemOf } from "./problems.ts";
import { consistencyQuery, knownHeader, readZxid, sessionIdText, sessionText } from "./schemas.ts";
import { writeHeaders, writeOf } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const SERVICES_PATH = "/services";

const INSTANCES_MAX = 1000;

const EPHEMERAL = 1;

const segment = z.string().regex(/^[^/]{1,200}$/, "one segment of a path");

const serviceName = segment
  .describe("`web` is the znode /services/web: Curator's basePath is /services.")
  .openapi({ example: "web" });

const instanceSchema = z.strictObject({
  address: z.string().min(1).max(1000),
  port: z.number().int().min(0).max(65_535).nullable().default(null),
  sslPort: z.number().int().min(0).max(65_535).nullable().default(null),
  payload: z
    .unknown()
    .optional()
    .openapi({ description: "Any JSON; Curator's clients want text or what they made." }),
  enabled: z.boolean().default(true),
});

const registeredSchema = z
  .object({
    service: z.string().describe("Its path."),
    id: z.string(),
  })
  .openapi("Registered");

const listSchema = z
  .object({
    service: z.string().describe("Its path."),
    complete: z.boolean().describe("False where there are more than a thousand."),
    instances: z.array(
      z.looseObject({
        id: z.string(),
        session: z.string().nullable().describe("The id of the session that it goes with."),
        since: z.number().describe("When it was registered, in Unix milliseconds."),
        address: z.string().optional(),
        port: z.number().nullable().optional(),
      }),
    ),
  })
  .openapi("ServiceInstances");

const services = createRoute({
  method: "get",
  path: "/services",
  summary: "List services",
  request: {
    query: queryOf({ consistency: consistencyQuery }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"] }),
  },
  responses: answers([400, 403, 503], {
    200: {
      description: "Their names.",
      content: { "application/json": { schema: z.object({ services: z.array(z.string()) }) } },
    },
  }),
});

const list = createRoute({
  method: "get",
  path: "/services/:name",
  summary: "List the instances of a service",
  description:
    "All of one state. With `wait` and `If-None-Match: ETAG` it answers when an instance has come, gone or changed.",
  request: {
    params: z.object({ name: serviceName }),
    query: queryOf({ consistency: consistencyQuery, wait: waitQuery }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"], "if-none-match": knownHeader }),
  },
  responses: answers([400, 403, 503], {
    200: { description: "The instances.", content: { "application/json": { schema: listSchema } } },
    304: { description: "It is as If-None-Match says." },
  }),
});

const register = createRoute({
  method: "post",
  path: "/services/:name",
  summary: "Register an instance of a service",
  description: "It goes with the `Session`: make one by POST /sessions, and keep it alive by PUT /sessions.",
  request: {
    params: z.object({ name: serviceName }),
    headers: z.object({
      ...writeHeaders,
      session: sessionText.describe("The session that the instance goes with."),
    }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: instanceSchema.extend({ id: segment.optional().describe("A UUID unless said otherwise.") }),
        },
      },
    },
  },
  responses: answers([400, 403, 409, 410, 412, 415, 422, 503, 504, 507], {
    201: {
      description: "It is registered.",
      content: { "application/json": { schema: registeredSchema } },
    },
  }),
});

const instanceParams = z.object({ name: serviceName, id: segment.describe("The id of the instance.") });

const replace = createRoute({
  method: "put",
  path: "/services/:name/:id",
  summary: "Change what is told of an instance",
  request: {
    params: instanceParams,
    headers: z.object(writeHeaders),
    body: { required: true, content: { "application/json": { schema: instanceSchema } } },
  },
  responses: answers([400, 403, 404, 409, 410, 412, 415, 422, 503, 504, 507], {
    204: { description: "It is changed." },
  }),
});

const deregister = createRoute({
  method: "delete",
  path: "/services/:name/:id",
  summary: "Take an instance out of a service",
  request: { params: instanceParams, headers: z.object(writeHeaders) },
  responses: answers([400, 403, 404, 409, 410, 412, 422, 503, 504], { 204: { description: "It is out." } }),
});

/** Adds the routes. */
export function addServices(api: OpenAPIHono<App>, asker: Asker): void {
  addLists(api, asker);
  api.openapi(register, async (context) => {
    const { name } = context.req.valid("param");
    const { id = crypto.randomUUID(), ...instance } = context.req.valid("json");
    const service = `${SERVICES_PATH}/${name}`;
    const data = instanceData({ name, id, ...instance });
    const path = `${service}/${id}`;
    const create = { op: "create2", path, data, acl: OPEN_ACL, flags: EPHEMERAL, ttlMs: 0 } as const;
    // A repeated request is given another id, and another time: what was asked for is the same.
    const asked = ["register", service, context.req.valid("json")];
    const answer = await written(context, asker, { operation: create, ensured: service, asked });
    if (answer instanceof Response) return answer;
    const result = answer.response.op === "multi" ? answer.response.results.at(-1) : undefined;
    if (result?.op !== "create2") throw new Error("an instance that is not created");
    const registered = { service, id: nameOf(result.path) };
    return json(context, 201, registered, { zxid: zxidDigits(answer.zxid) });
  });
  api.openapi(replace, async (context) => {
    const { name, id } = context.req.valid("param");
    const instance = context.req.valid("json");
    const path = `${SERVICES_PATH}/${name}/${id}`;
    const data = instanceData({ name, id, ...instance });
    const operation = { op: "setData", path, data, version: -1 } as const;
    const answer = await written(context, asker, { operation, asked: ["replace", path, instance] });
    if (answer instanceof Response) return answer;
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
  api.openapi(deregister, async (context) => {
    const { name, id } = context.req.valid("param");
    const path = `${SERVICES_PATH}/${name}/${id}`;
    const answer = await written(context, asker, { operation: { op: "delete", path, version: -1 } });
    if (answer instanceof Response) return answer;
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}

function addLists(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(services, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const isLinearizable = context.req.valid("query").consistency === "linearizable";
    const getChildren = { op: "getChildren2", path: SERVICES_PATH, watch: false } as const;
    const request = { kind: "read", request: getChildren, isLinearizable } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    const { code, response, zxid } = answer;
    if (code !== ERROR_CODES.ok && code !== ERROR_CODES.noNode) return problemOf(context, answer);
    const found = response.op === "children2" ? response.children : [];
    return json(context, 200, { services: found }, { zxid: zxidDigits(zxid) });
  });
  api.openapi(list, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = `${SERVICES_PATH}/${context.req.valid("param").name}`;
    const { consistency: asked, wait: waitMs } = context.req.valid("query");
    const [, digits] = /"(\d{20})"/.exec(context.req.header("if-none-match") ?? "") ?? [];
    const change = digits === undefined || waitMs === 0 ? undefined : { known: readZxid(digits), waitMs };
    const isLinearizable = asked === "linearizable";
    const request = { kind: "children", path, limit: INSTANCES_MAX, isLinearizable, change } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true, waitMs });
    if (answer instanceof Response) return answer;
    const { response, zxid } = answer;
    if (response.op !== "childrenData") return problemOf(context, answer);
    const etag = `"${zxidDigits(response.state)}"`;
    const headers = { zxid: zxidDigits(zxid), etag, "cache-control": "no-cache" };
    if (etag === `"${digits ?? ""}"`) return new Response(null, { status: 304, headers });
    const instances = response.children.map(instanceDocument);
    return json(context, 200, { service: path, complete: response.isAll, instances }, headers);
  });
}

/** As Curator's JsonInstanceSerializer writes an instance. */
function instanceData(
  instance: z.infer<typeof instanceSchema> & { readonly name: string; readonly id: string },
): Uint8Array {
  const { name, id, address, port, sslPort, payload = null, enabled } = instance;
  const place = { name, id, address, port, sslPort, payload };
  const rest = { registrationTimeUTC: Date.now(), serviceType: "DYNAMIC", uriSpec: null, enabled };
  return new TextEncoder().encode(JSON.stringify({ ...place, ...rest }));
}

/** Clients of the wire may have written anything: what is no instance is shown by its name alone. */
function instanceDocument({ name, data, stat }: ChildData): object {
  const parsed = parseJson(new TextDecoder().decode(data ?? new Uint8Array()))?.value;
  const told = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : {};
  return { ...told, id: name, session: sessionIdText(stat.ephemeralOwner), since: stat.ctime };
}

async function written(
  context: Context<App>,
  asker: Asker,
  {
    operation,
    ...parts
  }: { readonly operation: TransactOperation; readonly ensured?: string; readonly asked?: unknown },
): Promise<Answered | Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const question = await writeOf(context, caller, { operations: [operation], ...parts });
  const answer = await asker.ask(context, caller, question);
  if (answer instanceof Response) return answer;
  const failure = failureOf(answer);
  return failure === undefined ? answer : problemOf(context, failure);
}
