/** Elections for callers without a connection, on the znodes of Curator's LeaderLatch. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../../base/error-code.ts";
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
  leaseFields,
  overOf,
  waitQuery,
} from "./leases.ts";
import { addLeaseRoutes, heldOf, type LeaseKind } from "./lease-routes.ts";
import { problemOf } from "./problems.ts";
import { consistencyQuery, knownHeader, readSession, readZxid, sessionText } from "./schemas.ts";
import { writeHeaders } from "./writes.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

/** Everybody that looks who leads reads it. */
const VALUE_CHARACTERS_MAX = 10_000;

const name = z
  .string()
  .describe("`jobs` is the znode /elections/jobs; a name that begins with / (as %2F) is a path of its own.")
  .openapi({ example: "jobs" });

const params = z.object({ name });

const value = z
  .string()
  .max(VALUE_CHARACTERS_MAX)
  .describe("What others see of the leader: an address, say.");

const { owner: _owner, ...fields } = acquireFields;

const campaignSchema = z.strictObject({ ...fields, value: value.default("") });

const leadSchema = z
  .object({ election: z.string().describe("Its path: `If-Held: PATH@TOKEN` guards writes."), ...leaseFields })
  .openapi("Lead");

const candidateSchema = z.object({ ...contenderFields, value: contenderFields.owner }).omit({ owner: true });

const electionSchema = z
  .object({
    election: z.string().describe("Its path."),
    leader: candidateSchema.nullable().describe("Who leads; null for nobody."),
    count: z.number().int().describe("The leader and those that would follow."),
    candidates: z.array(candidateSchema).describe("The first hundred, the leader first."),
  })
  .openapi("Election");

const ELECTIONS: LeaseKind = {
  what: "election",
  parent: "/elections",
  name,
  lease: leadSchema,
  renew: { summary: "Go on to lead", done: "It still leads." },
  release: { summary: "Lead no more", done: "The next one leads." },
  force: { summary: "Take the lead away", done: "The next one leads." },
  verbs: ["resign", "campaign", "proclaim"],
};

const campaign = createRoute({
  method: "post",
  path: "/elections/:name{.+}/campaign",
  summary: "Stand for election",
  description: `Answers when it is won. ${ACQUIRE_TEXT}`,
  request: {
    params,
    headers: z.object(acquireHeaders),
    body: { required: true, content: { "application/json": { schema: campaignSchema } } },
  },
  responses: answers([400, 403, 409, 410, 415, 422, 503, 504, 507], {
    200: { description: "It is won.", content: { "application/json": { schema: leadSchema } } },
  }),
});

const proclaim = createRoute({
  method: "post",
  path: "/elections/:name{.+}/proclaim",
  summary: "Set what others see of the leader",
  description: "Done only while it leads, checked in the same transaction.",
  request: {
    params,
    body: {
      required: true,
      content: { "application/json": { schema: z.strictObject({ lease: sessionText, value }) } },
    },
  },
  responses: answers([400, 409, 410, 412, 415, 503, 504, 507], { 204: { description: "It is set." } }),
});

const observe = createRoute({
  method: "get",
  path: "/elections/:name{.+}",
  summary: "See who leads, and who would follow",
  description:
    "The ETag is of the leader and its value. With `wait` and `If-None-Match` it answers when either is another one, " +
    "or nobody leads; without `If-None-Match`, when somebody does.",
  request: {
    params,
    query: queryOf({
      consistency: consistencyQuery,
      wait: waitQuery,
    }),
    headers: z.object({ "min-zxid": writeHeaders["min-zxid"], "if-none-match": knownHeader }),
  },
  responses: answers([400, 503], {
    200: { description: "The election.", content: { "application/json": { schema: electionSchema } } },
    304: { description: "It is as If-None-Match says." },
  }),
});

/** Adds the routes. */
export function addElections(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(campaign, async (context) => {
    const held = heldOf(ELECTIONS, context.req.valid("param").name);
    const { value: owner, ...wanted } = context.req.valid("json");
    return await acquireLease(context, asker, held, { mode: "latch", ...wanted, owner });
  });
  addLeaseRoutes(api, asker, ELECTIONS);
  api.openapi(proclaim, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { path } = heldOf(ELECTIONS, context.req.valid("param").name);
    const { lease, value: shown } = context.req.valid("json");
    const request = { kind: "proclaim", path, data: new TextEncoder().encode(shown) } as const;
    const question = { request, session: readSession(lease), isRepeatable: true };
    const answer = await asker.ask(context, caller, question);
    if (answer instanceof Response) return answer;
    if (answer.code !== ERROR_CODES.ok) return problemOf(context, overOf(answer));
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
  api.openapi(observe, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { path } = heldOf(ELECTIONS, context.req.valid("param").name);
    const { consistency, wait: waitMs } = context.req.valid("query");
    const [, digits] = /"(\d{20})"/.exec(context.req.header("if-none-match") ?? "") ?? [];
    const known = digits === undefined ? undefined : readZxid(digits);
    const change = waitMs === 0 ? undefined : { known, waitMs };
    const isLinearizable = consistency === "linearizable";
    const request = { kind: "queue", path, isLinearizable, change } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: true, waitMs });
    if (answer instanceof Response) return answer;
    const { response, zxid } = answer;
    if (response.op !== "queue") return problemOf(context, answer);
    const [first] = response.contenders;
    const candidates = response.contenders.map((one) => {
      const { owner, ...rest } = contenderDocument(one);
      return { ...rest, value: owner };
    });
    const headers: Record<string, string> = { zxid: zxidDigits(zxid), "cache-control": "no-cache" };
    if (first !== undefined) headers["etag"] = `"${zxidDigits(first.mzxid)}"`;
    if (digits !== undefined && headers["etag"] === `"${digits}"`)
      return new Response(null, { status: 304, headers });
    const leader = candidates.find(({ holds }) => holds) ?? null;
    const shown = { election: path, leader, count: response.count, candidates };
    return json(context, 200, shown, headers);
  });
}
