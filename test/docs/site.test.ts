/** The site, before it is built: no page is missing in its side bar, and no link of a page leads nowhere. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { httpReference, apiDocument } from "../../docs/.vitepress/site/http-reference.ts";
import { anchorOf, siteLink, targetOf } from "../../docs/.vitepress/site/links.ts";
import { COPIES, MADE, pagesThere, sectionsOf, titleOf } from "../../docs/.vitepress/site/pages.ts";
import { ROOT } from "../../docs/.vitepress/site/root.ts";

const KEPT = pagesThere().filter((page) => !page.startsWith(`${MADE}/`));
const FILES = [...Object.values(COPIES), ...KEPT.map((page) => `docs/${page}.md`), "docs/index.md"];

/** What stands outside of code, where links are links and headings are headings. */
function proseOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8").replaceAll(/^```[^]*?^```$/gm, "");
}

/** Where the links of a file lead. */
function linksOf(file: string): readonly string[] {
  return Array.from(proseOf(file).matchAll(/\]\(([^)\s]+)\)/g), ([, href = ""]) => href);
}

function anchorsOf(file: string): ReadonlySet<string> {
  const headings = proseOf(file).matchAll(/^#{1,6} (.+)$/gm);
  return new Set(Array.from(headings, ([, heading = ""]) => anchorOf(heading.replaceAll("`", ""))));
}

/** What is wrong with a link, undefined where nothing is. */
function problemOf(file: string, href: string): string | undefined {
  if (/^[a-z]+:/i.test(href))
    return href.startsWith("https://") ? undefined : `${file}: ${href} is not https`;
  const [path = "", anchor] = href.split("#");
  const target = path === "" ? file : targetOf(file, path);
  // Made when the site is built, which fails where it is not there.
  if (target.startsWith(`docs/${MADE}/`)) return undefined;
  if (!existsSync(join(ROOT, target))) return `${file}: ${href} leads to ${target}, which is not there`;
  if (anchor === undefined || !target.endsWith(".md") || statSync(join(ROOT, target)).isDirectory())
    return undefined;
  return anchorsOf(target).has(anchor) ? undefined : `${file}: ${href}: ${target} has no heading for that`;
}

describe("the side bar", () => {
  test("has every page once, also one that no section names", () => {
    const there = [
      ...KEPT,
      "a-page-of-tomorrow",
      `${MADE}/readme`,
      `${MADE}/examples`,
      `${MADE}/examples/payment`,
    ];
    const shown = sectionsOf(there).flatMap(({ pages }) => pages);
    expect(shown.toSorted()).toEqual(there.toSorted());
    expect(sectionsOf(there).at(-1)).toEqual({ text: "More", pages: ["a-page-of-tomorrow"] });
  });

  test("shows no page that is not there, and no empty section", () => {
    expect(sectionsOf(["sdk"])).toEqual([{ text: "Ways in", pages: ["sdk"] }]);
  });

  test.each(KEPT)("has a title for %s", (page) => {
    expect(titleOf(page)).toMatch(/\w/);
  });
});

describe("links", () => {
  test.each(FILES)("of %s lead somewhere, to a heading that is there", (file) => {
    expect(linksOf(file).flatMap((href) => problemOf(file, href) ?? [])).toEqual([]);
  });

  test("lead to the site's own pages, to no page for source, and what is not there fails the build", () => {
    expect(siteLink("http.md", "../README.md#a")).toEqual({ kind: "page", href: "/reference/readme.md#a" });
    expect(siteLink("guides/x.md", "../../examples/payment")).toMatchObject({
      href: "/reference/examples/payment.md",
    });
    expect(siteLink("reference/readme.md", "docs/sdk.md")).toEqual({ kind: "page", href: "/sdk.md" });
    expect(siteLink("reference/examples/payment.md", "src/charge.ts")).toEqual({ kind: "file" });
    expect(siteLink("http.md", "https://example.com")).toEqual({ kind: "as-is" });
    expect(() => siteLink("http.md", "../nowhere.ts")).toThrow("docs/http.md links to ../nowhere.ts");
  });

  test("are found wanting where they are", () => {
    expect(problemOf("docs/http.md", "nowhere.md")).toContain("which is not there");
    expect(problemOf("docs/http.md", "sdk.md#nowhere")).toContain("has no heading for that");
    expect(problemOf("docs/http.md", "http://example.com")).toContain("is not https");
  });
});

test("the HTTP reference has every operation of the OpenAPI document, and every body", async () => {
  const document = await apiDocument();
  const page = httpReference(document);
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(operations.length).toBeGreaterThan(40);
  expect(operations.filter((route) => !page.includes(`\`${route}\``))).toEqual([]);
  const { schemas = {} } = document.components ?? {};
  for (const name of Object.keys(schemas)) expect(page).toContain(`### ${name}\n`);
  expect(page).not.toContain("undefined");
  expect(page).not.toContain("[object Object]");
});
