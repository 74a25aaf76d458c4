/** Locks for callers without a connection, in the queues of Curator's and kazoo's. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { CallRequest, QueuedContender } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker, Probed } from "./ask.ts";
import { lockPath } from "./lock-path.ts";
import { problemOf } from "./problems.ts";
import { readSession, sessionIdText, sessionText, sessionTextOf, zxidText } from "./schemas.ts";
import { keyOf, writeHeaders } from "./writes.ts";

/** The longest that a request waits for a lock: proxies on the way give up soon after. */
const WAIT_MS_MAX = 60_000;

const TTL_MS_MAX = 24 * 60 * 60 * 1000;

const OWNER_CHARACTERS_MAX = 200;

const params = z.object({
  name: z
    .string()
    .describe(
      "`orders/42` is the znode /locks/orders/42; a name that begins with / (as %2F) is a path of its own.",
    )
    .openapi({ example: "orders/42" }),
});

const acquireSchema = z.object({
  ttlMs: z
    .number()
    .int()
    .min(1)
    .max(TTL_MS_MAX)
    .default(30_000)
    .describe("The lease ends when it was not renewed for so long: 2 s at least."),
  waitMs: z
    .number()
    .int()
    .min(0)
    .max(WAIT_MS_MAX)
    .default(0)
    .describe("How long to wait in the queue, which is fair; 0 takes no place."),
  mode: z
    .enum(["exclusive", "read", "write"])
    .default("exclusive")
    .describe("exclusive is Curator's InterProcessMutex; read and write are its InterProcessReadWriteLock."),
  owner: z.string().max(OWNER_CHARACTERS_MAX).default("").describe("Whom the queue shows."),
});

const leaseSchema = z
  .object({
    lock: z.string().describe("Its path."),
    lease: sessionText.describe("For renew and release; it is a session too. Keep it secret."),
    token: zxidText.describe(
      "The fencing token, always 20 digits: each holder's is larger than all before it.",
    ),
    expiresInMs: z.number().int().describe("Not before so long after this request was sent."),
    expiresAt: z.string().describe("About that, by the clock of the gateway."),
  })
  .openapi("Lease");

const contenderSchema = z.object({
  node: z.string().describe("The name of its znode below the lock's: deleting that takes the place away."),
  mode: z.enum(["exclusive", "shared"]),
  holds: z.boolean(),
  token: zxidText,
  session: z.string().nullable().describe("The id of its session."),
  since: z.number().describe("Unix milliseconds."),
  owner: z.string(),
});

const queueSchema = z
  .object({
    lock: z.string().describe("Its path."),
    count: z.number().int().describe("Holders and waiters."),
    queue: z.array(contenderSchema).describe("The first hundred, the holder first."),
  })
  .openapi("LockQueue");

const acquire = createRoute({
  method: "post",
  path: "/locks/:name{.+}/acquire",
  summary: "Take a lock",
  description:
    "Answers when it is held. The place in the queue lives as long as this request is open: who hangs up is skipped. " +
    "With an `Idempotency-Key` it is safe to ask again where the answer was lost: it is the same lease, and the " +
    "latest request alone is told so. A lost answer without a key leaves a lease that ends after its ttlMs.",
  request: {
    params,
    headers: z.object({ "idempotency-key": writeHeaders["idempotency-key"] }),
    body: { required: true, content: { "application/json": { schema: acquireSchema } } },
  },
  responses: answers([400, 403, 409, 410, 415, 422, 503, 504, 507], {
    200: { description: "It is held.", content: { "application/json": { schema: leaseSchema } } },
  }),
});

const body = {
  required: true,
  content: { "application/json": { schema: z.object({ lease: sessionText }) } },
} as const;

const renew = createRoute({
  method: "post",
  path: "/locks/:name{.+}/renew",
  summary: "Keep a lock",
  description: "The whole ttlMs of the lease lies ahead again, counted from when this was sent.",
  request: { params, body },
  responses: answers([400, 409, 410, 415, 503, 504], {
    200: { description: "It is still held.", content: { "application/json": { schema: leaseSchema } } },
  }),
});

const release = createRoute({
  method: "post",
  path: "/locks/:name{.+}/release",
  summary: "Give a lock back",
  request: { params, body },
  responses: answers([400, 409, 410, 415, 503, 504], { 204: { description: "It is not held any more." } }),
});

