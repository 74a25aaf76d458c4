/** The reference of the HTTP API, made of the document that `/openapi.json` of a running ensemble is. */
import { join } from "node:path";

import type { OpenAPIHono } from "@hono/zod-openapi";

import type { Schema } from "../../../src/gateway/api/page-schema.ts";
import { ROOT } from "./root.ts";

/** The document, as far as it is read here. */
type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;
type PathItem = NonNullable<ApiDocument["paths"]>[string];
type Operation = NonNullable<PathItem["get"]>;

const METHODS = ["get", "put", "post", "delete"] as const;

/** What the routes of each first word of a path are about; of another one the word itself says so. */
const GROUPS: Readonly<Record<string, string>> = {
  nodes: "Znodes",
  multi: "Transactions",
  sessions: "Sessions",
  locks: "Locks",
  semaphores: "Semaphores",
  elections: "Elections",
  counters: "Counters",
  config: "Configuration documents",
  services: "Service discovery",
  tokens: "Tokens",
  watch: "Events",
  webhooks: "Webhooks",
};

/** What is asked of the gateway, whose own types are those of a Worker and not of Node. */
interface Gateway {
  readonly makeApi: (callers: object, whereabouts: object) => object;
  readonly describeApi: (api: object) => ApiDocument;
  readonly CallerIdentities: new () => object;
  readonly Whereabouts: new () => object;
}

/** The document, made of the routes as they are registered. */
export async function apiDocument(): Promise<ApiDocument> {
  const modules = ["api/api.ts", "identities.ts", "whereabouts.ts"];
  const loaded = await Promise.all(
    modules.map(async (path) => (await import(join(ROOT, "src/gateway", path))) as Partial<Gateway>),
  );
  const gateway = Object.assign({}, ...loaded) as Gateway;
  return gateway.describeApi(gateway.makeApi(new gateway.CallerIdentities(), new gateway.Whereabouts()));
}

/** The page. */
export function httpReference(document: ApiDocument): string {
  const { description = "", version } = document.info;
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
  const groups = Map.groupBy(operations, ({ path }) => path.split("/")[1] ?? "");
  const parts = [...groups].map(([word, members]) => {
    const title = GROUPS[word] ?? `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
    return [`## ${title}`, ...members.map((one) => section(one.method, one.path, one.operation))].join(
      "\n\n",
    );
  });
  const schemas = Object.entries(
    (document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>,
  ).map(([name, schema]) => `### ${name}\n\n${properties(schema)}`);
  return [
    "# HTTP API",
    `Version ${version}. ${prose(description)}`,
    "Made from the routes themselves. A running ensemble has the same at `/docs`, and for programs at `/openapi.json`. " +
      "Paths stand behind `/ENSEMBLE/v1`, or `/v1` for the ensemble `main`. [Coordination over HTTP](../http.md) tells " +
      "what stands behind the routes, [Security](../security.md) who may ask.",
    ...parts,
    "## What bodies hold",
    ...schemas,
  ]
    .join("\n\n")
    .concat("\n");
}

function section(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).flatMap((parameter) => {
    if (!("name" in parameter)) return [];
    const { schema = {} } = parameter as { readonly schema?: Schema };
    const must = parameter.required === true ? "yes" : "";
    const text = parameter.description ?? schema.description ?? "";
    return [row([`\`${parameter.name}\``, parameter.in, typeOf(schema), must, prose(text)])];
  });
  const answers = Object.entries<object>(operation.responses ?? {}).map(([status, response]) =>
    row([status, prose(textOf(response)), contentOf(response)]),
  );
  return [
    `### ${operation.summary ?? ""}`,
    `\`${method.toUpperCase()} ${path}\``,
    prose(operation.description ?? ""),
    table(["parameter", "in", "type", "required", ""], parameters),
    bodyOf(operation),
    table(["answer", "", "body"], answers),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function bodyOf({ requestBody }: Operation): string {
  if (requestBody === undefined || !("content" in requestBody)) return "";
  const [type = ""] = Object.keys(requestBody.content);
  const schema = requestBody.content[type]?.schema as Schema | undefined;
  if (schema === undefined || type !== "application/json") return `Body: \`${type}\``;
  return `Body: ${typeOf(schema)}\n\n${properties(schema)}`.trim();
}

/** A table of what an object has. */
function properties({ properties: members = {}, required = [] }: Schema): string {
  const rows = Object.entries(members).map(([name, schema]) =>
    row([
      `\`${name}\``,
      typeOf(schema),
      required.includes(name) ? "yes" : "",
      prose(schema.description ?? ""),
    ]),
  );
  return table(["member", "type", "required", ""], rows);
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return reference(schema.$ref);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return choices.map(typeOf).join(" or ");
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  const type = typeof schema.type === "string" ? schema.type : (schema.type?.join(" or ") ?? "any JSON");
  return [type, bounds(schema)].filter((part) => part !== "").join(", ");
}

function bounds({ minimum, maximum, maxLength, default: otherwise }: Schema): string {
  const parts = [
    minimum === undefined && maximum === undefined
      ? ""
      : `${String(minimum ?? "")} to ${String(maximum ?? "")}`.trim(),
    maxLength === undefined ? "" : `${maxLength} characters at most`,
    otherwise === undefined ? "" : `\`${JSON.stringify(otherwise)}\` unless given`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function contentOf(response: object): string {
  if (!("content" in response)) return "";
  const content = response.content as Readonly<Record<string, { readonly schema?: Schema }>>;
  return Object.entries(content)
    .map(([type, { schema }]) => (schema?.$ref === undefined ? `\`${type}\`` : reference(schema.$ref)))
    .join(", ");
}

function reference(path: string): string {
  const name = path.split("/").at(-1) ?? "";
  return `[${name}](#${name.toLowerCase()})`;
}

function textOf(described: object): string {
  return "description" in described && typeof described.description === "string" ? described.description : "";
}

function table(head: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return "";
  return [row(head), row(head.map(() => "---")), ...rows].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("\n", " ").replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Text of the document within Markdown: what looks like HTML outside of code would be taken for it. */
function prose(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;").replaceAll("{{", "{ {")))
    .join("");
}
