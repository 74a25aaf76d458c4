/** Configuration documents: JSON, versioned, checked against a schema where there is one, with a history. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import type { TransactOperation } from "../../base/request.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { archivePath } from "../../durable/entry.ts";
import { type App, problem, problemDocument } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import {
  type Basis,
  type Change,
  ConfigStore,
  ensuredAbove,
  planDelete,
  revisionOf,
  unchanged,
} from "./config-store.ts";
import { etagOf, expected, ifMatch, knownData, names } from "./etags.ts";
import { parseJson, violationsOf } from "./json-rules.ts";
import { waitQuery } from "./leases.ts";
import { problemOf } from "./problems.ts";
import { consistencyQuery, knownHeader, onlyNewHeader, zxidText } from "./schemas.ts";
import { sessionHeaders, writeHeaders } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const CONFIG_PATH = "/config";

/** A write holds what it replaces as well: both fit into a transaction. */
const TEXT_BYTES_MAX: number = 512 * 1024;

/** Of a configuration document. */
export const configName: z.ZodString = z
  .string()
  .describe(
    "`app` is the znode /config/app; a name that begins with / (as %2F) is a path of its own. No segment may begin " +
      "with a dot, and the last one may not be `schema` or `history`.",
  )
  .openapi({ example: "app" });

const params = z.object({ name: configName });

/** Any JSON. */
const value = z.unknown().openapi({ description: "Any JSON." });

const content = { "application/json": { schema: value } } as const;

const read = createRoute({
  method: "get",
  path: "/config/:name{.+}",
  summary: "Read a configuration document",
  description:
    "Just as it was written. The ETag is its version; with `wait` and `If-None-Match` it answers when it is another. " +
    "`Revision` names it in the history.",
  request: {
    params,
    query: queryOf({ consistency: consistencyQuery, wait: waitQuery }),
    headers: z.object({ ...sessionHeaders, "if-none-match": knownHeader }),
  },
  responses: answers([400, 403, 404, 410, 503], {
    200: { description: "The document.", content },
    304: { description: "It is as If-None-Match says." },
  }),
});

const writtenSchema = z
  .object({
    config: z.string().describe("Its path."),
    revision: zxidText,
    version: z.number().int().describe("How often it was set since it was made."),
  })
  .openapi("ConfigWritten");

const put = createRoute({
  method: "put",
  path: "/config/:name{.+}",
  summary: "Write a configuration document",
  description:
    "`If-Match: ETAG` replaces only that version, `If-None-Match: *` creates only. A schema, where it has one, must " +
    "be satisfied, checked against the schema that stands at commit: 422 `schema-violation` tells what is not as it " +
    "wants. What it replaces is kept: the last fifty.",
  request: {
    params,
    headers: z.object({ ...writeHeaders, "if-match": ifMatch, "if-none-match": onlyNewHeader }),
    body: { required: true, content },
  },
  responses: answers([400, 403, 404, 409, 410, 412, 413, 415, 422, 503, 504, 507], {
    200: { description: "It is written.", content: { "application/json": { schema: writtenSchema } } },
    201: { description: "It is created.", content: { "application/json": { schema: writtenSchema } } },
  }),
});

const remove = createRoute({
  method: "delete",
  path: "/config/:name{.+}",
  summary: "Delete a configuration document, its schema and its history",
  request: { params, headers: z.object({ ...writeHeaders, "if-match": ifMatch }) },
  responses: answers([400, 403, 404, 409, 410, 412, 422, 503, 504], {
    204: { description: "It is deleted." },
  }),
});

const revisionSchema = z.object({
  revision: zxidText,
  version: z.number().int(),
  writtenAt: z.string(),
  current: z.boolean(),
});

const list = createRoute({
  method: "get",
  path: "/config/:name{.+}/history",
  summary: "List what a configuration document was",
  description: "The latest first. To go back, read an old one and write it.",
  request: { params, query: queryOf({ consistency: consistencyQuery }), headers: z.object(sessionHeaders) },
  responses: answers([400, 403, 404, 410, 503], {
    200: {
      description: "The revisions.",
      content: { "application/json": { schema: z.object({ revisions: z.array(revisionSchema) }) } },
    },
  }),
});

