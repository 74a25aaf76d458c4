/**
 * `npm run dashboard`: makes the dashboard's page of src/dashboard, as src/dashboard/page.json, which the Worker serves.
 * The page is committed, so that neither `npm start` nor `wrangler deploy` needs a step of its own for it, and
 * test/dashboard says where it is not the one that its sources make.
 */
import { createHash } from "node:crypto";
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

const ROOT: string = join(import.meta.dirname, "..");

const SOURCE: string = join(ROOT, "src/dashboard");

/** Where the page is kept. */
export const PAGE_FILE: string = join(SOURCE, "page.json");

/** What browsers of the last years read: the style sheet has light-dark(), which is as young. */
const TARGET = "es2022";

/** The packages that the page holds, whose licences want to go with it. */
const HELD = ["preact", "@preact/signals", "@preact/signals-core", "uplot", "diff"];

/** The page, and what a browser is to let it do. */
export interface Page {
  readonly html: string;
  /** The value of Content-Security-Policy: nothing but what is in the page, and requests to where it came from. */
  readonly policy: string;
  readonly etag: string;
}

/** Builds it anew. The same sources make the same bytes. */
export async function buildPage(): Promise<Page> {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCE, "main.tsx")],
    absWorkingDir: ROOT,
    outdir: "out",
    bundle: true,
    minify: true,
    format: "esm",
    target: TARGET,
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
    write: false,
  });
  const textOf = (extension: string): string =>
    outputFiles.find(({ path }) => path.endsWith(extension))?.text.trim() ?? "";
  const script = textOf(".js").replaceAll("</script", "<\\/script");
  const style = textOf(".css");
  const template = await readFile(join(SOURCE, "page.template.html"), "utf8");
  // What stands between the tags is what the policy's hashes are of.
  const page = filled(filled(template, "<style></style>", style), '<script type="module"></script>', script);
  const html = `${page.trim()}\n<!--\n${await licences()}\n-->\n`;
  return { html, policy: policyOf(script, style), etag: `"${hashOf(html, "hex").slice(0, 20)}"` };
}

/** Puts a text into the empty element of the template. */
function filled(template: string, element: string, text: string): string {
  const [before, after, ...more] = template.split(element);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`src/dashboard/page.template.html must have one ${element}`);
  }
  const [start, end] = element.split("><");
  return `${before}${start}>${text}<${end}${after}`;
}

function policyOf(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${hashOf(script, "base64")}'`,
    `style-src 'sha256-${hashOf(style, "base64")}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function hashOf(text: string, encoding: "hex" | "base64"): string {
  return createHash("sha256").update(text).digest(encoding);
}

async function licences(): Promise<string> {
  const parts = await Promise.all(HELD.map(async (name) => `${name}\n\n${await licenceOf(name)}`));
  return `This page holds these packages.\n\n${parts.join("\n\n")}`.replaceAll("--", "- -");
}

async function licenceOf(name: string): Promise<string> {
  const folder = join(ROOT, "node_modules", name);
  for await (const file of glob("LICENSE*", { cwd: folder })) {
    return (await readFile(join(folder, file), "utf8")).trim();
  }
  throw new Error(`${name} has no licence to go with it`);
}

/** The bytes of the file. */
export function fileOf(page: Page): string {
  return `${JSON.stringify(page, null, 1)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const page = await buildPage();
  await writeFile(PAGE_FILE, fileOf(page));
  console.log(`src/dashboard/page.json: a page of ${page.html.length} characters`);
}
