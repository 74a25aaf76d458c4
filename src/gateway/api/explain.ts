/** Explanations: who holds a lock and who waits, whose an ephemeral is, and of what is gone, how it went. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { sessionKey } from "../../base/ids.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { CallRequest } from "../../durable/entry.ts";
import type {
  Cause,
  Departure,
  ExplainedContender,
  ExplainedPath,
  ExplainedSession,
  ExplainedSessionAnswer,
  LookedBack,
} from "../../durable/explained.ts";
import type { App } from "../documents.ts";
import { awakeStatuses, leaderOf } from "../replicas.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import { type Answered, type Asker, ensembleOf } from "./ask.ts";
import { sentencesOfPath, sentencesOfSession, textOf } from "./explain-text.ts";
import { contenderDocument } from "./leases.ts";
import { problemOf } from "./problems.ts";
import { minZxidHeader, sessionIdText, statDocument, statSchema, zxidText } from "./schemas.ts";
import { createRoute } from "./routes.ts";

/** Some of the history may have to be read. */
const EXPLAIN_WAIT_MS = 5000;

const summary = z.array(z.string()).describe("The same in sentences.");

const sessionSchema = z
  .object({
    session: z.string(),
    open: z.boolean(),
    timeoutMs: z.number().int().nullable(),
    attachedTo: z
      .number()
      .int()
      .nullable()
      .describe("The replica that its client is connected to, or was last."),
    heardAgoMs: z
      .number()
      .nullable()
      .describe("Since the leader heard of it; null for never under this one."),
    expiresInMs: z.number().nullable().describe("If it stays silent: not before so long from now."),
  })
  .openapi("ExplainedSession");

const causeFields: {
  readonly zxid: typeof zxidText;
  readonly time: z.ZodString;
  readonly session: z.ZodNullable<z.ZodString>;
  readonly replica: z.ZodNumber;
  readonly byItself: z.ZodBoolean;
} = {
  zxid: zxidText,
  time: z.string(),
  session: z
    .string()
    .nullable()
    .describe("Who asked for it; null for a caller in no session, and for the leader."),
  replica: z.number().int().describe("The replica that it was asked of."),
  byItself: z.boolean().describe("The leader did it by itself."),
};

const causeSchema = z.object(causeFields).openapi("Cause");

const departureSchema = z
  .object({
    path: z.string(),
    why: z.enum(["deleted", "session-closed", "session-expired", "removed-by-itself"]),
    held: z
      .boolean()
      .nullable()
      .describe(
        "Of one that left a queue: it held, and did not only wait. null of what is explained itself.",
      ),
    token: zxidText
      .nullable()
      .describe(
        "The write that made it: the fencing token, of a holder. null where the history does not tell.",
      ),
    since: z
      .number()
      .nullable()
      .describe(
        "Since when it held, in milliseconds of Unix time; of what is explained itself, since when it was there. " +
          "null of who only waited, and where the history does not tell.",
      ),
    queuedSince: z
      .number()
      .nullable()
      .describe("Of one that left a queue: when it came there; null where the history does not tell."),
    owner: z.string().nullable().describe("How its last data began, as far as they are a text."),
    ...causeFields,
  })
  .openapi("Departure");

const lookedBackSchema = z
  .object({
    to: zxidText,
    all: z.boolean().describe("What was before is not kept: nobody can tell any more."),
  })
  .nullable()
  .describe("How far back was looked for what was not found; null where nothing is missing.");

const contenderSchema = z.object({
  path: z.string(),
  node: z.string(),
  holds: z.boolean(),
  closed: z.boolean(),
  token: zxidText,
  since: z
    .number()
    .nullable()
    .describe(
      "Since when it holds, in milliseconds of Unix time; null of who waits, and where the history does not tell.",
    ),
  queuedSince: z.number().describe("When it came into the queue; a permit is made when it is taken."),
  owner: z.string(),
  behind: z.string().nullable().describe("Whom it waits for."),
  session: sessionSchema.nullable(),
});

