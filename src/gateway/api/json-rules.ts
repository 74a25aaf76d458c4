/** What a JSON Schema says of a JSON value. The library interprets schemas: a Worker may make no code of text. */
import { type SchemaDraft, Validator } from "@cfworker/json-schema";

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
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** What is not as the schema wants, the first of it; or why the schema, be it what it may, cannot be applied. */
export function violationsOf(schema: unknown, value: unknown): readonly Violation[] | string {
  if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
    return "a schema is an object, true or false";
  const named = typeof schema === "object" && "$schema" in schema ? schema.$schema : undefined;
  const draft = named === undefined ? "2020-12" : draftOf(named);
  if (draft === undefined) return `$schema is none of these: ${[...DRAFTS.keys()].join(", ")}`;
  try {
    const { errors } = new Validator(schema, draft, false).validate(value);
    return errors.slice(0, VIOLATIONS_SHOWN).map(({ instanceLocation, keyword, error }) => ({
      at: instanceLocation,
      keyword,
      message: error,
    }));
  } catch (error) {
    // A reference that leads nowhere, a pattern that is none, or a nesting that has no end.
    if (error instanceof Error) return error.message;
    throw error;
  }
}

function draftOf(named: unknown): SchemaDraft | undefined {
  return typeof named === "string" ? DRAFTS.get(named.replace(/#$/, "")) : undefined;
}
