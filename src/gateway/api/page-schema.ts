/** Schemas of the OpenAPI document as people read them: a name of a type, and a table of fields. */

/** A JSON Schema, as far as it is shown. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

const REFERENCE = "#/components/schemas/";

/** Where on the page a schema with a name is. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`;
}

/** A type in a word, with a link where it has a name. */
export function typeText(schema: Schema | undefined): string {
  if (schema === undefined) return "";
  const { $ref, type, items, anyOf, oneOf, allOf } = schema;
  if ($ref !== undefined) {
    const name = $ref.replace(REFERENCE, "");
    return `<a href="#${schemaAnchor(name)}">${escaped(name)}</a>`;
  }
  if ("const" in schema) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((one) => code(JSON.stringify(one))).join(" or ");
  const [only, ...more] = allOf ?? [];
  if (only !== undefined && more.length === 0) return typeText(only);
  const some = anyOf ?? oneOf ?? allOf;
  if (some !== undefined) return [...new Set(some.map(typeText))].join(" or ");
  if (type === "array") return `list of ${typeText(items) || "anything"}`;
  return [type ?? []].flat().join(" or ");
}

/** What is said of a value beside its type: its description, its bounds, and what it is where it is left out. */
export function aboutText(
  schema: Schema | undefined,
  description: string = schema?.description ?? "",
): string {
  if (schema === undefined) return prose(description);
  // A whole number has these bounds where it has none of its own.
  const isBound = (bound: number | undefined): boolean =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const bounds = [
    ...(isBound(schema.minimum) ? [`at least ${schema.minimum}`] : []),
    ...(isBound(schema.maximum) ? [`at most ${schema.maximum}`] : []),
    ...(schema.maxLength === undefined ? [] : [`at most ${schema.maxLength} characters`]),
    ...(schema.default === undefined ? [] : [`${code(JSON.stringify(schema.default))} by default`]),
  ];
  const extra = bounds.length === 0 ? "" : ` <span class="faint">${bounds.join(", ")}</span>`;
  return `${prose(description)}${extra}`;
}

/** A table of an object's fields; empty where it has none. */
export function fieldsTable(title: string, schema: Schema | undefined): string {
  const required = new Set(schema?.required ?? []);
  const rows = Object.entries(schema?.properties ?? {}).map(([name, field]) =>
    row(name, { type: typeText(field), isRequired: required.has(name), about: aboutText(field) }),
  );
  return table(title, rows);
}

/** A body that may be sent: what is required, and what has an example. */
export function exampleOf(schema: Schema | undefined): unknown {
  if (schema === undefined) return {};
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.type === "array") return [exampleOf(schema.items)];
  if (schema.properties === undefined)
    return schema.type === "integer" || schema.type === "number" ? 1 : "...";
  const required = new Set(schema.required ?? []);
  const shown = Object.entries(schema.properties).filter(
    ([name, field]) => required.has(name) || field.example !== undefined,
  );
  return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(field)]));
}

/** What stands for a parameter in an address or header; undefined where there is no example. */
export function exampleText(schema: Schema | undefined): string | undefined {
  const example = schema?.example;
  return example === undefined || typeof example === "string" ? example : JSON.stringify(example);
}

/** A line of a table of fields or parameters. */
export function row(
  name: string,
  {
    type,
    isRequired,
    about,
  }: { readonly type: string; readonly isRequired: boolean; readonly about: string },
): string {
  const mark = isRequired ? ' <span class="must">required</span>' : "";
  return `<tr><td><code>${escaped(name)}</code>${mark}</td><td>${type}</td><td>${about}</td></tr>`;
}

/** A table with a title; empty where it has no rows. */
export function table(title: string, rows: readonly string[]): string {
  if (rows.length === 0) return "";
  const head = `<th>${escaped(title)}</th><th></th><th></th>`;
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** A text in which backticks mark code. */
export function prose(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

/** A text in which nothing is markup. */
export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}