const old = createRoute({
  method: "get",
  path: "/config/:name{.+}/history/:revision",
  summary: "Read what a configuration document was",
  request: {
    params: z.object({
      name: configName,
      revision: z
        .string()
        .regex(/^\d{20}$/, "20 digits")
        .describe("As the history shows it."),
    }),
    headers: z.object(sessionHeaders),
  },
  responses: answers([400, 403, 404, 410, 503], { 200: { description: "The document.", content } }),
});

/** Adds the routes; those of schemas come first. */
export function addConfig(api: OpenAPIHono<App>, asker: Asker): void {
  addHistory(api, asker);
  api.openapi(read, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const { consistency: asked, wait: waitMs } = context.req.valid("query");
    const ifNoneMatch = context.req.header("if-none-match");
    const change = waitMs === 0 ? undefined : { known: knownData(ifNoneMatch), waitMs };
    const getData = { op: "getData", path, watch: false } as const;
    const isLinearizable = asked === "linearizable";
    const request = { kind: "read", request: getData, isLinearizable, change } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true, waitMs });
    if (answer instanceof Response) return answer;
    if (answer.response.op !== "getData") return problemOf(context, answer);
    const { data, stat } = answer.response;
    if (data === null || data.length === 0) return noDocument(context, answer);
    const headers = { zxid: zxidDigits(answer.zxid), etag: etagOf(stat), revision: zxidDigits(stat.mzxid) };
    if (names(ifNoneMatch, headers.etag)) return new Response(null, { status: 304, headers });
    return document(data, headers);
  });
  api.openapi(put, async (context) => await putDocument(context, asker, context.req.valid("param").name));
  api.openapi(remove, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const match = context.req.header("if-match");
    const { version, guards } = expected(path, match);
    const store = new ConfigStore(context, asker, caller);
    const answer = await store.change(path, ["delete", path, match], async (_basis, isLinearizable) => {
      const below = await planDelete(store, path, isLinearizable);
      if (below instanceof Response) return below;
      return { operations: [...below, { op: "delete", path, version }], guards, isArchived: false };
    });
    if (answer instanceof Response) return answer;
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}

function addHistory(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(list, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const isLinearizable = context.req.valid("query").consistency === "linearizable";
    const store = new ConfigStore(context, asker, caller);
    const current = await store.read(path, isLinearizable);
    if (current instanceof Response) return current;
    if (current === undefined || current.text === "") return noDocument(context);
    const kept = await store.children(archivePath(path), isLinearizable);
    if (kept instanceof Response) return kept;
    const { mzxid, version, mtime } = current.stat;
    const now = { revision: zxidDigits(mzxid), version, writtenMs: mtime };
    const before = kept
      .flatMap((name) => revisionOf(name) ?? [])
      .filter(({ revision }) => revision < now.revision);
    const revisions = [...before, now].toReversed().map(({ writtenMs, ...rest }) => ({
      ...rest,
      writtenAt: new Date(writtenMs).toISOString(),
      current: rest.revision === now.revision,
    }));
    return json(context, 200, { revisions });
  });
  api.openapi(old, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { name, revision } = context.req.valid("param");
    const path = configPath(context, name);
    if (path instanceof Response) return path;
    const store = new ConfigStore(context, asker, caller);
    const current = await store.read(path, false);
    if (current instanceof Response) return current;
    const encoder = new TextEncoder();
    if (current !== undefined && zxidDigits(current.stat.mzxid) === revision && current.text !== "")
      return document(encoder.encode(current.text), { revision });
    const kept = await store.children(archivePath(path), false);
    if (kept instanceof Response) return kept;
    const found = kept.find((one) => revisionOf(one)?.revision === revision);
    const stored = found === undefined ? undefined : await store.read(`${archivePath(path)}/${found}`, false);
    if (stored instanceof Response) return stored;
    if (stored === undefined)
      return problem(
        context,
        404,
        "no-revision",
        "there is no such revision, or no more: GET history lists them",
      );
    return document(encoder.encode(stored.text), { revision });
  });
}