const show = createRoute({
  method: "get",
  path: "/locks/:name{.+}",
  summary: "See who holds a lock, and who waits",
  request: {
    params,
    query: z.object({ consistency: z.enum(["local", "linearizable"]).default("local") }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"] }),
  },
  responses: answers([400, 503], {
    200: { description: "The queue.", content: { "application/json": { schema: queueSchema } } },
  }),
});

/** Adds the routes. */
export function addLocks(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(acquire, async (context) => {
    const arrivedMs = Date.now();
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { waitMs, ...lasting } = context.req.valid("json");
    const path = lockPath(context.req.valid("param").name);
    const asked = { kind: "acquire", path, ...lasting } as const;
    // Who asks again may have less time left to wait.
    const key = await keyOf(context, caller, asked);
    // Only the platform's edge tells of a caller that has closed its connection; there is none before `npm start`.
    const isProbed = waitMs > 0 && context.env.EDGEKEEPER_DEV === "1";
    const request: CallRequest = { ...asked, waitMs, key, isProbed };
    const answer = await asker.askProbed(context, caller, {
      request,
      waitMs,
      isRepeatable: key !== undefined,
    });
    if (answer instanceof Response) return answer;
    if (answer.kind === "probed") return probed(context, { path, arrivedMs, answer });
    return leased(context, { path, arrivedMs, answer });
  });
  api.openapi(renew, async (context) => {
    const arrivedMs = Date.now();
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = lockPath(context.req.valid("param").name);
    const session = readSession(context.req.valid("json").lease);
    const answer = await asker.ask(context, caller, {
      request: { kind: "renew", path },
      session,
      isRepeatable: true,
    });
    return answer instanceof Response ? answer : leased(context, { path, arrivedMs, answer });
  });
  api.openapi(release, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = lockPath(context.req.valid("param").name);
    const session = readSession(context.req.valid("json").lease);
    const request = { kind: "release", path } as const;
    const answer = await asker.ask(context, caller, { request, session, isRepeatable: false });
    if (answer instanceof Response) return answer;
    if (answer.code !== ERROR_CODES.ok) return problemOf(context, overOf(answer));
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
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
    const queue = response.contenders.map(contenderDocument);
    return json(context, 200, { lock: path, count: response.count, queue }, { zxid: zxidDigits(zxid) });
  });
}

/** Begins to answer. Where the lock is lost in that moment the answer breaks off, as its status is told already. */
function probed(
  context: Context<App>,
  { path, arrivedMs, answer: { zxid, answer } }: Told & { readonly answer: Probed },
): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const deliver = async (): Promise<void> => {
    await writer.write(encoder.encode("\n"));
    const told = await answer;
    const lease = told.kind === "answered" ? leaseOf(told, { path, arrivedMs }) : undefined;
    if (lease === undefined) return await writer.abort("the lock was lost before this could be answered");
    await writer.write(encoder.encode(`${JSON.stringify(lease)}\n`));
    await writer.close();
  };
  // It fails where the caller is gone, or the replica: either is seen by the connection.
  context.executionCtx.waitUntil(deliver().catch(async (reason: unknown) => await writer.abort(reason)));
  return new Response(readable, { headers: { "content-type": "application/json", zxid } });
}

/** For whom a lease is told. */
interface Told {
  /** Of the lock. */
  readonly path: string;
  /** When the request came here, in Unix milliseconds. */
  readonly arrivedMs: number;
}

function leased(context: Context<App>, { answer, ...told }: Told & { readonly answer: Answered }): Response {
  const { response, zxid } = answer;
  if (response.op === "queued") return problemOf(context, answer, { ahead: response.ahead });
  const lease = leaseOf(answer, told);
  return lease === undefined
    ? problemOf(context, overOf(answer))
    : json(context, 200, lease, { zxid: zxidDigits(zxid) });
}

/** The document of a lease; undefined where the answer is none. */
function leaseOf({ response }: Answered, { path, arrivedMs }: Told): z.infer<typeof leaseSchema> | undefined {
  if (response.op !== "lease") return undefined;
  const { session, token, expiresInMs } = response;
  return {
    lock: path,
    lease: sessionTextOf(session),
    token: zxidDigits(token),
    expiresInMs,
    expiresAt: new Date(arrivedMs + expiresInMs).toISOString(),
  };
}

/** A lease is a session: where that is over, or never was, it is told as a lease. */
function overOf(answer: Answered): Answered {
  return answer.code === ERROR_CODES.sessionExpired ? { ...answer, code: ERROR_CODES.leaseOver } : answer;
}

function contenderDocument(contender: QueuedContender): z.infer<typeof contenderSchema> {
  const { name, isShared, isHolder, token, session, ctime, data } = contender;
  return {
    node: name,
    mode: isShared ? "shared" : "exclusive",
    holds: isHolder,
    token: zxidDigits(token),
    session: sessionIdText(session),
    since: ctime,
    owner: new TextDecoder().decode(data ?? new Uint8Array()),
  };
}
