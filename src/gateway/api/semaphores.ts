/** Semaphores for callers without a connection, shared with Curator's InterProcessSemaphoreV2. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { OPEN_ACL } from "../../base/acl.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { encodePermits, permitsPath } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import {
  ACQUIRE_TEXT,
  acquireFields,
  acquireHeaders,
  acquireLease,
  contenderDocument,
  contenderFields,
  leaseFields,
} from "./leases.ts";
import { addLeaseRoutes, heldOf, type LeaseKind } from "./lease-routes.ts";
import { failureOf, problemOf } from "./problems.ts";
import { writeHeaders, writeOf } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";
import { consistencyQuery } from "./schemas.ts";

/** Of one semaphore: who holds and waits are read as a whole. */
const PERMITS_MAX = 10_000;

const name = z
  .string()
  .describe("`pool` is the znode /semaphores/pool; a name that begins with / (as %2F) is a path of its own.")
  .openapi({ example: "pool" });

const params = z.object({ name });

const permits = z.number().int().min(1).max(PERMITS_MAX);

const acquireSchema = z.strictObject({
  permits: permits.describe("How many may hold one: all must say the same number, which the first one sets."),
  ...acquireFields,
});

const leaseSchema = z
  .object({
    semaphore: z.string().describe("Its path: `If-Held: PATH@TOKEN` guards writes."),
    ...leaseFields,
  })
  .openapi("Permit");

const queueSchema = z
  .object({
    semaphore: z.string().describe("Its path."),
    permits: z.number().int().nullable().describe("How many there are; null where nobody has said so yet."),
    count: z.number().int().describe("Holders and waiters."),
    queue: z.array(z.object(contenderFields)).describe("A hundred of each, holders first, the oldest first."),
  })
  .openapi("SemaphoreQueue");

const SEMAPHORES: LeaseKind = {
  what: "semaphore",
  parent: "/semaphores",
  name,
  lease: leaseSchema,
  renew: { summary: "Keep a permit", done: "It is still held." },
  release: { summary: "Give a permit back", done: "It is not held any more." },
  force: { summary: "Take a permit away from its holder", done: "It is free again." },
  verbs: ["release", "acquire"],
};

const acquire = createRoute({
  method: "post",
  path: "/semaphores/:name{.+}/acquire",
  summary: "Take a permit of a semaphore",
  description: `${ACQUIRE_TEXT} 409 \`permits-differ\` where another number of permits is agreed upon.`,
  request: {
    params,
    headers: z.object(acquireHeaders),
    body: { required: true, content: { "application/json": { schema: acquireSchema } } },
  },
  responses: answers([400, 403, 409, 410, 415, 422, 503, 504, 507], {
    200: { description: "It is held.", content: { "application/json": { schema: leaseSchema } } },
  }),
});

const show = createRoute({
  method: "get",
  path: "/semaphores/:name{.+}",
  summary: "See who has permits, and who waits",
  request: {
    params,
    query: queryOf({ consistency: consistencyQuery }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"] }),
  },
  responses: answers([400, 503], {
    200: { description: "The queue.", content: { "application/json": { schema: queueSchema } } },
  }),
});

const resize = createRoute({
  method: "put",
  path: "/semaphores/:name{.+}",
  summary: "Set how many permits a semaphore has",
  description:
    "Nobody who has a permit loses it: where there are fewer from now on, nobody gets one until enough are given " +
    "back. Who waits under another number is told `permits-differ` in its turn.",
  request: {
    params,
    headers: z.object(writeHeaders),
    body: { required: true, content: { "application/json": { schema: z.strictObject({ permits }) } } },
  },
  responses: answers([400, 403, 409, 410, 412, 415, 422, 503, 504, 507], {
    204: { description: "So many there are." },
  }),
});

/** Adds the routes. */
export function addSemaphores(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(acquire, async (context) => {
    const held = heldOf(SEMAPHORES, context.req.valid("param").name);
    return await acquireLease(context, asker, held, { mode: "permit", ...context.req.valid("json") });
  });
  addLeaseRoutes(api, asker, SEMAPHORES);
  api.openapi(show, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { path } = heldOf(SEMAPHORES, context.req.valid("param").name);
    const isLinearizable = context.req.valid("query").consistency === "linearizable";
    const request = { kind: "queue", of: "semaphore", path, isLinearizable } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    const { response, zxid } = answer;
    if (response.op !== "queue") return problemOf(context, answer);
    const { permits: agreed = null, count } = response;
    const queue = response.contenders.map(contenderDocument);
    const shown = { semaphore: path, permits: agreed, count, queue };
    return json(context, 200, shown, { zxid: zxidDigits(zxid) });
  });
  api.openapi(resize, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { path } = heldOf(SEMAPHORES, context.req.valid("param").name);
    const data = encodePermits(context.req.valid("json").permits);
    const put = { op: "put", path: permitsPath(path), data, acl: OPEN_ACL } as const;
    const question = await writeOf(context, caller, { operations: [put], ensured: path });
    const answer = await asker.ask(context, caller, question);
    if (answer instanceof Response) return answer;
    const failure = failureOf(answer);
    if (failure !== undefined) return problemOf(context, failure);
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}