const pathSchema = z
  .object({
    path: z.string(),
    stat: statSchema.nullable().describe("null where there is no such znode."),
    owner: sessionSchema.nullable().describe("Of an ephemeral."),
    createdBy: causeSchema.nullable().describe("null where it is not known any more."),
    setBy: causeSchema.nullable().describe("Who set its data last."),
    text: z
      .string()
      .nullable()
      .describe("How its data begin, where they are a text: all of them where they are short."),
    queue: z
      .object({
        path: z.string(),
        of: z.enum(["lock", "election", "semaphore"]),
        count: z.number().int(),
        permits: z.number().int().nullable(),
        contenders: z.array(contenderSchema),
      })
      .nullable()
      .describe(
        "What it is by its children's names, or what it stands in; of what nobody holds or waits for, what it was.",
      ),
    gone: departureSchema.nullable().describe("Of what is not there: how the last one of that name went."),
    left: z.array(departureSchema).describe("Who left the queue, the latest first."),
    lookedBack: lookedBackSchema,
    summary,
  })
  .openapi("ExplainedPath");

const sessionAnswerSchema = z
  .object({
    session: sessionSchema,
    ephemerals: z.array(z.string()),
    opened: causeSchema.nullable(),
    ended: causeSchema
      .extend({ why: z.enum(["closed", "expired"]) })
      .nullable()
      .describe("null where it is open, or nobody can tell."),
    lost: z.array(z.string()).describe("What went with it."),
    lookedBack: lookedBackSchema,
    summary,
  })
  .openapi("ExplainedSessionAnswer");

const request = { headers: z.object({ "min-zxid": minZxidHeader }) } as const;

const explainPath = createRoute({
  method: "get",
  path: "/explain/nodes/:path{.*}",
  summary: "Explain a znode, a lock, an election or a semaphore",
  description:
    "Who holds it, who waits and for whom, whose session that is and when the leader heard of it; of what is gone, " +
    "how and when it went, and of a lock who held it last, as far as the history tells. It takes the right to read it.",
  request: {
    ...request,
    params: z.object({ path: z.string().describe("The path without its first slash; empty for the root.") }),
  },
  responses: answers([400, 403, 503], {
    200: { description: "What is known.", content: { "application/json": { schema: pathSchema } } },
  }),
});

const explainSession = createRoute({
  method: "get",
  path: "/explain/sessions/:session",
  summary: "Explain a session",
  description:
    "Where it is attached, when the leader heard of it, what it has; of one that is over, when and why. A token " +
    "needs read on `/`; of its ephemerals those are told that the caller may read.",
  request: {
    ...request,
    params: z.object({
      session: z
        .string()
        .regex(
          /^(?:[0-9a-fA-F]{16}|0x[0-9a-fA-F]{1,16})$/,
          "a session's id has sixteen hex digits; it may have fewer behind 0x, as ZooKeeper leaves out zeros",
        )
        .describe("Its id, as Stat and queues show it."),
    }),
  },
  responses: answers([400, 403, 503], {
    200: { description: "What is known.", content: { "application/json": { schema: sessionAnswerSchema } } },
  }),
});

/** Adds the routes. */
export function addExplain(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(explainPath, async (context) => {
    const path = `/${context.req.valid("param").path}`;
    const answer = await askLeader(context, asker, { kind: "explainPath", path, isLinearizable: false });
    if (answer instanceof Response) return answer;
    const { response, zxid, code } = answer;
    if (code !== ERROR_CODES.ok || response.op !== "explainedPath") return problemOf(context, answer);
    const document = { path, ...pathDocument(response), summary: sentencesOfPath(path, response) };
    return json(context, 200, document, { zxid: zxidDigits(zxid) });
  });
  api.openapi(explainSession, async (context) => {
    const session = BigInt(`0x${context.req.valid("param").session.replace(/^0x/, "")}`);
    const asked = { kind: "explainSession", session, isLinearizable: false } as const;
    const answer = await askLeader(context, asker, asked);
    if (answer instanceof Response) return answer;
    const { response, zxid, code } = answer;
    if (code !== ERROR_CODES.ok || response.op !== "explainedSession") return problemOf(context, answer);
    const document = { ...sessionAnswerDocument(response), summary: sentencesOfSession(response) };
    return json(context, 200, document, { zxid: zxidDigits(zxid) });
  });
}

