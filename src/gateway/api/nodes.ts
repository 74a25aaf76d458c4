/** Znodes over HTTP: their data as they are, or in a document with their Stat; a PUT replaces, a POST creates. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { crc32 } from "../../base/crc32.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { CLIENT_FRAME_BYTES_MAX } from "../../base/limits.ts";
import type { Guard, MultiResult, TransactOperation } from "../../base/request.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { toBase64 } from "../../durable/call-record.ts";
import type { CallRequest } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import type { Answered, Asker, Question } from "./ask.ts";
import { CachedReads } from "./cached-reads.ts";
import type { Found } from "./read-cache.ts";
import { answers, bytesOf, json, unknownCaller } from "./answers.ts";
import { etagOf, expected, ifMatch, knownBy, knownData, names } from "./etags.ts";
import { momentText } from "./moments.ts";
import { newZnode } from "./new-znode.ts";
import { pastChildrenSchema, pastNodeSchema, readPast } from "./past.ts";
import { failureOf, problemOf } from "./problems.ts";
import {
  consistencyQuery,
  knownHeader,
  onlyNewHeader,
  modeSchema,
  statDocument,
  statSchema,
} from "./schemas.ts";
import { sessionHeaders, writeHeaders, writeOf } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

/** Of a znode: a frame of ZooKeeper holds its path and more beside them. */
const DATA_BYTES_MAX: number = CLIENT_FRAME_BYTES_MAX - 4096;

/** The longest that a request waits for a change: proxies on the way give up soon after. */
const WAIT_MS_MAX = 60_000;

const PAGE_MAX = 10_000;
const PAGE_DEFAULT = 1000;

/** Of a list of children: how often it changed, and by which write. */
const LIST_ETAG = /"c(-?\d{1,10})-(\d{20})(?:-[0-9a-f]{1,8})?"/;

const path = z.object({
  path: z
    .string()
    .describe("The path without its first slash; empty for the root.")
    .openapi({ example: "app/config" }),
});

const nodeSchema = z
  .object({
    path: z.string(),
    data: z
      .string()
      .nullable()
      .describe("Base64; null where there are no data, which is not the same as none."),
    stat: statSchema,
  })
  .openapi("Node");

const childrenSchema = z
  .object({
    children: z.array(z.string()).describe("Names, sorted."),
    counts: z
      .array(z.number().int())
      .optional()
      .describe("With `counts`: how many children each of the first 500 of them has."),
    next: z.string().nullable().describe("What `after` is to be for the next page; null at the end."),
    stat: statSchema,
  })
  .openapi("Children");

const writtenSchema = z.object({ path: z.string(), stat: statSchema }).openapi("Written");

const read = createRoute({
  method: "get",
  path: "/nodes/:path{.*}",
  summary: "Read a znode, or list its children",
  description:
    "The data as they are, or, with `Accept: application/json`, a document with the Stat. The ETag is version and " +
    "identity of the znode. With `children` the names of its children, page by page.",
  request: {
    params: path,
    query: queryOf({
      children: z.string().optional().describe("Lists the children instead, whatever it is set to."),
      counts: z
        .string()
        .optional()
        .describe("Of the children, tells how many each has itself, whatever it is set to."),
      after: z.string().optional().describe("Of the children, those behind this name."),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(PAGE_MAX)
        .default(PAGE_DEFAULT)
        .describe("Children at a time."),
      wait: z.coerce
        .number()
        .int()
        .min(0)
        .max(WAIT_MS_MAX)
        .default(0)
        .describe(
          "Answered when it is not as If-None-Match says, or, without that, when it is there: after so many ms at " +
            "the latest, by 304 or 404. No state is missed that lasts.",
        ),
      asOf: momentText
        .optional()
        .describe(
          "As it was then, as far as the history that is kept tells, otherwise 410 `history-gone`; `As-Of` says " +
            "which zxid that is. A zxid, or a time in RFC 3339, which costs a round of the log. Not with wait.",
        ),
      consistency: consistencyQuery,
    }),
    headers: z.object({
      ...sessionHeaders,
      "if-none-match": knownHeader,
      "cache-control": z
        .string()
        .optional()
        .describe(
          "`max-age=SECONDS`: an answer that the gateway has kept for no longer will do, a minute at most; `Age` " +
            "tells how old it is. Not of what needs a right to be read, nor in a session.",
        ),
    }),
  },
  responses: answers([400, 403, 404, 410, 503], {
    200: {
      description: "The data, or a document.",
      content: {
        "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) },
        "application/json": {
          schema: z.union([nodeSchema, childrenSchema, pastNodeSchema, pastChildrenSchema]),
        },
      },
    },
    304: { description: "It is as If-None-Match says." },
  }),
});

