/** What is held anywhere in the tree: locks, semaphores, elections, whoever made them. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../../base/error-code.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { HeldKind } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { contenderDocument, contenderFields } from "./leases.ts";
import { limitQuery, nextField } from "./paging.ts";
import { problemOf } from "./problems.ts";
import { queryOf } from "../queries.ts";
import { createRoute } from "./routes.ts";

const heldSchema = z.object({
  path: z.string().describe("Its path, which is also its name, with %2F for its slashes."),
  count: z.number().int().describe("Holders and waiters."),
  first: z.object(contenderFields).nullable().describe("Who stands first: the holder, where there is one."),
});

const KINDS: readonly { readonly kind: HeldKind; readonly path: string; readonly what: string }[] = [
  { kind: "lock", path: "/locks", what: "locks" },
  { kind: "semaphore", path: "/semaphores", what: "semaphores" },
  { kind: "election", path: "/elections", what: "elections" },
];

const queuesSchema = z
  .object({ queues: z.array(heldSchema).describe("By path."), next: nextField })
  .openapi("Queues");

/** Adds the routes. */
export function addQueues(api: OpenAPIHono<App>, asker: Asker): void {
  for (const { kind, path, what } of KINDS) {
    const list = createRoute({
      method: "get",
      path,
      summary: `List the ${what} that somebody holds, or waits for`,
      description: `For who has \`read\` on \`/\`. ${TEXT}`,
      request: {
        query: queryOf({
          after: z.string().optional().describe("Those behind this path alone."),
          limit: limitQuery,
        }),
      },
      responses: answers([400, 403, 503], {
        200: { description: "A page of them.", content: { "application/json": { schema: queuesSchema } } },
      }),
    });
    api.openapi(list, async (context) => {
      const caller = await asker.callerOf(context);
      if (caller === undefined) return unknownCaller(context);
      const { after = "", limit } = context.req.valid("query");
      const request = { kind: "listQueues", of: kind, after, limit } as const;
      const answer = await asker.ask(context, caller, { request, isRepeatable: true });
      if (answer instanceof Response) return answer;
      const { response, code, zxid } = answer;
      if (code !== ERROR_CODES.ok || response.op !== "queues") return problemOf(context, answer);
      const queues = response.queues.map((queue) => ({
        path: queue.path,
        count: queue.count,
        first: queue.first === undefined ? null : contenderDocument(queue.first),
      }));
      const next = response.isLast ? null : (queues.at(-1)?.path ?? null);
      return json(context, 200, { queues, next }, { zxid: zxidDigits(zxid) });
    });
  }
}

const TEXT =
  "They are found wherever they stand in the tree, by the ephemerals of who holds or waits, as Curator, kazoo and " +
  "this API name them.";
