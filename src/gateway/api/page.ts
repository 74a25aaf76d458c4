/** The OpenAPI document as a page for people: no script, nothing from elsewhere. */
import type { ApiDocument } from "./api.ts";

type PathItem = NonNullable<ApiDocument["paths"]>[string];
type Operation = NonNullable<PathItem["get"]>;

const METHODS = ["get", "put", "post", "delete"] as const;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
h2 { border-top: 1px solid #8888; padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.2rem 0.8rem 0.2rem 0; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
`;

/** The page, whole. */
export function renderPage(document: ApiDocument): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [section(`${method.toUpperCase()} ${path}`, operation)];
    }),
  );
  const { title, version, description = "" } = document.info;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)} HTTP API</title>
<style>${STYLE}</style>
<h1>${escaped(title)} HTTP API ${escaped(version)}</h1>
<p>${prose(description)}</p>
<p>Paths stand behind <code>/ENSEMBLE/v1</code>, or <code>/v1</code> for the ensemble main.
The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
${operations.join("\n")}
</html>
`;
}

function section(title: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).flatMap((parameter) =>
    "name" in parameter
      ? [row(`${parameter.in} ${parameter.name}${parameter.required === true ? "" : "?"}`, textOf(parameter))]
      : [],
  );
  const responses = Object.entries<object>(operation.responses ?? {}).map(([status, response]) =>
    row(status, textOf(response)),
  );
  return `<h2><code>${escaped(title)}</code></h2>
<p><b>${escaped(operation.summary ?? "")}.</b> ${prose(operation.description ?? "")}</p>
${table("Parameters", parameters)}
${body(operation)}
${table("Answers", responses)}`;
}

function body(operation: Operation): string {
  const { requestBody } = operation;
  if (requestBody === undefined || !("content" in requestBody)) return "";
  const [type = ""] = Object.keys(requestBody.content);
  const schema = requestBody.content[type]?.schema;
  const shown = type === "application/json" ? `<pre>${escaped(JSON.stringify(schema, null, 2))}</pre>` : "";
  return `<p>Body: <code>${escaped(type)}</code></p>${shown}`;
}

function table(title: string, rows: readonly string[]): string {
  return rows.length === 0 ? "" : `<table><tr><th colspan="2">${title}</th></tr>${rows.join("")}</table>`;
}

function row(name: string, text: string): string {
  return `<tr><td><code>${escaped(name)}</code></td><td>${prose(text)}</td></tr>`;
}

/** A parameter's word stands with it or with its schema. */
function textOf(described: object): string {
  if ("description" in described && typeof described.description === "string") return described.description;
  const schema = "schema" in described ? described.schema : undefined;
  return typeof schema === "object" && schema !== null ? textOf(schema) : "";
}

function prose(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
