/** The JSON Schemas of configuration documents. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { OPEN_ACL } from "../../base/acl.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { type App, problem } from "../documents.ts";
import { answers, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { configName, configPath, jsonText, noDocument, violation } from "./config.ts";
import { ConfigStore, ensuredAbove, ensuredAt, schemaPath, unchanged } from "./config-store.ts";
import { etagOf } from "./etags.ts";
import { parseJson, schemaProblem, violationsOf } from "./json-rules.ts";
import { sessionHeaders, writeHeaders } from "./writes.ts";
import { createRoute } from "./routes.ts";

const params = z.object({ name: configName });

const content = {
  "application/json": { schema: z.unknown().openapi({ description: "A JSON Schema." }) },
} as const;

const read = createRoute({
  method: "get",
  path: "/config/:name{.+}/schema",
  summary: "Read the schema of a configuration document",
  request: { params, headers: z.object(sessionHeaders) },
  responses: answers([400, 403, 404, 410, 503], { 200: { description: "The schema.", content } }),
});

const put = createRoute({
  method: "put",
  path: "/config/:name{.+}/schema",
  summary: "Set the schema of a configuration document",
  description:
    "JSON Schema of draft 4, 7, 2019-09 or 2020-12, as `$schema` says, the last where it says nothing. References go " +
    "within it. What is none as its draft has them is refused: 400 `bad-schema` tells where. The document, where " +
    "there is one, must satisfy it: 422 `schema-violation` where it does not.",
  request: { params, headers: z.object(writeHeaders), body: { required: true, content } },
  responses: answers([400, 403, 409, 410, 412, 413, 415, 422, 503, 504, 507], {
    204: { description: "It is set." },
  }),
});

const remove = createRoute({
  method: "delete",
  path: "/config/:name{.+}/schema",
  summary: "Take away the schema of a configuration document",
  request: { params, headers: z.object(writeHeaders) },
  responses: answers([400, 403, 404, 410, 412, 422, 503, 504], { 204: { description: "It is gone." } }),
});

/** Adds the routes. */
export function addConfigSchemas(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(read, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const schema = await new ConfigStore(context, asker, caller).read(schemaPath(path), false);
    if (schema instanceof Response) return schema;
    if (schema === undefined) return noDocument(context);
    const headers = { "content-type": "application/json", etag: etagOf(schema.stat) };
    return new Response(schema.text, { headers: { ...headers, "cache-control": "no-cache" } });
  });
  api.openapi(put, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const text = await jsonText(context);
    if (text instanceof Response) return text;
    const wrong = schemaRefusal(parseJson(text)?.value);
    if (wrong !== undefined) return problem(context, 400, "bad-schema", `not a schema: ${wrong}`);
    const data = new TextEncoder().encode(text);
    const store = new ConfigStore(context, asker, caller);
    const answer = await store.change(path, ["schema", path, text], (basis) => {
      const { document } = basis;
      if (document !== undefined && document.text !== "") {
        const schema = { ...document, text };
        const refused = violation(context, { schema }, parseJson(document.text)?.value);
        if (refused !== undefined) return refused;
      }
      const { operations, guards } = unchanged(path, document);
      const schema = { op: "put", path: schemaPath(path), data, acl: OPEN_ACL } as const;
      return {
        operations: [...operations, ...ensuredAbove(path), ensuredAt(path), schema],
        guards,
        isArchived: false,
      };
    });
    if (answer instanceof Response) return answer;
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
  api.openapi(remove, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = configPath(context, context.req.valid("param").name);
    if (path instanceof Response) return path;
    const store = new ConfigStore(context, asker, caller);
    const answer = await store.change(path, ["no schema", path], () => ({
      operations: [{ op: "delete", path: schemaPath(path), version: -1 }],
      guards: [],
      isArchived: false,
    }));
    if (answer instanceof Response) return answer;
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}

/** Why it is no schema, or none that can be applied to a document: a reference of it may lead nowhere. */
function schemaRefusal(schema: unknown): string | undefined {
  const problem = schemaProblem(schema);
  if (problem !== undefined) return problem;
  const useless = violationsOf(schema, null);
  return typeof useless === "string" ? useless : undefined;
}
