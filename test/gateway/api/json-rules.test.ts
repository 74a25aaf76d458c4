/** What counts as a JSON Schema, by its draft, and what is told of one that is none. */
import { describe, expect, test } from "vitest";
import { schemaProblem, violationsOf } from "../../../src/gateway/api/json-rules.ts";

const DRAFT_4 = "http://json-schema.org/draft-04/schema#";
const DRAFT_7 = "http://json-schema.org/draft-07/schema#";
const DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema";
const DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema";

const within = (schema: unknown): object => ({ properties: { a: { properties: { b: { items: schema } } } } });

describe.each([DRAFT_4, DRAFT_7, DRAFT_2019, DRAFT_2020])("%s", ($schema) => {
  test.each([
    [{}],
    [{ type: "object", required: ["a"], properties: { a: { type: ["integer", "null"], minimum: 0 } } }],
    [{ ...within({ maxLength: 3 }), "x-of-ours": 1 }],
    [{ allOf: [{ not: { enum: [1, "x", null] } }], patternProperties: { "^a": {} } }],
  ])("%j is a schema", (schema) => {
    expect(schemaProblem({ $schema, ...schema })).toBeUndefined();
  });

  test.each([
    [{ type: "odd" }, "#/type"],
    [{ required: "a" }, "#/required"],
    [{ minimum: "7" }, "#/minimum"],
    [{ pattern: "(" }, "#/pattern"],
    [{ properties: [] }, "#/properties"],
    [{ allOf: [] }, "#/allOf"],
    [{ additionalProperties: "no" }, "#/additionalProperties"],
    [within({ maxLength: -1 }), "#/properties/a/properties/b/items/maxLength"],
    [within({ type: "odd" }), "#/properties/a/properties/b/items/type"],
  ])("%j is none", (schema, at) => {
    expect(schemaProblem({ $schema, ...schema })).toContain(` ${at}: `);
  });
});

test("what is a schema in one draft may be none in another", () => {
  const bound = { exclusiveMinimum: true, minimum: 1 };
  expect(schemaProblem({ $schema: DRAFT_4, ...bound })).toBeUndefined();
  expect(schemaProblem({ $schema: DRAFT_7, ...bound })).toContain("#/exclusiveMinimum: ");
  const items = { items: [{ type: "string" }] };
  expect(schemaProblem({ $schema: DRAFT_7, ...items })).toBeUndefined();
  expect(schemaProblem(items)).toBe(
    'as draft 2020-12 has them: #/items: Instance type "array" is invalid. Expected "object", "boolean".',
  );
});

test("it is said what is expected, not that something around it does not match", () => {
  expect(schemaProblem({ properties: { port: { type: "odd" } } })).toBe(
    "as draft 2020-12 has them: #/properties/port/type: Instance does not match any of " +
      '["array","boolean","integer","null","number","object","string"]. ' +
      'Or: Instance type "string" is invalid. Expected "array".',
  );
});

test.each([[null], [7], ["x"], [[]]])("%j is no schema at all", (schema) => {
  expect(schemaProblem(schema)).toBe("a schema is an object, true or false");
});

test("a schema nested beyond all reason is refused, not a defect", () => {
  let schema: object = {};
  for (let depth = 0; depth < 100_000; depth++) schema = { not: schema };
  expect(schemaProblem(schema)).toContain("Maximum call stack");
});

test("a draft that is not known is none of those that are", () => {
  expect(schemaProblem({ $schema: "http://example.com/schema" })).toContain(DRAFT_2020);
});

test("what a schema refers to must be in it", () => {
  expect(schemaProblem({ $ref: "#/$defs/none" })).toBeUndefined();
  expect(violationsOf({ $ref: "#/$defs/none" }, null)).toContain("none");
});
