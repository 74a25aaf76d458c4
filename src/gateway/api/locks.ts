/** Locks for callers without a connection, in the queues of Curator's and kazoo's. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { zxidDigits } from "../../base/zxid.ts";
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
  leaseBodySchema,
  leaseFields,
  releaseLease,
  renewLease,
} from "./leases.ts";
import { addLeaseRoutes, heldOf, type LeaseKind } from "./lease-routes.ts";
import { lockPath, LOCKS_PATH } from "./lock-path.ts";
import { problemOf } from "./problems.ts";
import { writeHeaders } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";
import { consistencyQuery } from "./schemas.ts";

const name = z
  .string()
  .describe(
    "`orders/42` is the znode /locks/orders/42; a name that begins with / (as %2F) is a path of its own.",
  )
  .openapi({ example: "orders/42" });

const params = z.object({ name });

const acquireSchema = z.strictObject({
  ...acquireFields,
  mode: z
    .enum(["exclusive", "read", "write"])
    .default("exclusive")
    .describe("exclusive is Curator's InterProcessMutex; read and write are its InterProcessReadWriteLock."),
});

const leaseSchema = z.object({ lock: z.string().describe("Its path."), ...leaseFields }).openapi("Lease");

const contenderSchema = z.object({ mode: z.enum(["exclusive", "shared"]), ...contenderFields });

const queueSchema = z
  .object({
    lock: z.string().describe("Its path."),
    count: z.number().int().describe("Holders and waiters."),
    queue: z.array(contenderSchema).describe("The first hundred, the holder first."),
  })
  .openapi("LockQueue");

const LOCKS: LeaseKind = {
  what: "lock",
  parent: LOCKS_PATH,
  name,
  lease: leaseSchema,
  renew: { summary: "Keep a lock", done: "It is still held." },
  release: { summary: "Give a lock back", done: "It is not held any more." },
  force: { summary: "Take a lock away from its holder", done: "It is free again." },
  verbs: ["release", "acquire"],
};

const acquire = createRoute({
  method: "post",
  path: "/locks/:name{.+}/acquire",
  summary: "Take a lock",
  description: ACQUIRE_TEXT,
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
  path: "/locks/:name{.+}",
  summary: "See who holds a lock, and who waits",
  request: {
    params,
    query: queryOf({ consistency: consistencyQuery }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"] }),
  },
  responses: answers([400, 503], {
    200: { description: "The queue.", content: { "application/json": { schema: queueSchema } } },
  }),
});

/** What may be asked of a lock's name by POST alone. */
export type LockVerb = "acquire" | "renew" | "release";

/** What the body of each says. */
export const LOCK_BODIES: Readonly<Record<LockVerb, z.ZodType>> = {
  acquire: acquireSchema,
  renew: leaseBodySchema,
  release: leaseBodySchema,
};

/** Does what the route does; `body` is what the verb's schema has read. */
export async function askLock(
  context: Context<App>,
  asker: Asker,
  { name, verb, body }: { readonly name: string; readonly verb: LockVerb; readonly body: unknown },
): Promise<Response> {
  const held = heldOf(LOCKS, name);
  if (verb === "acquire")
    return await acquireLease(context, asker, held, body as z.infer<typeof acquireSchema>);
  const { lease } = body as z.infer<typeof leaseBodySchema>;
  return await (verb === "renew" ? renewLease : releaseLease)(context, asker, held, lease);
}

/** Adds the routes. */
export function addLocks(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(acquire, async (context) => {
    const held = heldOf(LOCKS, context.req.valid("param").name);
    return await acquireLease(context, asker, held, context.req.valid("json"));
  });
  addLeaseRoutes(api, asker, LOCKS);
  api.openapi(show, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = lockPath(context.req.valid("param").name);
    const isLinearizable = context.req.valid("query").consistency === "linearizable";
    const request = { kind: "queue", path, isLinearizable } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    const { response, zxid } = answer;
    if (response.op !== "queue") return problemOf(context, answer);
    const queue = response.contenders.map((contender) => {
      const mode = contender.isShared ? ("shared" as const) : ("exclusive" as const);
      return { ...contenderDocument(contender), mode };
    });
    return json(context, 200, { lock: path, count: response.count, queue }, { zxid: zxidDigits(zxid) });
  });
}
