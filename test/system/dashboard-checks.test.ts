/**
 * What Lighthouse looks at, of the dashboard in a real Chromium: what it weighs and asks for, when there is something
 * to work with, whether anything moves under one's hand, and whether everybody can use it. Figures are printed; those
 * that a loaded machine changes are not judged.
 */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sessionKey } from "../../src/base/ids.ts";
import { type Client, connect } from "../../src/client/index.ts";
import { missingBrowser, openPage, startBrowser } from "../harness/browser.ts";
import { beginVisit, objections, PARTS, smallTargets, weigh } from "../harness/page-checks.ts";
import { acquire, openScene, type Scene, SECRET } from "./dashboard-scene.ts";

const LONG_MS = 120_000;

/** Google's bound of a page on which nothing moves under one's hand. */
const LAYOUT_SHIFT_MAX = 0.1;

/** The page, and one answer for each thing that it shows. */
const REQUESTS_MAX = 8;

const missing = missingBrowser();
const isRequired = process.env["EDGEKEEPER_CHROMIUM"] === "required";

const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  hasTouch: true,
  isMobile: true,
};

const SCREENS: readonly (readonly [name: string, options: BrowserContextOptions])[] = [
  ["on a desk", {}],
  ["on a phone", PHONE],
];

/** The rules of axe-core that colours can break; all others see no difference between light and dark. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

let scene: Scene;
let browser: Browser;
let client: Client;
/** Before something changed. */
let beganAt: string;

