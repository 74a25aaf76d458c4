/** The OpenAPI document as a page for people: no script, nothing from elsewhere. */
import type { ApiDocument } from "./api.ts";
import {
  aboutText,
  escaped,
  exampleOf,
  exampleText,
  fieldsTable,
  prose,
  row,
  type Schema,
  schemaAnchor,
  table,
  typeText,
} from "./page-schema.ts";
import { PAGE_STYLE } from "./page-style.ts";

type PathItem = NonNullable<ApiDocument["paths"]>[string];
type Operation = NonNullable<PathItem["get"]>;

const METHODS = ["get", "put", "post", "delete"] as const;

/** One thing that may be asked for. */
interface Route {
  readonly method: (typeof METHODS)[number];
  readonly path: string;
  readonly operation: Operation;
}

/** A parameter, as far as it is shown. */
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

/** Answers from here on are problem documents. */
const ERROR_STATUS = 400;

/** The page, whole. */
export function renderPage(document: ApiDocument): string {
  const routes = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method): readonly Route[] => {
      const operation = item[method];
      return operation === undefined ? [] : [{ method, path, operation }];
    }),
  );
  const groups = Map.groupBy(routes, ({ path }) => path.split("/")[1] ?? "");
  // The document holds plain JSON Schemas, of which its type knows more forms than are shown.
  const schemas = Object.entries((document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>);
  const { title, version, description = "" } = document.info;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} HTTP API</title>
<style>${PAGE_STYLE}</style>
<nav aria-label="Routes">
<p><a href="#top"><b>${escaped(title)}</b> HTTP API</a></p>
${[...groups].map(([name, members]) => contents(name, members)).join("\n")}
<p><a href="#schemas"><b>Schemas</b></a></p>
</nav>
<main id="top">
<h1>${escaped(title)} HTTP API <span class="version">of version ${escaped(version)}</span></h1>
<p>${prose(description)}</p>
<p>Paths stand behind <code>/ENSEMBLE/v1</code>; <code>/v1</code> alone is short for <code>/main/v1</code>, the ensemble
that there is unless others are named. Where the deployment has a secret, each request shows that, or a token, as
<code>Authorization: Bearer ...</code>; under <code>npm start</code> there is none. The same for programs:
<a href="/openapi.json">openapi.json</a>. What the tree holds, <a href="/">the dashboard</a> shows.</p>
<p>Errors are problem documents (<code>application/problem+json</code>) with a <code>code</code> that stays.</p>
${[...groups].map(([name, members]) => chapter(name, members)).join("\n")}
<h2 id="schemas">Schemas</h2>
${schemas.map(([name, schema]) => schemaSection(name, schema)).join("\n")}
</main>
</html>
`;
}

function contents(name: string, routes: readonly Route[]): string {
  const items = routes.map(
    (route) => `<li><a href="#${anchorOf(route)}">${verb(route)}<span>${escaped(route.path)}</span></a></li>`,
  );
  return `<details open><summary>${escaped(name)}</summary><ul>${items.join("")}</ul></details>`;
}

function chapter(name: string, routes: readonly Route[]): string {
  return `<h2 id="${name}">${escaped(name)}</h2>\n${routes.map(section).join("\n")}`;
}

function section(route: Route): string {
  const { path, operation } = route;
  const rows = parametersOf(operation).map(({ name, in: place, required = false, description, schema }) =>
    row(name, {
      type: [`<span class="faint">${escaped(place)}</span>`, typeText(schema)].filter(Boolean).join(" "),
      isRequired: required,
      about: aboutText(schema, description),
    }),
  );
  return `<h3 id="${anchorOf(route)}">${verb(route)} <code>${escaped(path)}</code></h3>
<p><b>${escaped(operation.summary ?? "")}.</b> ${prose(operation.description ?? "")}</p>
<pre><code>${escaped(curlOf(route))}</code></pre>
${table("Parameters", rows)}
${bodyOf(operation)}
${answersOf(operation)}`;
}

/** None of ours is a reference. */
function parametersOf({ parameters = [] }: Operation): readonly Parameter[] {
  return parameters as unknown as readonly Parameter[];
}

/** What is sent, field by field. */
function bodyOf(operation: Operation): string {
  const { type, schema } = bodySchema(operation);
  if (type === undefined) return "";
  const fields = type === "application/json" ? fieldsTable("Body, as JSON", schema) : "";
  return fields === "" ? `<p>Body: <code>${escaped(type)}</code> ${typeText(schema)}</p>` : fields;
}

function bodySchema({ requestBody }: Operation): { readonly type?: string; readonly schema?: Schema } {
  if (requestBody === undefined || !("content" in requestBody)) return {};
  const [type] = Object.keys(requestBody.content);
  if (type === undefined) return {};
  const schema = requestBody.content[type]?.schema as Schema | undefined;
  return { type, ...(schema === undefined ? {} : { schema }) };
}

/** What is answered; errors are many and alike, and unfold. */
function answersOf({ responses = {} }: Operation): string {
  const all = Object.entries<object>(responses).map(([status, response]) => ({
    isError: Number(status) >= ERROR_STATUS,
    text: row(status, { type: contentText(response), isRequired: false, about: prose(wordOf(response)) }),
  }));
  const errors = all.filter(({ isError }) => isError).map(({ text }) => text);
  const good = all.filter(({ isError }) => !isError).map(({ text }) => text);
  const unfolded = `<details><summary>${errors.length} errors</summary>${table("Errors", errors)}</details>`;
  return `${table("Answers", good)}${errors.length === 0 ? "" : unfolded}`;
}

function contentText(response: object): string {
  if (!("content" in response)) return "";
  const content = response.content as Readonly<Record<string, { readonly schema?: Schema }>>;
  return [...new Set(Object.values(content).map(({ schema }) => typeText(schema)))]
    .filter(Boolean)
    .join(" or ");
}

function wordOf(response: object): string {
  return "description" in response && typeof response.description === "string" ? response.description : "";
}

function schemaSection(name: string, schema: Schema): string {
  const about = schema.description === undefined ? "" : `<p>${prose(schema.description)}</p>`;
  const fields = fieldsTable("Fields", schema) || `<p>${typeText(schema)}</p>`;
  return `<h3 id="${schemaAnchor(name)}"><code>${escaped(name)}</code></h3>\n${about}${fields}`;
}

function anchorOf({ method, path }: Route): string {
  return `${method}${path.replaceAll(/[^\w]+/g, "-").replace(/-$/, "")}`;
}

function verb({ method }: Route): string {
  return `<span class="verb ${method}">${method.toUpperCase()}</span>`;
}

/** How it is asked for with curl; `$URL` is the address up to /v1. */
function curlOf({ method, path, operation }: Route): string {
  const parameters = parametersOf(operation);
  const told = path.replaceAll(/\{(\w+)\}/g, (word, name: string) => {
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    return exampleText(parameter?.schema) ?? word;
  });
  const headers = parameters.flatMap(({ name, in: place, required, schema }) =>
    place === "header" && required === true ? [` -H '${name}: ${exampleText(schema) ?? "..."}'`] : [],
  );
  const { type, schema } = bodySchema(operation);
  const body =
    type === undefined
      ? ""
      : type === "application/json"
        ? ` -H 'Content-Type: application/json' -d '${JSON.stringify(exampleOf(schema))}'`
        : " --data-binary @FILE";
  return `curl${method === "get" ? "" : ` -X ${method.toUpperCase()}`} "$URL${told}"${headers.join("")}${body}`;
}
