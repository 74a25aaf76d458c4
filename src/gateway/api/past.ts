/** Time travel: a znode as it was, and what is different below a path between two moments. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { compareZxid, zxidDigits } from "../../base/zxid.ts";
import type { DifferenceEntry, PastSide } from "../../durable/entry.ts";
import { type App, problem } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import {
  base64Of,
  digitsOf,
  isByTime,
  momentText,
  pastStatDocument,
  pastStatSchema,
  readMoment,
  seenBy,
  shownMoment,
} from "./moments.ts";
import { problemOf } from "./problems.ts";
import { minZxidHeader, sessionIdText, zxidText } from "./schemas.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

/** The history may have to be read to its beginning. */
const PAST_WAIT_MS = 5000;

const ENTRIES_MAX = 1000;

const timeField = z
  .string()
  .nullable()
  .describe("When that write was, by its leader's clock; null where the history does not tell.");

/** A znode as it was. */
export const pastNodeSchema: z.ZodType<object> = z
  .object({
    path: z.string(),
    asOf: zxidText.describe("The write behind which it was so."),
    asOfTime: timeField,
    data: z.string().nullable().describe("Base64; null where there were none."),
    stat: pastStatSchema,
  })
  .openapi("PastNode");

/** The names of its children then. */
export const pastChildrenSchema: z.ZodType<object> = z
  .object({
    asOf: zxidText,
    asOfTime: timeField,
    children: z.array(z.string()),
    next: z.string().nullable(),
    stat: pastStatSchema,
  })
  .openapi("PastChildren");

const sideSchema = z
  .object({
    data: z.string().nullable().describe("Base64."),
    known: z.boolean().describe("false: the history does not tell any more what it held."),
    version: z.number().int().nullable(),
    mzxid: zxidText.nullable(),
    czxid: zxidText.nullable(),
    ephemeralOwner: z.string().nullable(),
  })
  .nullable();

const differenceSchema = z
  .object({
    path: z.string(),
    from: zxidText,
    fromTime: timeField,
    to: zxidText,
    toTime: timeField,
    changes: z.array(
      z.object({
        path: z.string(),
        change: z
          .enum(["created", "deleted", "replaced", "changed"])
          .describe("replaced: it was deleted, and another one created under its name."),
        data: z.boolean().describe("Whether its data were set."),
        acl: z.boolean().describe("Whether its access control list was set."),
        before: sideSchema,
        after: sideSchema,
      }),
    ),
    next: z.string().nullable().describe("What `after` is to be for the next page; null at the end."),
  })
  .openapi("Difference");

const diff = createRoute({
  method: "get",
  path: "/diff/:path{.*}",
  summary: "What is different at a path and below between two moments",
  description:
    "Told from the history that is kept. What it does not tell any more is told as not `known`; a `from` that is " +
    "older than it is 410 `history-gone` with the oldest. Of a znode is told who may read it now, and might then.",
  request: {
    params: z.object({ path: z.string().describe("The path without its first slash; empty for the root.") }),
    query: queryOf({
      from: momentText,
      to: momentText.optional(),
      after: z.string().default("").describe("Changes of the paths behind this one."),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(ENTRIES_MAX)
        .default(ENTRIES_MAX)
        .describe("So many at the most."),
    }),
    headers: z.object({ "min-zxid": minZxidHeader }),
  },
  responses: answers([400, 403, 410, 413, 503], {
    200: {
      description: "What is different, in the order of paths.",
      content: { "application/json": { schema: differenceSchema } },
    },
  }),
});