/** The leader alone knows what sessions do; where there is none, whoever answers tells what the tree and history do. */
async function askLeader(
  context: Context<App>,
  asker: Asker,
  asked: CallRequest,
): Promise<Answered | Response> {
  // Who is nobody makes no replica tell its status.
  const refusal = await asker.refusal(context, undefined);
  if (refusal !== undefined) return refusal;
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const sid = leaderOf(await awakeStatuses(context.env, ensembleOf(context)))?.sid;
  const question = { request: asked, isRepeatable: true, waitMs: EXPLAIN_WAIT_MS };
  return await asker.ask(context, caller, sid === undefined ? question : { ...question, sid });
}

function pathDocument(told: ExplainedPath): object {
  const { stat, owner, createdBy, setBy, head, queue, gone, left, lookedBack } = told;
  return {
    stat: stat === undefined ? null : statDocument(stat),
    owner: owner === undefined ? null : sessionDocument(owner),
    createdBy: createdBy === undefined ? null : causeDocument(createdBy),
    setBy: setBy === undefined ? null : causeDocument(setBy),
    text: textOf(head) ?? null,
    queue:
      queue === undefined
        ? null
        : {
            ...queue,
            permits: queue.permits ?? null,
            contenders: queue.contenders.map(contenderWithSession),
          },
    gone: gone === undefined ? null : departureDocument(gone),
    left: left.map(departureDocument),
    lookedBack: lookedBackDocument(lookedBack),
  };
}

function sessionAnswerDocument(told: ExplainedSessionAnswer): object {
  const { session, ephemerals, opened, ended, lost, lookedBack } = told;
  return {
    session: sessionDocument(session),
    ephemerals,
    opened: opened === undefined ? null : causeDocument(opened),
    ended: ended === undefined ? null : { ...causeDocument(ended), why: ended.why },
    lost,
    lookedBack: lookedBackDocument(lookedBack),
  };
}

function contenderWithSession(one: ExplainedContender): object {
  const session = one.owner === undefined ? null : sessionDocument(one.owner);
  const since = one.heldSinceMs ?? null;
  return { ...contenderDocument(one), since, path: one.path, behind: one.behind ?? null, session };
}

function sessionDocument({ session, timeoutMs, tracked }: ExplainedSession): object {
  return {
    session: sessionKey(session),
    open: timeoutMs !== undefined,
    timeoutMs: timeoutMs ?? null,
    attachedTo: tracked?.attachedTo ?? null,
    heardAgoMs: tracked?.heardAgoMs ?? null,
    expiresInMs: tracked?.leftMs ?? null,
  };
}

function causeDocument({ zxid, timeMs, session, replica, isOwn }: Cause): object {
  const time = new Date(timeMs).toISOString();
  return { zxid: zxidDigits(zxid), time, session: sessionIdText(session), replica, byItself: isOwn };
}

function departureDocument(departure: Departure): object {
  const { path, why, by, held, heldSinceMs, createdBy, head } = departure;
  const cameMs = createdBy?.timeMs;
  return {
    path,
    why,
    held: held ?? null,
    token: createdBy === undefined ? null : zxidDigits(createdBy.zxid),
    since: (held === undefined ? cameMs : heldSinceMs) ?? null,
    queuedSince: (held === undefined ? undefined : cameMs) ?? null,
    owner: textOf(head) ?? null,
    ...causeDocument(by),
  };
}

function lookedBackDocument(lookedBack: LookedBack | undefined): object | null {
  return lookedBack === undefined ? null : { to: zxidDigits(lookedBack.to), all: lookedBack.isAll };
}