const body = {
  content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } },
} as const;

const put = createRoute({
  method: "put",
  path: "/nodes/:path{.*}",
  summary: "Set the data of a znode, creating it where it is missing",
  description:
    "The body is stored as it is. `If-Match: ETAG` sets only that version; `If-None-Match: *` creates only. A znode " +
    "that it creates is persistent, below one that must be there.",
  request: {
    params: path,
    headers: z.object({
      ...writeHeaders,
      "if-match": ifMatch,
      "if-none-match": onlyNewHeader,
    }),
    body,
  },
  responses: answers([400, 403, 404, 409, 410, 412, 413, 422, 503, 504, 507], {
    200: { description: "The data are set.", content: { "application/json": { schema: writtenSchema } } },
    201: { description: "It is created.", content: { "application/json": { schema: writtenSchema } } },
  }),
});

const post = createRoute({
  method: "post",
  path: "/nodes/:path{.*}",
  summary: "Create a znode",
  description: "Never replaces one. An ephemeral needs a `Session`.",
  request: {
    params: path,
    query: queryOf({
      mode: modeSchema,
      sequential: z
        .enum(["true", "false"])
        .default("false")
        .describe("Ten digits that only grow end its name."),
      ttlMs: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe("Of a TTL znode: it goes when it was not changed for so long, and has no children."),
    }),
    headers: z.object(writeHeaders),
    body,
  },
  responses: answers([400, 403, 404, 409, 410, 412, 413, 422, 501, 503, 504, 507], {
    201: { description: "It is created.", content: { "application/json": { schema: writtenSchema } } },
  }),
});

const remove = createRoute({
  method: "delete",
  path: "/nodes/:path{.*}",
  summary: "Delete a znode that has no children",
  request: {
    params: path,
    headers: z.object({
      ...writeHeaders,
      "if-match": ifMatch,
    }),
  },
  responses: answers([400, 403, 404, 409, 410, 412, 422, 503, 504], {
    204: { description: "It is deleted." },
  }),
});

/** Adds the routes. */
export function addNodes(api: OpenAPIHono<App>, asker: Asker): void {
  const cached = new CachedReads(asker);
  api.openapi(read, async (context) => {
    const { children, counts, after, limit, consistency, wait, asOf } = context.req.valid("query");
    const path = znodePath(context.req.valid("param").path);
    const isLinearizable = consistency === "linearizable";
    const isList = children !== undefined;
    if (asOf !== undefined) {
      const page = isList ? { after: after ?? "", limit } : undefined;
      return await readPast(context, asker, { path, asOf, page, isLinearizable });
    }
    const ifNoneMatch = context.req.valid("header")["if-none-match"];
    const known = isList ? knownBy(LIST_ETAG, ifNoneMatch) : knownData(ifNoneMatch);
    const change = wait === 0 ? undefined : { known, waitMs: wait };
    const request: CallRequest = isList
      ? {
          kind: "read",
          request: { op: "getChildren2", path, watch: false },
          isLinearizable,
          change,
          page: { after: after ?? "", limit, isCounted: counts !== undefined },
        }
      : { kind: "read", request: { op: "getData", path, watch: false }, isLinearizable, change };
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const question = { request, isRepeatable: true, waitMs: wait };
    const found = await cached.ask(context, caller, question);
    return found instanceof Response ? found : shown(context, path, found);
  });
  api.openapi(put, async (context) => {
    const path = znodePath(context.req.valid("param").path);
    const headers = context.req.valid("header");
    const data = await bytesOf(context, DATA_BYTES_MAX);
    if (data instanceof Response) return data;
    const { version, guards } = expected(path, headers["if-match"]);
    const create = { path, data, acl: OPEN_ACL };
    const operation: TransactOperation =
      headers["if-match"] !== undefined
        ? { op: "setData", path, data, version }
        : headers["if-none-match"] === undefined
          ? { op: "put", ...create }
          : { op: "create2", ...create, flags: 0, ttlMs: 0 };
    return await written(context, asker, { operation, guards });
  });
  api.openapi(post, async (context) => {
    const { mode, sequential, ttlMs } = context.req.valid("query");
    const data = await bytesOf(context, DATA_BYTES_MAX);
    if (data instanceof Response) return data;
    const asked = { mode, sequential: sequential === "true", ttlMs };
    const operation = newZnode(context, znodePath(context.req.valid("param").path), data, asked);
    return operation instanceof Response
      ? operation
      : await written(context, asker, { operation, guards: [] });
  });
  api.openapi(remove, async (context) => {
    const path = znodePath(context.req.valid("param").path);
    const { version, guards } = expected(path, context.req.valid("header")["if-match"]);
    return await written(context, asker, { operation: { op: "delete", path, version }, guards });
  });
}