async function putDocument(context: Context<App>, asker: Asker, name: string): Promise<Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const path = configPath(context, name);
  if (path instanceof Response) return path;
  const text = await jsonText(context);
  if (text instanceof Response) return text;
  const match = context.req.header("if-match");
  const isNew = context.req.header("if-none-match") !== undefined;
  const store = new ConfigStore(context, asker, caller);
  const answer = await store.change(path, ["put", path, text, match, isNew], (basis) => {
    const refused = violation(context, basis, parseJson(text)?.value);
    return refused ?? planPut({ path, text, match, isNew }, basis);
  });
  if (answer instanceof Response) return answer;
  const result = answer.response.op === "multi" ? answer.response.results.at(-1) : undefined;
  if (result?.op !== "create2" && result?.op !== "setData") throw new Error("a document without a Stat");
  const { stat } = result;
  const revision = zxidDigits(stat.mzxid);
  const headers = { zxid: zxidDigits(answer.zxid), etag: etagOf(stat), revision };
  const written = { config: path, revision, version: stat.version };
  return json(context, result.op === "create2" ? 201 : 200, written, headers);
}

function planPut(
  asked: {
    readonly path: string;
    readonly text: string;
    readonly match: string | undefined;
    readonly isNew: boolean;
  },
  { document: stored, schema }: Basis,
): Change {
  const { path, match, isNew } = asked;
  const data = new TextEncoder().encode(asked.text);
  const ofSchema = unchanged(`${path}/.schema`, schema);
  const matched = expected(path, match);
  const create = { path, data, acl: OPEN_ACL };
  // Where nothing but others below it stand, it is new all the same.
  const isBare = stored?.text === "";
  const ofBare = isNew && isBare ? unchanged(path, stored) : undefined;
  const operation: TransactOperation =
    match !== undefined
      ? { op: "setData", path, data, version: matched.version }
      : isNew && !isBare
        ? { op: "create2", ...create, flags: 0, ttlMs: 0 }
        : { op: "put", ...create };
  return {
    operations: [...ofSchema.operations, ...(ofBare?.operations ?? []), ...ensuredAbove(path), operation],
    guards: [...ofSchema.guards, ...matched.guards, ...(ofBare?.guards ?? [])],
    isArchived: true,
  };
}

/** A problem where the document is not as its schema wants. */
export function violation(
  context: Context<App>,
  { schema }: Pick<Basis, "schema">,
  checked: unknown,
): Response | undefined {
  const rules = schema === undefined ? undefined : parseJson(schema.text);
  if (schema === undefined) return undefined;
  const violations = rules === undefined ? "it is no JSON" : violationsOf(rules.value, checked);
  if (typeof violations === "string") {
    return problem(
      context,
      409,
      "bad-schema",
      `the schema of this document cannot be applied: ${violations}`,
    );
  }
  const [first] = violations;
  if (first === undefined) return undefined;
  const detail = `the document is not as its schema wants: ${first.at}: ${first.message}`;
  return problemDocument(context, { status: 422, code: "schema-violation", detail, members: { violations } });
}

/** The text of the body, which is JSON: the validator has seen to that. */
export async function jsonText(context: Context<App>): Promise<string | Response> {
  const text = await context.req.text();
  if (new TextEncoder().encode(text).length <= TEXT_BYTES_MAX) return text;
  return problem(context, 413, "too-large", `a configuration document takes ${TEXT_BYTES_MAX} bytes at most`);
}

/** Its path; a problem where the name is taken by what belongs to documents. */
export function configPath(context: Context<App>, name: string): string | Response {
  const path = name.startsWith("/") ? name : `${CONFIG_PATH}/${name}`;
  const segments = path.split("/").slice(1);
  const isTaken = segments.some((segment) => segment === "" || segment.startsWith("."));
  return isTaken
    ? problem(context, 400, "bad-path", "no segment of a name may be empty, or begin with a dot")
    : path;
}

/** Nothing stands there. */
export function noDocument(context: Context<App>, answer?: Answered): Response {
  const code = ERROR_CODES.noNode;
  if (answer !== undefined) return problemOf(context, { code, zxid: answer.zxid });
  return problem(context, 404, "no-node", "there is no such document");
}

function document(data: Uint8Array, headers: Readonly<Record<string, string>>): Response {
  const type = { "content-type": "application/json", "x-content-type-options": "nosniff" };
  return new Response(data, { headers: { ...headers, ...type, "cache-control": "no-cache" } });
}
