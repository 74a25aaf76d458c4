/** What a JSON Schema says of a JSON value. The library interprets schemas: a Worker may make no code of text. */
import { type OutputUnit, type SchemaDraft, Validator } from "@cfworker/json-schema";
import { metaSchemasOf } from "./meta-schemas.ts";

/** Drafts, by what `$schema` says; the latest where it says nothing. */
const DRAFTS: ReadonlyMap<string, SchemaDraft> = new Map([
  ["http://json-schema.org/draft-04/schema", "4"],
  ["http://json-schema.org/draft-07/schema", "7"],
  ["https://json-schema.org/draft/2019-09/schema", "2019-09"],
  ["https://json-schema.org/draft/2020-12/schema", "2020-12"],
]);

const VIOLATIONS_SHOWN = 20;

/** One thing that is not as the schema wants. */
export interface Violation {
  /** Where, as a JSON Pointer behind `#`. */
  readonly at: string;
  /** Which word of the schema says so. */
  readonly keyword: string;
  readonly message: string;
}

/** Parses JSON; undefined where it is none. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return { value };
  } catch (error) {
    // It is no JSON, which the caller tells whoever sent it.
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** What is not as the schema wants, the first of it; or why the schema, be it what it may, cannot be applied. */
export function violationsOf(schema: unknown, value: unknown): readonly Violation[] | string {
  const read = readSchema(schema);
  if (typeof read === "string") return read;
  return applied(() => {
    const { errors } = new Validator(read.schema, read.draft, false).validate(value);
    return errors.slice(0, VIOLATIONS_SHOWN).map(({ instanceLocation, keyword, error }) => ({
      at: instanceLocation,
      keyword,
      message: error,
    }));
  });
}

/** Why it is no JSON Schema of its draft, and where; undefined where it is one. */
export function schemaProblem(schema: unknown): string | undefined {
  const read = readSchema(schema);
  if (typeof read === "string") return read;
  const [root, ...vocabularies] = metaSchemasOf(read.draft);
  const errors = applied(() => {
    const validator = new Validator(root, read.draft, false);
    for (const vocabulary of vocabularies) validator.addSchema(vocabulary);
    return validator.validate(schema).errors;
  });
  if (typeof errors === "string") return errors;
  return errors.length === 0 ? undefined : `as draft ${read.draft} has them: ${deepest(errors)}`;
}

/** What the innermost errors say: those around them say no more than that there are some. */
function deepest(errors: readonly OutputUnit[]): string {
  const depthMax = Math.max(...errors.map(depthOf));
  const inner = errors.filter((error) => depthOf(error) === depthMax);
  const told = inner.filter(({ keyword }) => !AROUND.has(keyword));
  const [first] = inner;
  const at = first?.instanceLocation ?? "#";
  const messages = (told.length > 0 ? told : inner)
    .filter(({ instanceLocation }) => instanceLocation === at)
    .map(({ error }) => error);
  return `${at}: ${[...new Set(messages)].join(" Or: ")}`;
}

function depthOf({ instanceLocation }: OutputUnit): number {
  return instanceLocation.split("/").length;
}

/** Words of a metaschema that fail because one within them does. */
const AROUND: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "anyOf",
  "properties",
  "additionalProperties",
  "items",
]);

/** A schema, and its draft; or why it is none. */
function readSchema(
  schema: unknown,
): { readonly schema: object | boolean; readonly draft: SchemaDraft } | string {
  if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
    return "a schema is an object, true or false";
  const named = typeof schema === "object" && "$schema" in schema ? schema.$schema : undefined;
  const draft = named === undefined ? "2020-12" : draftOf(named);
  if (draft === undefined) return `$schema is none of these: ${[...DRAFTS.keys()].join(", ")}`;
  return { schema, draft };
}

/** What the library makes of a schema; or why it cannot be applied. */
function applied<Result>(interpret: () => Result): Result | string {
  try {
    return interpret();
  } catch (error) {
    // A reference that leads nowhere, a pattern that is none, or a nesting that has no end.
    if (error instanceof Error) return error.message;
    throw error;
  }
}

function draftOf(named: unknown): SchemaDraft | undefined {
  return typeof named === "string" ? DRAFTS.get(named.replace(/#$/, "")) : undefined;
}
