/** Tokens: credentials that may do less than the deployment's secret, and can be revoked. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ERROR_CODES } from "../../base/error-code.ts";
import { readGrant } from "../../base/grant.ts";
import { tokenText } from "../../base/token-text.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { KnownToken } from "../../durable/entry.ts";
import { type App, problemDocument } from "../documents.ts";
import { sha256 } from "../hash.ts";
import { answers, json, unknownCaller } from "./answers.ts";
import type { Asker } from "./ask.ts";
import { problemOf } from "./problems.ts";
import { createRoute } from "./routes.ts";

const GRANTS_MAX = 50;

/** A token's record is read for each request under it. */
const PREFIX_CHARACTERS_MAX = 500;

const EXPIRES_IN_MS_MAX = 10 * 365 * 24 * 60 * 60 * 1000;

const TOKEN_BYTES = 32;

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@/-]{0,99}$/, "letters, digits and . _ @ / -, 100 at most")
  .describe(
    "Whom access control lists name, as `token:NAME`. Tokens may share one, as the old and the new of a service.",
  )
  .openapi({ example: "billing" });

const permission = z.enum(["read", "write", "admin"]);

const scope = z
  .object({
    prefix: z
      .string()
      .max(PREFIX_CHARACTERS_MAX)
      .refine((prefix) => typeof readGrant(`read:${prefix}`) !== "string", "a valid path, such as /app")
      .describe("This znode and all below it.")
      .openapi({ example: "/app" }),
    permissions: z
      .array(permission)
      .min(1)
      .max(permission.options.length)
      .describe(
        "None implies another. `admin` is setting access control lists; on `/` the operator's routes and tokens.",
      ),
  })
  .openapi("Scope");

const createSchema = z.strictObject({
  name,
  scopes: z.array(scope).min(1).max(GRANTS_MAX),
  expiresInMs: z
    .number()
    .int()
    .min(1)
    .max(EXPIRES_IN_MS_MAX)
    .optional()
    .describe("It ends after so long; without this only when it is revoked."),
});

const shown = {
  id: z.string().describe("Its SHA-256: for revoking it. Nobody can make the token of it."),
  name,
  scopes: z.array(scope),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
} as const;

const tokenSchema = z.object(shown).openapi("Token");

const createdSchema = z
  .object({ token: z.string().describe("Shown this once."), ...shown })
  .openapi("CreatedToken");

const create = createRoute({
  method: "post",
  path: "/tokens",
  summary: "Make a token",
  description:
    "For who has the deployment's secret, or `admin` on `/`. It is of this ensemble alone. Where the answer is lost, " +
    "so is the token: find it in the list, and revoke it.",
  request: { body: { required: true, content: { "application/json": { schema: createSchema } } } },
  responses: answers([400, 415, 503, 504, 507], {
    201: { description: "It is made.", content: { "application/json": { schema: createdSchema } } },
  }),
});

const list = createRoute({
  method: "get",
  path: "/tokens",
  summary: "List the tokens",
  responses: answers([503], {
    200: {
      description: "All of them, those whose time is over too.",
      content: { "application/json": { schema: z.object({ tokens: z.array(tokenSchema) }) } },
    },
  }),
});

const revoke = createRoute({
  method: "delete",
  path: "/tokens/:id",
  summary: "Revoke a token",
  description: "Nothing is done under it from then on, and the WebSocket sessions that came by it end.",
  request: {
    params: z.object({
      id: z
        .string()
        .regex(/^[0-9a-f]{64}$/, "the id of a token")
        .describe("As the list shows it."),
    }),
  },
  responses: answers([400, 503, 504], { 204: { description: "It is none any more." } }),
});

/** Adds the routes. */
export function addTokens(api: OpenAPIHono<App>, asker: Asker): void {
  api.openapi(create, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const { name, scopes, expiresInMs: lifeMs } = context.req.valid("json");
    const token = tokenText(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
    const hash = await sha256(token);
    const request = { kind: "createToken", hash, name, grants: scopes, lifeMs } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: false });
    if (answer instanceof Response) return answer;
    const [made] = answer.response.op === "tokens" ? answer.response.tokens : [];
    if (made === undefined) return problemOf(context, answer);
    const headers = { zxid: zxidDigits(answer.zxid), "cache-control": "no-store" };
    return json(context, 201, { token, ...tokenDocument(made) }, headers);
  });
  api.openapi(list, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const answer = await asker.ask(context, caller, { request: { kind: "listTokens" }, isRepeatable: true });
    if (answer instanceof Response) return answer;
    if (answer.response.op !== "tokens") return problemOf(context, answer);
    const tokens = answer.response.tokens.map(tokenDocument);
    return json(context, 200, { tokens }, { zxid: zxidDigits(answer.zxid) });
  });
  api.openapi(revoke, async (context) => {
    const caller = await asker.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const request = { kind: "revokeToken", hash: context.req.valid("param").id } as const;
    const answer = await asker.ask(context, caller, { request, isRepeatable: false });
    if (answer instanceof Response) return answer;
    const headers = { zxid: zxidDigits(answer.zxid) };
    if (answer.code === ERROR_CODES.noNode) {
      const detail = "there is no token of this id in this ensemble";
      return problemDocument(context, { status: 404, code: "no-such-token", detail, headers });
    }
    if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
    return new Response(null, { status: 204, headers });
  });
}

function tokenDocument({
  hash,
  name,
  grants,
  createdMs,
  expiresMs,
}: KnownToken): z.infer<typeof tokenSchema> {
  const scopes = grants.map(({ prefix, permissions }) => ({ prefix, permissions: [...permissions] }));
  return {
    id: hash,
    name,
    scopes,
    createdAt: new Date(createdMs).toISOString(),
    expiresAt: expiresMs === undefined ? null : new Date(expiresMs).toISOString(),
  };
}
