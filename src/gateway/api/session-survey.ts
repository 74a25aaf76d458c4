/** Sessions as operators see them: all there are, with what is theirs, and the ending of one. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { sessionFromKey, sessionKey, type Sid } from "../../base/ids.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { KnownSession } from "../../durable/entry.ts";
import { type App, problemDocument } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import { type Gathered, gathered, limitQuery, nextField, silentField } from "./paging.ts";
import { problemOf } from "./problems.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const id = z
  .string()
  .regex(/^[0-9a-f]{16}$/, "the id of a session: 16 hex digits")
  .openapi({ example: "0200c8b5a1d4e6f7" });

const connectionSchema = z.object({
  sid: z.number().int().describe("The replica that has it."),
  address: z.string().nullable().describe("Of the client; null for who does not administer the ensemble."),
  transport: z.enum(["tcp", "websocket"]),
  openedAt: z.string(),
  heardAt: z.string(),
  watches: z.number().int().describe("How many paths it watches, znodes and lists of children apart."),
});

const fields = {
  session: id.describe("Its id, which opens nothing: the secret is not told."),
  timeoutMs: z.number().int(),
  ephemerals: z.number().int().describe("How many go with it."),
  expiresAt: z
    .string()
    .nullable()
    .describe("When it ends if nothing more is heard of it; null while no leader tells."),
  connection: connectionSchema.nullable().describe("null for none: it is kept alive by requests, or not."),
} as const;

const sessionsSchema = z
  .object({
    sessions: z.array(z.object(fields)).describe("By their ids."),
    next: nextField,
    silent: silentField,
  })
  .openapi("Sessions");

const oneSchema = z
  .object({
    ...fields,
    paths: z.array(z.string()).describe("The first thousand of its ephemerals, of those that you may see."),
    silent: silentField,
  })
  .openapi("SessionDetails");

const list = createRoute({
  method: "get",
  path: "/sessions",
  summary: "List the sessions of the ensemble",
  description: "For who has `read` on `/`. All replicas are asked, as each knows its own connections.",
  request: {
    query: queryOf({ after: id.optional().describe("Those behind this id alone."), limit: limitQuery }),
  },
  responses: answers([400, 403, 503], {
    200: { description: "A page of them.", content: { "application/json": { schema: sessionsSchema } } },
  }),
});

const params = z.object({ id: id.describe("Its id, as Stat and queues show it.") });

const show = createRoute({
  method: "get",
  path: "/sessions/:id",
  summary: "See one session, and its ephemerals",
  request: { params },
  responses: answers([400, 403, 404, 503], {
    200: { description: "The session.", content: { "application/json": { schema: oneSchema } } },
  }),
});

const end = createRoute({
  method: "delete",
  path: "/sessions/:id",
  summary: "End anybody's session",
  description:
    "For operators: it takes `admin` on `/`. Its ephemerals go with it, the locks that it holds are free at once " +
    "(no lock-delay is waited for), and a client that is connected is told that its session is over. It stands in " +
    "the audit log as endSession.",
  request: { params },
  responses: answers([400, 403, 404, 503, 504], { 204: { description: "It is over." } }),
});

/** Adds the routes. */
export function addSessionSurvey(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(list, async (context) => {
    const { after, limit } = context.req.valid("query");
    const behind = after === undefined ? 0n : sessionFromKey(after);
    const found = await survey(context, asker, { kind: "listSessions", after: behind, limit });
    if (found instanceof Response) return found;
    const { silent, zxid } = found;
    const sessions = merged(found).slice(0, limit);
    const isLast = found.answers.every(([, { response }]) => response.op !== "sessions" || response.isLast);
    const next = isLast ? null : (sessions.at(-1)?.session ?? null);
    return json(context, 200, { sessions: sessions.map(withoutPaths), next, silent }, { zxid });
  });
  api.openapi(show, async (context) => {
    const session = sessionFromKey(context.req.valid("param").id);
    const found = await survey(context, asker, { kind: "showSession", session });
    if (found instanceof Response) return found;
    const [one] = merged(found);
    if (one === undefined) return noSuchSession(context, found.zxid);
    return json(context, 200, { ...one, silent: found.silent }, { zxid: found.zxid });
  });
  api.openapi(end, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const session = sessionFromKey(context.req.valid("param").id);
    const request = { kind: "endSession", session } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: false });
    if (answer instanceof Response) return answer;
    if (answer.code === ERROR_CODES.sessionExpired) return noSuchSession(context, zxidDigits(answer.zxid));
    if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
    return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
  });
}

function noSuchSession(context: Context<App>, zxid: string): Response {
  const detail = "there is no session of this id, or no more";
  return problemDocument(context, { status: 404, code: "no-such-session", detail, headers: { zxid } });
}

/** What all replicas tell; a response where the caller may not ask, or none answers. */
async function survey(
  context: Context<App>,
  asker: Asker,
  request: Parameters<Asker["askAll"]>[2],
): Promise<Gathered | Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const told = await asker.askAll(context, caller, request);
  if (told instanceof Response) return told;
  const all = gathered(told);
  const refused = all.answers.find(([, { code }]) => code !== ERROR_CODES.ok);
  return refused === undefined ? all : problemOf(context, refused[1]);
}

type SessionDocument = z.infer<z.ZodObject<typeof fields>> & { readonly paths: readonly string[] };

/** Each session once: with the connection that one of them has, and the end that the leader knows of. */
function merged({ answers: told }: Gathered): readonly SessionDocument[] {
  const byId = new Map<string, SessionDocument>();
  for (const [sid, { response }] of told) {
    for (const known of sessionsOf(response)) {
      const before = byId.get(sessionKey(known.session));
      const one = documentOf(sid, known);
      byId.set(one.session, {
        ...(before ?? one),
        expiresAt: before?.expiresAt ?? one.expiresAt,
        connection: before?.connection ?? one.connection,
      });
    }
  }
  return [...byId.values()].toSorted((a, b) => (a.session < b.session ? -1 : 1));
}

function sessionsOf(response: Answered["response"]): readonly KnownSession[] {
  return response.op === "sessions" ? response.sessions : [];
}

function documentOf(sid: Sid, known: KnownSession): SessionDocument {
  const { session, timeoutMs, ephemerals, expiresMs, connection, paths } = known;
  return {
    session: sessionKey(session),
    timeoutMs,
    ephemerals,
    expiresAt: expiresMs === undefined ? null : new Date(expiresMs).toISOString(),
    connection:
      connection === undefined
        ? null
        : {
            sid,
            address: connection.remoteAddress ?? null,
            transport: connection.transport,
            openedAt: new Date(connection.openedMs).toISOString(),
            heardAt: new Date(connection.heardMs).toISOString(),
            watches: connection.watches,
          },
    paths,
  };
}

function withoutPaths(one: SessionDocument): object {
  const { session, timeoutMs, ephemerals, expiresAt, connection } = one;
  return { session, timeoutMs, ephemerals, expiresAt, connection };
}