/** The path of a znode as the keeper knows it. */
function znodePath(rest: string): string {
  return `/${rest}`;
}

/** Where a znode is read. */
function locationOf(context: Context<App>, path: string): string {
  const ensemble = context.req.param("ensemble");
  const base = ensemble === undefined ? "/v1" : `/${ensemble}/v1`;
  return `${base}/nodes${path.split("/").map(encodeURIComponent).join("/")}`;
}

function shown(context: Context<App>, path: string, { answer, ageMs }: Found<Answered>): Response {
  const { code, zxid, response } = answer;
  if (code !== ERROR_CODES.ok) return problemOf(context, answer);
  const age: Record<string, string> = ageMs === undefined ? {} : { age: String(Math.ceil(ageMs / 1000)) };
  const headers = { zxid: zxidDigits(zxid), "cache-control": "no-cache", ...age };
  if (response.op === "page") {
    const { children, isLast, stat, counts } = response;
    // Counts change without a change of the list.
    const counted =
      counts === undefined ? "" : `-${crc32(new TextEncoder().encode(counts.join())).toString(16)}`;
    const etag = `"c${stat.cversion}-${zxidDigits(stat.pzxid)}${counted}"`;
    const listed = { ...headers, etag };
    if (names(context.req.header("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers: listed });
    }
    const next = isLast ? null : (children.at(-1) ?? null);
    return json(context, 200, { children, counts, next, stat: statDocument(stat) }, listed);
  }
  if (response.op !== "getData") throw new Error(`a read is not answered by ${response.op}`);
  const { data, stat } = response;
  const found = { ...headers, etag: etagOf(stat), vary: "accept" };
  if (names(context.req.header("if-none-match"), found.etag)) {
    return new Response(null, { status: 304, headers: found });
  }
  if (context.req.header("accept")?.includes("application/json") === true) {
    const document = { path, data: data === null ? null : toBase64(data), stat: statDocument(stat) };
    return json(context, 200, document, found);
  }
  // Anybody may have written these bytes: no browser shall take them for a page of this site.
  const raw = { "content-type": "application/octet-stream", "x-content-type-options": "nosniff" };
  return new Response(data ?? new Uint8Array(), { headers: { ...found, ...raw } });
}

/** Does one operation, and tells what came of it. */
async function written(
  context: Context<App>,
  asker: Asker,
  { operation, guards }: { readonly operation: TransactOperation; readonly guards: readonly Guard[] },
): Promise<Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const question: Question = await writeOf(context, caller, { operations: [operation], guards });
  const answer = await asker.ask(context, caller, question);
  if (answer instanceof Response) return answer;
  const failure = failureOf(answer);
  if (failure !== undefined) return problemOf(context, failure);
  const { zxid, response } = answer;
  const result: MultiResult | undefined = response.op === "multi" ? response.results[0] : undefined;
  if (result === undefined) return problemOf(context, answer);
  const headers = { zxid: zxidDigits(zxid) };
  if (result.op === "create2") {
    const { path, stat } = result;
    const location = locationOf(context, path);
    const created = { ...headers, etag: etagOf(stat), location };
    return json(context, 201, { path, stat: statDocument(stat) }, created);
  }
  if (result.op === "setData") {
    const { stat } = result;
    const set = { ...headers, etag: etagOf(stat) };
    return json(context, 200, { path: operation.path, stat: statDocument(stat) }, set);
  }
  return new Response(null, { status: 204, headers });
}
