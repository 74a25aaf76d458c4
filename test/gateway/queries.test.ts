/** A route refuses query parameters that it does not know, and says which it does. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { Hono } from "hono";
import { expect, test } from "vitest";

import { createRoute } from "../../src/gateway/api/routes.ts";
import type { App } from "../../src/gateway/documents.ts";
import { queryOf, takes } from "../../src/gateway/queries.ts";

test("a schema names the parameters that there are not, and those that there are", () => {
  const schema = queryOf({ mode: z.string().optional(), limit: z.string().optional() });
  expect(schema.parse({ mode: "ttl" })).toEqual({ mode: "ttl" });
  const { error } = schema.safeParse({ mdoe: "ttl", "a b": "", limit: "1" });
  expect(error?.issues.map(({ message }) => message)).toEqual([
    'unknown query parameters "mdoe", "a b": this route takes mode, limit',
  ]);
  expect(queryOf({}).safeParse({ mode: "" }).error?.issues[0]?.message).toBe(
    'unknown query parameter "mode": this route takes none',
  );
});

test("what is wrong with a parameter that there is, is told as ever", () => {
  const { error } = queryOf({ limit: z.coerce.number().max(10) }).safeParse({ limit: "11" });
  expect(error?.issues[0]?.message).toContain("10");
});

test("a route without a schema lets in who asks with what it knows", async () => {
  const app = new Hono<App>();
  app.get("/figures", takes("sid"), (context) => context.text("here"));
  expect(await (await app.request("/figures?sid=1")).text()).toBe("here");
  expect(await (await app.request("/figures")).text()).toBe("here");
  const refused = await app.request("/figures?sid=1&Sid=2");
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    code: "bad-request",
    detail: 'unknown query parameter "Sid": this route takes sid',
  });
});

test("a route of the API that names none takes none", async () => {
  const api = new OpenAPIHono<App>({
    defaultHook: (result, context) => (result.success ? undefined : context.text(result.error.message, 400)),
  });
  const route = createRoute({ method: "get", path: "/", responses: { 200: { description: "There." } } });
  api.openapi(route, (context) => context.text("there"));
  expect((await api.request("/")).status).toBe(200);
  expect((await api.request("/?x")).status).toBe(400);
});
