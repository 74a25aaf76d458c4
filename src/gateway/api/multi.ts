/** Several writes as one: all are done, or none. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import type { MultiResult, TransactOperation } from "../../base/request.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { fromBase64 } from "../../durable/call-record.ts";
import { type App, problemDocument } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import { newZnode } from "./new-znode.ts";
import { failureOf, problemOf, toldOf } from "./problems.ts";
import { modeSchema, statDocument, statSchema } from "./schemas.ts";
import { writeHeaders, writeOf } from "./writes.ts";
import { createRoute } from "./routes.ts";

const OPERATIONS_MAX = 1000;

/** Above what a transaction takes in any case, as base64. */
const DATA_CHARACTERS_MAX = 2_200_000;

const pathSchema = z.string().startsWith("/");
const versionSchema = z.number().int().default(-1).describe("Only if it has this version; -1 for any.");
const data = {
  text: z.string().nullable().optional().describe("The data as text; null for none."),
  base64: z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .max(DATA_CHARACTERS_MAX)
    .optional()
    .describe("Or as bytes."),
} as const;

const operationSchema = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("create"),
    path: pathSchema,
    ...data,
    mode: modeSchema,
    sequential: z.boolean().default(false),
    ttlMs: z.number().int().min(1).optional(),
  }),
  z.strictObject({ op: z.literal("set"), path: pathSchema, ...data, version: versionSchema }),
  z
    .strictObject({ op: z.literal("put"), path: pathSchema, ...data })
    .describe("Sets, or creates a persistent znode."),
  z.strictObject({ op: z.literal("delete"), path: pathSchema, version: versionSchema }),
  z
    .strictObject({ op: z.literal("check"), path: pathSchema, version: versionSchema })
    .describe("Changes nothing."),
]);

const resultSchema = z.object({
  path: z.string(),
  stat: statSchema.nullable().describe("Of what was created or set."),
});

const route = createRoute({
  method: "post",
  path: "/multi",
  summary: "Do several writes in one transaction",
  description: "In their order, each seeing those before it; where one fails none is done.",
  request: {
    headers: z.object(writeHeaders),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z
            .strictObject({ operations: z.array(operationSchema).min(1).max(OPERATIONS_MAX) })
            .openapi("Multi"),
        },
      },
    },
  },
  responses: answers([400, 403, 404, 409, 410, 412, 413, 415, 422, 501, 503, 504, 507], {
    200: {
      description: "All are done.",
      content: { "application/json": { schema: z.object({ results: z.array(resultSchema) }) } },
    },
  }),
});

type Operation = z.infer<typeof operationSchema>;

/** Adds the route. */
export function addMulti(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(route, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const operations: TransactOperation[] = [];
    for (const operation of context.req.valid("json").operations) {
      const prepared = operationOf(context, operation);
      if (prepared instanceof Response) return prepared;
      operations.push(prepared);
    }
    const answer = await asker.ask(context, caller, await writeOf(context, caller, { operations }));
    return answer instanceof Response ? answer : told(context, operations, answer);
  });
}

function operationOf(context: Context<App>, operation: Operation): TransactOperation | Response {
  const { path } = operation;
  switch (operation.op) {
    case "create":
      return newZnode(context, path, dataOf(operation), { ...operation, ttlMs: operation.ttlMs });
    case "set":
      return { op: "setData", path, data: dataOf(operation), version: operation.version };
    case "put":
      return { op: "put", path, data: dataOf(operation), acl: OPEN_ACL };
    case "delete":
    case "check":
      return { op: operation.op, path, version: operation.version };
  }
}

function dataOf({
  text,
  base64,
}: {
  readonly text?: string | null | undefined;
  readonly base64?: string | undefined;
}) {
  if (base64 !== undefined) return fromBase64(base64);
  return text === null ? null : new TextEncoder().encode(text ?? "");
}

function told(context: Context<App>, operations: readonly TransactOperation[], answer: Answered): Response {
  const { response, zxid } = answer;
  if (response.op !== "multi") return problemOf(context, answer);
  const failed = response.results.findIndex(
    (result) => result.op === "error" && result.code !== ERROR_CODES.ok,
  );
  const failure = failureOf(answer);
  if (failure !== undefined) {
    const { status, code, detail } = toldOf(failure);
    return problemDocument(context, {
      status,
      code,
      detail: `operation ${failed}: ${detail}; none was done`,
      headers: { zxid: zxidDigits(zxid) },
      members: { ...failure.need, operation: failed },
    });
  }
  const results = response.results.map((result, at) => resultOf(result, operations[at]?.path ?? ""));
  return json(context, 200, { results }, { zxid: zxidDigits(zxid) });
}

function resultOf(result: MultiResult, path: string): z.infer<typeof resultSchema> {
  if (result.op === "create2") return { path: result.path, stat: statDocument(result.stat) };
  return { path, stat: result.op === "setData" ? statDocument(result.stat) : null };
}
