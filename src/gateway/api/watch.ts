/**
 * Hearing of changes as they happen, as server-sent events. It stands beside /nodes and not below it: any path below
 * /nodes is a znode's.
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { pathProblem } from "../../base/path.ts";
import { SCOPE_SCHEME } from "../../base/scope-identity.ts";
import { maxZxid, type Zxid, ZXID_ZERO, zxidDigits } from "../../base/zxid.ts";
import {
  type Position,
  POSITION_TEXT,
  readPosition,
  type StreamAsked,
  type StreamRefused,
} from "../../durable/entry.ts";
import { type App, problem, problemDocument } from "../documents.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { answers, unknownCaller } from "./answers.ts";
import { type Asker, ensembleOf } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { openStream } from "./open-stream.ts";
import { readZxid, zxidText } from "./schemas.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const HEARTBEAT_MS_DEFAULT = 10_000;

const position = z.string().regex(POSITION_TEXT, "the id of an event, or a Zxid");

const watch = createRoute({
  method: "get",
  path: "/watch/:path{.*}",
  summary: "Hear of changes as server-sent events",
  description:
    "Begins with the event `open`, whose `zxid` is that of the state from which on all is told, and goes on with " +
    "`created`, `deleted`, `dataChanged` and `childrenChanged`: `data` is a document with `type`, `path`, `zxid` and " +
    "`time`. Nothing is told twice, and nothing is left out that the caller may read; what it is by now, GET tells. " +
    "A stream may end at any moment, in good order by the event `end` with a `reason`: come back with " +
    "`Last-Event-ID`, as EventSource does by itself, and any replica goes on where you were. `reset` says that the " +
    "whole tree was replaced. `id` lines without data say that nothing happened up to there.",
  request: {
    params: z.object({
      path: z.string().describe("The path without its first slash; empty for the root.").openapi({
        example: "app/config",
      }),
    }),
    query: queryOf({
      part: z
        .enum(["data", "children", "node", "recursive"])
        .default("node")
        .describe(
          "data: it is created, set, deleted; children: their list changes, it comes or goes; node: both; " +
            "recursive: it and all below, each by its own event. The znode need not be there.",
        ),
      since: position
        .optional()
        .describe(
          "Tells what happened behind this: the `Zxid` of a read, or an event's id. Without it, from now on.",
        ),
      heartbeatMs: z.coerce
        .number()
        .int()
        .min(1000)
        .max(60_000)
        .default(HEARTBEAT_MS_DEFAULT)
        .describe("A comment comes where nothing else did for so long."),
    }),
    headers: z.object({
      "last-event-id": position.or(z.literal("")).optional().describe("Counts before `since`."),
      "min-zxid": zxidText.optional(),
    }),
  },
  responses: answers([400, 403, 410, 503], {
    200: {
      description: "The events.",
      content: { "text/event-stream": { schema: z.string() } },
    },
  }),
});

/** Adds the route. */
export function addWatch(api: OpenAPIHono<App>, asker: Asker, whereabouts: Whereabouts): void {
  api.openapi(watch, async (context) => {
    const path = `/${context.req.valid("param").path}`;
    const wrong = pathProblem(path);
    if (wrong !== undefined) return problem(context, 400, "bad-path", wrong);
    const { part, since, heartbeatMs } = context.req.valid("query");
    const headers = context.req.valid("header");
    const lastEventId = headers["last-event-id"];
    const text = lastEventId === undefined || lastEventId === "" ? since : lastEventId;
    const asked: Wanted & { minZxid: Zxid } = {
      path,
      part,
      since: text === undefined ? undefined : readPosition(text),
      minZxid: headers["min-zxid"] === undefined ? ZXID_ZERO : readZxid(headers["min-zxid"]),
      heartbeatMs,
    };
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    if (caller.identities?.some(({ scheme }) => scheme === SCOPE_SCHEME) === true) {
      // A token that a replica does not know is looked for behind a barrier; a stream begins where it is known.
      const request = { kind: "authorize", need: { permission: "read", path } } as const;
      const answer = await asker.ask(context, caller, { request, isRepeatable: true });
      if (answer instanceof Response) return answer;
      if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
      asked.minZxid = maxZxid(asked.minZxid, answer.zxid);
    }
    const opened = await openStream(context, { caller, asked, whereabouts });
    return opened instanceof Response ? opened : refused(context, asked, opened);
  });
}

/** What a client asks for. */
type Wanted = Omit<StreamAsked, "holdMs">;

const AGAIN = { "retry-after": "1" } as const;

/** Why there is no stream; undefined where no replica could be asked. */
function refused(context: Context<App>, asked: Wanted, refusal: StreamRefused | undefined): Response {
  const reason = refusal?.reason ?? "no-quorum";
  switch (reason) {
    case "gone":
      return gone(context, asked, refusal);
    case "unauthorized":
      return problem(context, 401, reason, "the token is none, or none any more");
    case "no-auth":
      return problem(context, 403, reason, `read on ${asked.path}: the caller's token does not allow that`);
    case "login-required":
      return problem(
        context,
        403,
        reason,
        "this deployment serves callers alone that have proven who they are",
      );
    case "too-many-streams": {
      const detail = "this caller has as many streams open as it may (MAX_CALLER_STREAMS): close some";
      return problemDocument(context, { status: 429, code: reason, detail, headers: AGAIN });
    }
    case "lagging": {
      const detail = "no replica has delivered what was seen elsewhere: is it of this ensemble?";
      return problemDocument(context, { status: 503, code: reason, detail, headers: AGAIN });
    }
    case "busy":
    case "no-quorum": {
      const detail =
        reason === "busy"
          ? "replicas have as many streams open as they take"
          : "no replica that was asked has a leader: a majority of the voters must be up and in touch";
      return problemDocument(context, { status: 503, code: reason, detail, headers: AGAIN });
    }
  }
}

/** What happened since cannot be told: the caller reads what is there, and watches from there on. */
function gone(context: Context<App>, { path, since }: Wanted, told: StreamRefused | undefined): Response {
  const zxid = zxidDigits(told?.zxid ?? ZXID_ZERO);
  return problemDocument(context, {
    status: 410,
    code: "history-gone",
    detail:
      `what happened behind ${digitsOf(since)} is not kept any more, or was another ensemble's: ` +
      "read again at `read`, and watch with since=Zxid of that answer",
    headers: { zxid },
    members: { zxid, oldest: digitsOf({ zxid: told?.oldest ?? ZXID_ZERO }), read: readUrl(context, path) },
  });
}

function digitsOf(position: Pick<Position, "zxid"> | undefined): string {
  const zxid: Zxid = position?.zxid ?? ZXID_ZERO;
  return zxidDigits(zxid);
}

function readUrl(context: Context<App>, path: string): string {
  return `/${ensembleOf(context)}/v1/nodes${path.split("/").map(encodeURIComponent).join("/")}`;
}
