/** Who a caller is, and what its credential lets it do: for programs that show only what may be done. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { zxidDigits } from "../../base/zxid.ts";
import type { App } from "../documents.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { createRoute } from "./routes.ts";

const permission = z.enum(["read", "write", "admin"]);

const callerSchema = z
  .object({
    kind: z
      .enum(["deployment", "token", "signed"])
      .describe("deployment: the secret, or this machine in development; signed: a JSON Web Token."),
    identities: z
      .array(z.object({ scheme: z.string(), id: z.string() }))
      .describe("As what access control lists know the caller."),
    scopes: z
      .array(z.object({ prefix: z.string(), permissions: z.array(permission) }))
      .nullable()
      .describe("null for no bounds."),
    expiresAt: z.string().nullable(),
  })
  .openapi("Caller");

const show = createRoute({
  method: "get",
  path: "/whoami",
  summary: "See who you are, and what you may do",
  description: "A scope is a bound: what it allows, the znode's access control list must allow as well.",
  responses: answers([503], {
    200: { description: "That is you.", content: { "application/json": { schema: callerSchema } } },
  }),
});

/** Adds the route. */
export function addWhoAmI(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(show, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const answer = await asker.ask(context, caller, { request: { kind: "whoAmI" }, isRepeatable: true });
    if (answer instanceof Response) return answer;
    const { response, zxid } = answer;
    if (response.op !== "caller") return problemOf(context, answer);
    const { identities, grants, expiresMs } = response;
    const document = {
      kind: context.get("bearer")?.kind ?? "deployment",
      identities,
      scopes: grants ?? null,
      expiresAt: expiresMs === undefined ? null : new Date(expiresMs).toISOString(),
    };
    return json(context, 200, document, { zxid: zxidDigits(zxid), "cache-control": "no-store" });
  });
}
