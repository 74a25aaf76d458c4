/** What makes a page quick, quiet and usable, measured by the browser that shows it: as Lighthouse looks at pages. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { brotliCompressSync, gzipSync } from "node:zlib";

import type { Browser, BrowserContextOptions, Page, Response } from "playwright-core";

import { openPage } from "./browser.ts";

/** The parts of the dashboard, each with what shows that its data are there. */
export const PARTS: Readonly<Record<string, string>> = {
  replicas: "main tbody tr",
  tree: "main [role=treeitem] ~ [role=treeitem]",
  locks: "main tbody tr",
  sessions: "main tbody tr",
  watches: "main tbody tr",
  config: "main [role=treeitem] ~ [role=treeitem]",
  metrics: "main .uplot",
};

/** WCAG 2.2, target size (minimum). */
const TARGET_PIXELS = 24;

/** What came over the wire before there were data to work with, and when that was. */
export interface Visit {
  readonly part: string;
  readonly requests: number;
  /** Of bodies, before any compression. */
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly firstPaintMs: number;
  /** Data are drawn, and no long task is under way. */
  readonly interactiveMs: number;
  /** Cumulative, until what is shown was looked at three times more. */
  readonly layoutShift: number;
  /** Errors of the console and of scripts, and what the policy of the page forbade. */
  readonly wrongs: readonly string[];
  /** Where anything was asked for. */
  readonly origins: readonly string[];
}

/** Where a visit leads. */
export interface Visited {
  readonly url: string;
  readonly token: string;
  readonly part: string;
}

/** A visit, whole. */
export async function visit(
  browser: Browser,
  at: Visited,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  return await (
    await beginVisit(browser, at, options)
  )();
}

/**
 * Opens a part as somebody does who was there before: the token is kept in the tab, and nothing else anywhere. Resolves
 * when its data are there, with what ends the visit: that takes some looks of the page, which others may pass as well.
 */
export async function beginVisit(
  browser: Browser,
  at: Visited,
  options: BrowserContextOptions = {},
): Promise<() => Promise<Visit>> {
  const { page, context, asked, wrongs } = await openPage(browser, options);
  const consoled: string[] = [];
  const bodies: Promise<Buffer>[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") consoled.push(message.text());
  });
  const take = (response: Response): void => {
    // Of 304 there is none.
    if (response.ok()) bodies.push(response.body());
  };
  page.on("response", take);
  await page.addInitScript(observing(at.token, PARTS[at.part] ?? "main"));
  await page.goto(`${at.url}#${at.part}`);
  await page.evaluate("globalThis.isInteractive");
  page.off("response", take);
  const came = await Promise.all(bodies);
  return async () => {
    // What is looked at again and again may move what stands there.
    for (let look = 0; look < 3; look++) await page.waitForResponse(/\/v1\/status$/);
    const seen =
      await page.evaluate<Pick<Visit, "firstPaintMs" | "interactiveMs" | "layoutShift">>("globalThis.seen");
    await context.close();
    return {
      ...seen,
      part: at.part,
      requests: came.length,
      bytes: sum(came.map(({ length }) => length)),
      gzipBytes: sum(came.map((body) => gzipSync(body).length)),
      wrongs: [...wrongs, ...consoled],
      origins: [...new Set([...asked].map((url) => new URL(url).origin))].filter((one) => one !== "null"),
    };
  };
}

/** Runs in the page before anything of it does. */
function observing(token: string, data: string): string {
  return `
    sessionStorage.setItem("edgekeeper.token", ${JSON.stringify(token)});
    const seen = globalThis.seen = { firstPaintMs: 0, interactiveMs: 0, layoutShift: 0 };
    let tell;
    globalThis.isInteractive = new Promise((resolve) => { tell = resolve; });
    let busyUntilMs = 0;
    const observe = (type, take) =>
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
    observe("paint", ({ name, startTime }) => {
      if (name === "first-contentful-paint") seen.firstPaintMs = startTime;
    });
    observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.layoutShift += value; });
    observe("longtask", ({ startTime, duration }) => { busyUntilMs = Math.max(busyUntilMs, startTime + duration); });
    const look = () => {
      if (document.querySelector(${JSON.stringify(data)}) === null) return requestAnimationFrame(look);
      // The frame that shows them, and whatever still runs then.
      requestAnimationFrame(() => setTimeout(() => {
        seen.interactiveMs = Math.max(performance.now(), busyUntilMs);
        tell(true);
      }));
    };
    requestAnimationFrame(look);
  `;
}

/** How large the page is: as it is, and as it is compressed on the way. */
export async function weigh(url: string): Promise<{
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly brotliBytes: number;
}> {
  const body = Buffer.from(await (await fetch(url)).arrayBuffer());
  return {
    bytes: body.length,
    gzipBytes: gzipSync(body).length,
    brotliBytes: brotliCompressSync(body).length,
  };
}

/** What axe-core objects to, the size of targets included, or by these rules alone: the rule, and where. */
export async function objections(page: Page, only?: readonly string[]): Promise<readonly unknown[]> {
  if (!(await page.evaluate<boolean>("globalThis.axe !== undefined"))) {
    const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    await page.evaluate(`(() => { ${source} })()`);
  }
  const asked = only === undefined ? { rules: { "target-size": { enabled: true } } } : { runOnly: only };
  return await page.evaluate(
    `axe.run(document, ${JSON.stringify({ resultTypes: ["violations"], ...asked })}).then(({ violations }) =>
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => html + failureSummary)]))`,
  );
}

/** What can be pressed and is less than 24 pixels wide or high. */
export async function smallTargets(page: Page): Promise<readonly string[]> {
  return await page.evaluate(`[...document.querySelectorAll(
      "button, a[href], input, select, textarea, summary, [role=treeitem], .fold, label.check",
    )].flatMap((element) => {
      const { width, height, right } = element.getBoundingClientRect();
      // A box to tick is as large as what it is labelled with; links in sentences are as high as these.
      const isLarger = element.closest("label.check input, .hidden, .explained") !== null;
      const isShown = width > 0 && height > 0 && right > 0 && !isLarger;
      const isSmall = width < ${TARGET_PIXELS} || height < ${TARGET_PIXELS};
      const text = element.outerHTML.slice(0, 120);
      return isShown && isSmall ? [width.toFixed(1) + " x " + height.toFixed(1) + " " + text] : [];
    })`);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
