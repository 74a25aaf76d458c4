/** A route refuses query parameters that it does not know, and says which it does. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { expect, test } from "vitest";

import { createRoute } from "../../src/gateway/api/routes.ts";
import { queryOf } from "../../src/gateway/queries.ts";

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
  expect(schema.safeParse({ asOf: "5" }).error?.issues[0]?.message).toBe(
    'unknown query parameter "asOf": this route takes mode, limit; what a znode was is read at /nodes/PATH?asOf=',
  );
});

test("what is wrong with a parameter that there is, is told as ever", () => {
  const { error } = queryOf({ limit: z.coerce.number().max(10) }).safeParse({ limit: "11" });
  expect(error?.issues[0]?.message).toContain("10");
});

test("a route of the API that names none takes none", async () => {
  const api = new OpenAPIHono({
    defaultHook: (result, context) => (result.success ? undefined : context.text(result.error.message, 400)),
  });
  const route = createRoute({ method: "get", path: "/", responses: { 200: { description: "There." } } });
  api.openapi(route, (context) => context.text("there"));
  expect((await api.request("/")).status).toBe(200);
  expect((await api.request("/?x")).status).toBe(400);
});
