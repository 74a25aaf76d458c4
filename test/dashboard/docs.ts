/**
 * `npm run dashboard:docs`: what docs/dashboard.md shows of the page, made anew: its pictures in docs/dashboard, and
 * the table of what it weighs. An ensemble of three and a real Chromium are started for it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Browser, BrowserContextOptions } from "playwright-core";

import { connect } from "../../src/client/index.ts";
import { openPage, startBrowser } from "../harness/browser.ts";
import { PARTS, visit, weigh } from "../harness/page-checks.ts";
import { acquire, openScene, type Scene, SECRET } from "../system/dashboard-scene.ts";

const DOCS: string = join(import.meta.dirname, "../../docs");

/** Between these lines of the page the table stands. */
const BEGIN = "<!-- made by npm run dashboard:docs -->";
const END = "<!-- end of what is made -->";

const DESKTOP: BrowserContextOptions = { viewport: { width: 1200, height: 760 } };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 780 },
  isMobile: true,
  hasTouch: true,
};

/** A picture: its file, the screen, and where in the page it is taken. */
interface Picture {
  readonly name: string;
  readonly screen: BrowserContextOptions;
  readonly place: string;
  /** What is there once it may be taken. */
  readonly shown: string;
  /** A button that is pressed first. */
  readonly pressed?: string;
}

function pictures(beganAt: string): readonly Picture[] {
  return [
    { name: "replicas", screen: DESKTOP, place: "replicas", shown: "leader" },
    { name: "tree", screen: { ...DESKTOP, colorScheme: "dark" }, place: "tree/app/settings", shown: "weur" },
    { name: "past", screen: DESKTOP, place: `tree/app?from=${beganAt}`, shown: "removed" },
    {
      name: "locks",
      screen: DESKTOP,
      place: "locks/locks/orders/42",
      shown: "if it stays silent",
      pressed: "Explain",
    },
    { name: "phone", screen: PHONE, place: "tree/app/settings", shown: "weur" },
  ];
}

async function takePictures(browser: Browser, scene: Scene, beganAt: string): Promise<void> {
  for (const { name, screen, place, shown, pressed } of pictures(beganAt)) {
    const { page, context } = await openPage(browser, screen);
    await page.addInitScript(`sessionStorage.setItem("edgekeeper.token", ${JSON.stringify(SECRET)})`);
    await page.goto(`${scene.url}#${place}`);
    if (pressed !== undefined) await page.getByRole("button", { name: pressed, exact: true }).click();
    await page.locator("main").getByText(shown).first().waitFor();
    await page.screenshot({ path: join(DOCS, "dashboard", `${name}.png`) });
    await context.close();
  }
}

/** What there is to be seen beside what every scene has. Gives the zxid before all that has changed. */
async function furnish(scene: Scene): Promise<string> {
  const { api } = scene;
  await api.call("PUT", "/nodes/app/banner", { body: "Closed on Sunday" });
  const { zxid } = await api.call("PUT", "/nodes/app/rate", { body: "100 a minute\nburst 10" });
  await api.call("PUT", "/nodes/app/rate", { body: "200 a minute\nburst 10" });
  await api.call("DELETE", "/nodes/app/banner");
  await api.call("PUT", "/nodes/app/region", { body: "weur" });
  await acquire(scene, "orders/42", "worker-7");
  await acquire(scene, "orders/43", "worker-2");
  return zxid;
}

/** What is the same on any machine; the times, which are not, are printed. */
async function tableOf(browser: Browser, { url }: Scene): Promise<string> {
  const { bytes, gzipBytes, brotliBytes } = await weigh(url);
  const rows: string[] = [];
  for (const part of Object.keys(PARTS)) {
    const seen = await visit(browser, { url, token: SECRET, part });
    const answers = `${kilobytes(seen.bytes - bytes)} | ${kilobytes(seen.gzipBytes - gzipBytes)}`;
    rows.push(`| ${part} | ${seen.requests} | ${answers} | ${seen.layoutShift.toFixed(3)} |`);
    const times = `first paint ${Math.round(seen.firstPaintMs)} ms, with data ${Math.round(seen.interactiveMs)} ms`;
    console.log(`${part}: ${times}`);
  }
  return [
    `The page is one file of ${kilobytes(bytes)} KB: ${kilobytes(gzipBytes)} KB as gzip makes it, ` +
      `${kilobytes(brotliBytes)} KB as brotli does.`,
    "Until the data of a part are there, the page and its answers are so many requests:",
    "",
    "| part | requests | answers, KB | as gzip makes them | layout shift |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(1);
}

function filled(text: string, table: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/dashboard.md has no lines ${BEGIN} and ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`;
}

const scene = await openScene({ children: 1000 });
const browser = await startBrowser();
const client = await connect(scene.ensemble.httpUrl, { token: SECRET });
try {
  await client.watch("/app/settings");
  const beganAt = await furnish(scene);
  await takePictures(browser, scene, beganAt);
  const file = join(DOCS, "dashboard.md");
  await writeFile(file, filled(await readFile(file, "utf8"), await tableOf(browser, scene)));
  console.log("docs/dashboard.md and docs/dashboard are made anew");
} finally {
  await client.close();
  await browser.close();
  await scene.ensemble.stop();
}