/** Adds the route of differences. */
export function addDiff(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(diff, async (context) => {
    const query = context.req.valid("query");
    const path = `/${context.req.valid("param").path}`;
    const from = readMoment(query.from);
    const to = query.to === undefined ? undefined : readMoment(query.to);
    if (to !== undefined && "zxid" in from && "zxid" in to && compareZxid(from.zxid, to.zxid) > 0) {
      return isLater(context);
    }
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { after, limit } = query;
    const isLinearizable = isByTime([from, to]);
    const request = { kind: "difference", path, from, to, page: { after, limit }, isLinearizable } as const;
    const minZxid = seenBy([from, to]);
    const question = { request, isRepeatable: true, waitMs: PAST_WAIT_MS, minZxid };
    const answer = await asker.ask(context, caller, question);
    if (answer instanceof Response) return answer;
    if (answer.code === ERROR_CODES.badArguments) return isLater(context);
    if (answer.code === ERROR_CODES.marshallingError) {
      const detail = "too much has changed: ask about a path further down, or two moments that are nearer";
      return problem(context, 413, "too-much-changed", detail);
    }
    const { response, zxid } = answer;
    if (response.op !== "difference") return problemOf(context, answer);
    const { entries, isLast } = response;
    const next = isLast ? null : (entries.at(-1)?.path ?? null);
    const { fromMs, toMs } = response;
    const begin = { from: zxidDigits(response.from), fromTime: timeOf(fromMs) };
    const end = { to: zxidDigits(response.to), toTime: timeOf(toMs) };
    const document = { path, ...begin, ...end, changes: entries.map(entryDocument), next };
    return json(context, 200, document, { zxid: zxidDigits(zxid) });
  });
}

/** What is asked for with `asOf`: the answer of a read of the past. */
export async function readPast(
  context: Context<App>,
  asker: Asker,
  asked: {
    readonly path: string;
    readonly asOf: string;
    readonly page: { readonly after: string; readonly limit: number } | undefined;
    readonly isLinearizable: boolean;
  },
): Promise<Response> {
  const { path, page } = asked;
  const at = readMoment(asked.asOf);
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const isLinearizable = asked.isLinearizable || isByTime([at]);
  const request = { kind: "past", path, at, page, isLinearizable } as const;
  const question = { request, isRepeatable: true, waitMs: PAST_WAIT_MS, minZxid: seenBy([at]) };
  const answer = await asker.ask(context, caller, question);
  if (answer instanceof Response) return answer;
  if (answer.code !== ERROR_CODES.noNode) return shownPast(context, path, answer);
  const moment = shownMoment(at);
  return problemOf(context, answer, { asOf: moment }, `the znode did not exist at ${moment}`);
}

function shownPast(context: Context<App>, path: string, answer: Answered): Response {
  const { code, zxid, response } = answer;
  if (code !== ERROR_CODES.ok) return problemOf(context, answer);
  if (response.op !== "past" && response.op !== "pastChildren") {
    throw new Error(`the past is not told by ${response.op}`);
  }
  const asOf = zxidDigits(response.asOf);
  const asOfTime = timeOf(response.asOfMs);
  const headers = { zxid: zxidDigits(zxid), "as-of": asOf, "cache-control": "no-cache", vary: "accept" };
  const stat = pastStatDocument(response.stat);
  if (response.op === "pastChildren") {
    const { children, isLast } = response;
    const next = isLast ? null : (children.at(-1) ?? null);
    return json(context, 200, { asOf, asOfTime, children, next, stat }, headers);
  }
  const { data } = response;
  if (context.req.header("accept")?.includes("application/json") === true) {
    return json(context, 200, { path, asOf, asOfTime, data: base64Of(data), stat }, headers);
  }
  // Anybody may have written these bytes: no browser shall take them for a page of this site.
  const raw = { "content-type": "application/octet-stream", "x-content-type-options": "nosniff" };
  return new Response(data ?? new Uint8Array(), { headers: { ...headers, ...raw } });
}

function timeOf(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}

function isLater(context: Context<App>): Response {
  return problem(context, 400, "bad-moments", "from is later than to: exchange them");
}

function entryDocument({ path, kind, isDataSet, isAclSet, before, after }: DifferenceEntry): object {
  return {
    path,
    change: kind,
    data: isDataSet,
    acl: isAclSet,
    before: sideDocument(before),
    after: sideDocument(after),
  };
}

function sideDocument(side: PastSide | undefined): object | null {
  if (side === undefined) return null;
  const { data, version, mzxid, czxid, ephemeralOwner } = side;
  return {
    data: base64Of(data),
    known: data !== undefined,
    version: version ?? null,
    mzxid: digitsOf(mzxid),
    czxid: digitsOf(czxid),
    ephemeralOwner: ephemeralOwner === undefined ? null : sessionIdText(ephemeralOwner),
  };
}
