/** A real Chromium, driven over its own protocol. */
import { existsSync } from "node:fs";

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

/** Where Debian, and CHROMIUM, have it. */
const PLACES: readonly string[] = [
  process.env["CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Nothing of it asks for anything by itself. */
const ARGUMENTS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why there is no browser here, for people; undefined where there is one. */
export function missingBrowser(): string | undefined {
  if (browserFile() !== undefined) return undefined;
  return (
    "no Chromium here, so the dashboard is not tested: install it (on Debian: apt-get install -y chromium), or name " +
    "its program by CHROMIUM"
  );
}

function browserFile(): string | undefined {
  return PLACES.find((place) => place !== "" && existsSync(place));
}

/** Starts it, on a profile of its own that goes with it. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = browserFile();
  if (executablePath === undefined) throw new Error(missingBrowser());
  return await chromium.launch({ executablePath, args: [...ARGUMENTS] });
}

/** A page, and what it did that it should not have. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Every address that was asked for. */
  readonly asked: Set<string>;
  /** What the policy of the page forbade, and errors that nobody caught. */
  readonly wrongs: string[];
}

/** Opens a page in a context of its own, which shares nothing with others. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const asked = new Set<string>();
  const wrongs: string[] = [];
  context.on("request", (request) => void asked.add(request.url()));
  context.on("weberror", (error) => void wrongs.push(error.error().message));
  const page = await context.newPage();
  page.on("console", (message) => {
    const isOfPolicy = /Content Security Policy|Trusted|Refused to/i.test(message.text());
    if (isOfPolicy) wrongs.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  return { page, context, asked, wrongs };
}
