/** The page that the Worker serves is the one that its sources make. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { buildPage, fileOf, PAGE_FILE } from "../../packaging/dashboard.ts";

test("the committed page is what its sources make: run `npm run dashboard` where it is not", async () => {
  const committed = await readFile(PAGE_FILE, "utf8");
  const built = fileOf(await buildPage());
  // Compared as one: a difference of 160 KB tells nobody anything.
  expect(
    committed === built ? "fresh" : "stale: run npm run dashboard, and commit src/dashboard/page.json",
  ).toBe("fresh");
});

test("its policy lets it do nothing but run itself and ask where it came from", async () => {
  const { policy, html } = await buildPage();
  const directives = policy.split("; ");
  expect(directives[0]).toBe("default-src 'none'");
  expect(directives).toContain("connect-src 'self'");
  expect(directives).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const links = html.replace(/<!--[^]*?-->/g, "").match(/(?:src|href)="(?!data:|#)[^"]*"/g) ?? [];
  expect(links).toEqual([]);
});