describe.skipIf(missing !== undefined && !isRequired)(
  "the dashboard, as Lighthouse would look at it,",
  () => {
    beforeAll(async () => {
      [scene, browser] = await Promise.all([openScene({ children: 100 }), startBrowser()]);
      client = await connect(scene.ensemble.httpUrl, { token: SECRET });
      await client.watch("/app/settings");
      beganAt = (await scene.api.call("PUT", "/nodes/app/rate", { body: "1" })).zxid;
      await scene.api.call("PUT", "/nodes/app/rate", { body: "2" });
      await acquire(scene, "orders/42", "worker-7");
    }, LONG_MS);

    afterAll(async () => {
      await client?.close();
      await browser?.close();
      await scene?.ensemble.stop();
    });

    test(
      "does not say who leads where nobody answers, as if it were of now",
      { timeout: LONG_MS },
      async () => {
        const { page, context } = await openPage(browser);
        await comeIn(page);
        const pulse = page.locator(".pulse");
        await pulse.getByText(/^leader \d/).waitFor({ timeout: LONG_MS });
        await page.route("**/v1/status", async (asked) => await asked.abort());
        await pulse.getByText("unknown", { exact: true }).waitFor({ timeout: LONG_MS });
        await page.unroute("**/v1/status");
        await pulse.getByText(/^leader \d/).waitFor({ timeout: LONG_MS });
        expect(await page.getByRole("alert").count()).toBe(0);
        await context.close();
      },
    );

    test(
      "is small, asks for little and nobody else, moves nothing, and goes wrong in nothing",
      { timeout: LONG_MS },
      async () => {
        const { url } = scene;
        const page = await weigh(url);
        console.log(`the page: ${page.bytes} bytes; gzip ${page.gzipBytes}, brotli ${page.brotliBytes}`);
        // One after the other until there are data, so that none slows another; what comes then they pass together.
        const begun = [];
        for (const part of Object.keys(PARTS))
          begun.push(await beginVisit(browser, { url, token: SECRET, part }));
        const onPhone = [];
        for (const part of ["replicas", "tree", "metrics"])
          onPhone.push(await beginVisit(browser, { url, token: SECRET, part }, PHONE));
        const visits = await Promise.all(begun.map(async (end) => await end()));
        for (const { part, ...seen } of visits) {
          console.log(
            `${part}: ${seen.requests} requests, ${seen.bytes} bytes (gzip ${seen.gzipBytes}); first paint ` +
              `${Math.round(seen.firstPaintMs)} ms, with data ${Math.round(seen.interactiveMs)} ms; ` +
              `layout shift ${seen.layoutShift.toFixed(4)}`,
          );
          expect({ part, wrongs: seen.wrongs }).toEqual({ part, wrongs: [] });
          expect({ part, origins: seen.origins }).toEqual({ part, origins: [scene.ensemble.httpUrl] });
          expect(seen.layoutShift).toBeLessThan(LAYOUT_SHIFT_MAX);
          expect(seen.requests).toBeLessThanOrEqual(REQUESTS_MAX);
        }
        for (const phone of await Promise.all(onPhone.map(async (end) => await end())))
          expect(phone.layoutShift).toBeLessThan(LAYOUT_SHIFT_MAX);
      },
    );

    test("says what it is, in which language, and how it may be kept and framed", async () => {
      const response = await fetch(scene.url);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe-(?:eval|inline)/);
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(response.headers.get("etag")).toMatch(/^"[0-9a-f]{20}"$/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const { page, context } = await openPage(browser);
      await comeIn(page);
      await expect.poll(async () => await page.title()).toContain("Replicas");
      const head = await page.evaluate<Readonly<Record<string, string>>>(`({
      language: document.documentElement.lang,
      title: document.title,
      viewport: document.querySelector("meta[name=viewport]").content,
      description: document.querySelector("meta[name=description]").content,
      headings: String(document.querySelectorAll("h1").length),
    })`);
      expect(head).toMatchObject({
        language: "en",
        title: "Replicas · main · Edgekeeper",
        viewport: "width=device-width, initial-scale=1",
        headings: "1",
      });
      expect(head["description"]).toMatch(/^.{50,160}$/);
      await context.close();
    });

    test.each(SCREENS)(
      "can be used by everybody %s, in light and in dark",
      { timeout: LONG_MS },
      async (_, options) => {
        const { page, context } = await openPage(browser, options);
        await page.goto(scene.url);
        await page.getByLabel("Token, or the deployment's secret").waitFor();
        await expectUsable(page, "the way in");
        await comeIn(page);
        for (const [place, shown] of places()) {
          await page.evaluate(`location.hash = ${JSON.stringify(`#${place}`)}`);
          await page.locator("main").locator(shown).first().waitFor();
          await expectUsable(page, place);
          const width = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
          expect(`${place}: ${width} too wide`).toBe(`${place}: 0 too wide`);
        }
        await context.close();
      },
    );

    test.each(SCREENS)(
      "has dialogs that can, too, %s, in light and in dark",
      { timeout: LONG_MS },
      async (_, options) => {
        const { page, context } = await openPage(browser, options);
        await comeIn(page, "#tree/app/settings");
        for (const name of ["New child", "Look back", "Delete"]) {
          await page.getByRole("button", { name, exact: true }).last().click();
          await page.getByRole("dialog").waitFor();
          await expectUsable(page, name);
          await page.keyboard.press("Escape");
          await page.getByRole("dialog").waitFor({ state: "detached" });
        }
        await page.keyboard.press("?");
        await page.getByRole("dialog", { name: "Keys" }).waitFor();
        await expectUsable(page, "the keys");
        await context.close();
      },
    );
  },
);

/** Where in the page one may be, and what is there once it may be judged. */
function places(): readonly (readonly [place: string, shown: string])[] {
  return [
    ...Object.entries(PARTS).map(([part, shown]) => [part, shown.replace(/^main /, "")] as const),
    ["tree/app/settings", "dl.facts"],
    ["tree/nothing/there", ".explained"],
    ["locks/locks/orders/42", ".queue"],
    ["config/config/checkout", ".revisions"],
    [`sessions/${sessionKey(client.sessionId)}`, "dl.facts"],
    ["sessions/00000000000000ff", ".explained"],
    [`tree/app/settings?asOf=${beganAt}`, "dl.facts"],
    [`tree/app?from=${beganAt}`, ".change"],
    ["tree/app?asOf=2000-01-01T00:00:00Z", ".note"],
  ];
}

async function comeIn(page: Page, hash = ""): Promise<void> {
  await page.goto(scene.url + hash);
  await page.getByLabel("Token, or the deployment's secret").fill(SECRET);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Parts of the page" }).waitFor();
}

async function expectUsable(page: Page, place: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "light" });
  expect({ place, objections: await objections(page) }).toEqual({ place, objections: [] });
  await page.emulateMedia({ colorScheme: "dark" });
  expect({ place, inDark: await objections(page, COLOUR_RULES) }).toEqual({ place, inDark: [] });
  expect({ place, small: await smallTargets(page) }).toEqual({ place, small: [] });
}
