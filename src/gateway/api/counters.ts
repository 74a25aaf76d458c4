/** Counters: 64-bit integers that anybody may add to, shared with Curator's DistributedAtomicLong. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { parentOf } from "../../base/path.ts";
import type { MultiResult, TransactOperation } from "../../base/request.ts";
import type { Stat } from "../../base/stat.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { decodeCounter, encodeCounter } from "../../durable/entry.ts";
import { type App, problem } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import { etagOf, expected, ifMatch, knownData, names } from "./etags.ts";
import { waitQuery } from "./leases.ts";
import { failureOf, problemOf, toldOf } from "./problems.ts";
import { sessionHeaders, writeHeaders, writeOf } from "./writes.ts";
import { onlyByPost } from "./verbs.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";
import { consistencyQuery, knownHeader, onlyNewHeader } from "./schemas.ts";

const COUNTERS_PATH = "/counters";

const params = z.object({
  name: z
    .string()
    .describe("`hits` is the znode /counters/hits; a name that begins with / (as %2F) is a path of its own.")
    .openapi({ example: "hits" }),
});

const INTEGER = /^-?\d{1,19}$/;

/** As text: JSON's numbers lose bits beyond 53. */
const integerText = z
  .string()
  .refine(isInteger, "an integer of 64 bits, as text")
  .openapi({ example: "42", pattern: INTEGER.source });

const counterSchema = z
  .object({
    counter: z.string().describe("Its path."),
    value: integerText,
    version: z.number().int().describe("How often it was set or added to since it was made."),
  })
  .openapi("Counter");

const shownAs = { "application/json": { schema: counterSchema } } as const;

const read = createRoute({
  method: "get",
  path: "/counters/:name{.+}",
  summary: "See what a counter stands at",
  request: {
    params,
    query: queryOf({
      consistency: consistencyQuery,
      wait: waitQuery,
    }),
    headers: z.object({ ...sessionHeaders, "if-none-match": knownHeader }),
  },
  responses: answers([400, 403, 404, 409, 410, 503], {
    200: { description: "The counter.", content: shownAs },
    304: { description: "It is as If-None-Match says." },
  }),
});

const add = createRoute({
  method: "post",
  path: "/counters/:name{.+}/add",
  summary: "Add to a counter",
  description:
    "One transaction, which nobody's other one can come between: no retries. A counter that is missing is made, and " +
    "begins at 0. With an `Idempotency-Key` it is added once, however often it is asked, and answered as the first " +
    "time.",
  request: {
    params,
    headers: z.object(writeHeaders),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({ by: integerText.default("1").describe("May be negative.") }),
        },
      },
    },
  },
  responses: answers([400, 403, 409, 410, 412, 415, 422, 503, 504, 507], {
    200: { description: "It is added.", content: shownAs },
  }),
});

const put = createRoute({
  method: "put",
  path: "/counters/:name{.+}",
  summary: "Set a counter",
  description: "`If-Match: ETAG` sets it only at that version, `If-None-Match: *` only where it is missing.",
  request: {
    params,
    headers: z.object({ ...writeHeaders, "if-match": ifMatch, "if-none-match": onlyNewHeader }),
    body: {
      required: true,
      content: { "application/json": { schema: z.strictObject({ value: integerText }) } },
    },
  },
  responses: answers([400, 403, 404, 409, 410, 412, 415, 422, 503, 504, 507], {
    200: { description: "It is set.", content: shownAs },
  }),
});

/** Adds the routes. */
export function addCounters(api: OpenAPIHono<App>, asker: Asker): void {
  onlyByPost(api, "/counters/:name{.+}", ["add"]);
  api.openapi(add, async (context) => {
    const path = counterPath(context.req.valid("param").name);
    const delta = BigInt(context.req.valid("json").by);
    const answer = await written(context, asker, { op: "add", path, delta, acl: OPEN_ACL });
    if (answer instanceof Response) return answer;
    const { response } = answer;
    if (response.op !== "multi" || !("value" in response))
      throw new Error("a counter that stands at nothing");
    return shown(context, answer, { path, value: response.value, stat: statOf(response.results) });
  });
  api.openapi(put, async (context) => {
    const path = counterPath(context.req.valid("param").name);
    const headers = context.req.valid("header");
    const { value } = context.req.valid("json");
    const data = encodeCounter(BigInt(value));
    const { version } = expected(path, headers["if-match"]);
    const create = { path, data, acl: OPEN_ACL };
    const operation: TransactOperation =
      headers["if-match"] !== undefined
        ? { op: "setData", path, data, version }
        : headers["if-none-match"] === undefined
          ? { op: "put", ...create }
          : { op: "create2", ...create, flags: 0, ttlMs: 0 };
    const answer = await written(context, asker, operation);
    if (answer instanceof Response) return answer;
    const { response } = answer;
    const stat = statOf(response.op === "multi" ? response.results : []);
    return shown(context, answer, { path, value: BigInt(value).toString(), stat });
  });
  api.openapi(read, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const path = counterPath(context.req.valid("param").name);
    const { consistency, wait: waitMs } = context.req.valid("query");
    const ifNoneMatch = context.req.valid("header")["if-none-match"];
    const change = waitMs === 0 ? undefined : { known: knownData(ifNoneMatch), waitMs };
    const isLinearizable = consistency === "linearizable";
    const getData = { op: "getData", path, watch: false } as const;
    const request = { kind: "read", request: getData, isLinearizable, change } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true, waitMs });
    if (answer instanceof Response) return answer;
    if (answer.response.op !== "getData") return problemOf(context, answer);
    const { data, stat } = answer.response;
    const value = decodeCounter(data)?.toString();
    if (value === undefined) return notCounter(context);
    if (names(ifNoneMatch, etagOf(stat))) {
      const headers = { zxid: zxidDigits(answer.zxid), etag: etagOf(stat) };
      return new Response(null, { status: 304, headers });
    }
    return shown(context, answer, { path, value, stat });
  });
}

function isInteger(text: string): boolean {
  return INTEGER.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

function counterPath(name: string): string {
  return name.startsWith("/") ? name : `${COUNTERS_PATH}/${name}`;
}

function notCounter(context: Context<App>): Response {
  const { status, code, detail } = toldOf({ code: ERROR_CODES.notCounter });
  return problem(context, status, code, detail);
}

/** Does it, below parents that are made where they are missing; a problem where it was not done. */
async function written(
  context: Context<App>,
  asker: Asker,
  operation: TransactOperation,
): Promise<Answered | Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const { path } = operation;
  const guards = expected(path, context.req.header("if-match")).guards;
  const question = await writeOf(context, caller, {
    operations: [operation],
    guards,
    ensured: parentOf(path),
  });
  const answer = await asker.ask(context, caller, question);
  if (answer instanceof Response) return answer;
  const failure = failureOf(answer);
  return failure === undefined ? answer : problemOf(context, failure);
}

function statOf(results: readonly MultiResult[]): Stat {
  const result = results.at(-1);
  if (result?.op === "create2" || result?.op === "setData") return result.stat;
  throw new Error("a counter without a Stat");
}

function shown(
  context: Context<App>,
  { zxid }: Answered,
  counter: { readonly path: string; readonly value: string; readonly stat: Stat },
): Response {
  const { path, value, stat } = counter;
  const headers = { zxid: zxidDigits(zxid), etag: etagOf(stat), "cache-control": "no-cache" };
  return json(context, 200, { counter: path, value, version: stat.version }, headers);
}
