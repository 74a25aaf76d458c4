/** Who watches what: the watches of ZooKeeper's clients and of the SDK's, which replicas keep for their connections. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../../base/error-code.ts";
import { sessionKey } from "../../base/ids.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { type Gathered, gathered, limitQuery, nextField, silentField } from "./paging.ts";
import { problemOf } from "./problems.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const watchedSchema = z.object({
  path: z.string(),
  count: z.number().int().describe("How many watch it: a znode and the list of its children apart."),
  watchers: z
    .array(
      z.object({
        session: z.string().describe("The id of the session."),
        sid: z.number().int().describe("The replica that serves it."),
        of: z.enum(["node", "children"]),
      }),
    )
    .describe("The first hundred at each replica."),
});

const watchesSchema = z
  .object({ watches: z.array(watchedSchema).describe("By path."), next: nextField, silent: silentField })
  .openapi("Watches");

type Watched = z.infer<typeof watchedSchema>;

const list = createRoute({
  method: "get",
  path: "/watches",
  summary: "List what is watched, and by whom",
  description:
    "For who has `read` on `/`, and of znodes that it may read. Streams of events and webhooks are not among them.",
  request: {
    query: queryOf({
      after: z.string().optional().describe("Those behind this path alone."),
      limit: limitQuery,
    }),
  },
  responses: answers([400, 403, 503], {
    200: { description: "A page of them.", content: { "application/json": { schema: watchesSchema } } },
  }),
});

/** Adds the route. */
export function addWatches(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(list, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { after = "", limit } = context.req.valid("query");
    const told = await asker.askAll(context, caller, { kind: "listWatches", after, limit });
    if (told instanceof Response) return told;
    const all = gathered(told);
    const refused = all.answers.find(([, { code }]) => code !== ERROR_CODES.ok);
    if (refused !== undefined) return problemOf(context, refused[1]);
    const merged = mergedByPath(all);
    const watches = merged.slice(0, limit);
    const isLast =
      watches.length === merged.length &&
      all.answers.every(([, { response }]) => response.op !== "watches" || response.isLast);
    const next = isLast ? null : (watches.at(-1)?.path ?? null);
    return json(context, 200, { watches, next, silent: all.silent }, { zxid: all.zxid });
  });
}

function mergedByPath({ answers: told }: Gathered): readonly Watched[] {
  const byPath = new Map<string, Watched>();
  for (const [sid, { response }] of told) {
    for (const { path, count, watchers } of response.op === "watches" ? response.watches : []) {
      const before = byPath.get(path);
      const own = watchers.map(({ session, of }) => ({ session: sessionKey(session), sid, of }));
      byPath.set(path, {
        path,
        count: count + (before?.count ?? 0),
        watchers: [...(before?.watchers ?? []), ...own],
      });
    }
  }
  return [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
