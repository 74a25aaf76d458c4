/** The site as `npm run docs:build` builds it: all its pages, what they are made from, and nothing from elsewhere. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pagesThere } from "../../docs/.vitepress/site/pages.ts";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import * as binding from "../../src/binding/main.ts";
import * as client from "../../src/client/index.ts";
import * as clusters from "../../src/clusters/index.ts";
import * as recipes from "../../src/recipes/index.ts";
import { runShell } from "../harness/shell.ts";

/** A hang is what this is for. */
const DEADLINE_MS = 400_000;

let folder: string;
let files: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgekeeper-site-"));
  // A link that leads nowhere fails it.
  await runShell(`npm run docs:build -- --outDir ${folder}`, { cwd: ROOT, deadlineMs: DEADLINE_MS });
  files = await readdir(folder, { recursive: true });
}, DEADLINE_MS);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function textOf(file: string): Promise<string> {
  return await readFile(join(folder, file), "utf8");
}

test("every page is there, with those that are made", () => {
  const made = ["reference/readme", "reference/architecture", "reference/changelog", "reference/http-api"];
  expect(pagesThere()).toEqual(expect.arrayContaining(made));
  expect(pagesThere().filter((page) => !files.includes(`${page}.html`))).toEqual([]);
});

test("the reference of the SDK has everything that the package exports", async () => {
  const entries = { "": client, "/recipes": recipes, "/binding": binding, "/clusters": clusters };
  for (const [entry, exported] of Object.entries(entries)) {
    const page = await textOf(`reference/sdk/edgekeeper${entry}.html`);
    expect(Object.keys(exported).length).toBeGreaterThan(0);
    expect(Object.keys(exported).filter((name) => !page.includes(name))).toEqual([]);
  }
});

test("nothing is loaded from elsewhere, and the search is the site's own", async () => {
  for (const file of files.filter((name) => name.endsWith(".html"))) {
    const loaded = (await textOf(file)).matchAll(/<(?:script|link|img|iframe)[^>]*\b(?:src|href)="([^"]*)"/g);
    expect(Array.from(loaded, ([, url = ""]) => url).filter((url) => /^(?:[a-z]+:)?\/\//.test(url))).toEqual(
      [],
    );
  }
  for (const file of files.filter((name) => name.endsWith(".css"))) {
    expect(await textOf(file)).not.toMatch(/url\(["']?(?:https?:)?\/\//);
  }
  for (const file of files.filter((name) => name.endsWith(".js"))) {
    expect(await textOf(file)).not.toMatch(/(?:import|fetch)\(?\s*["'`](?:https?:)?\/\//);
  }
  expect(files.some((name) => /localSearchIndex/.test(name))).toBe(true);
});
