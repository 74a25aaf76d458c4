/**
 * The dashboard: one page, the same for everybody, with nothing of any ensemble in it. It is given before anybody shows
 * a credential, as a browser cannot show one before it has the page that asks for it; what it then asks the API for is
 * checked as of any caller. It is kept from whom no door is open to, and from pages of others, which must not frame it.
 */
import type { Context } from "hono";
import page from "../dashboard/page.json" with { type: "json" };
import type { App } from "./documents.ts";

/** What no name of an ensemble may be, as other pages stand there. */
const OTHER_PAGES: ReadonlySet<string> = new Set(["docs", "healthz", "metrics", "openapi.json", "v1"]);

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": page.policy,
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "cache-control": "no-cache",
  vary: "accept",
  etag: page.etag,
};

/** Whether a browser asks for the page: at /ENSEMBLE/, or, where it says that it wants HTML, at / or /ENSEMBLE. */
export function asksForPage(context: Context<App>): boolean {
  const { method, path } = context.req;
  if (method !== "GET" && method !== "HEAD") return false;
  const [, name, slash] = /^\/([^/]*)(\/?)$/.exec(path) ?? [];
  if (name === undefined || OTHER_PAGES.has(name)) return false;
  return slash === "/" || wantsHtml(context.req.header("accept"));
}

/** The page; at /ENSEMBLE the way to /ENSEMBLE/. */
export function showPage(context: Context<App>): Response {
  const { path } = context.req;
  if (!path.endsWith("/")) return context.redirect(`${path}/`, 302);
  if (context.req.header("if-none-match") === page.etag) {
    return new Response(null, { status: 304, headers: HEADERS });
  }
  return context.html(page.html, 200, HEADERS);
}

/** Programs ask for anything, or for JSON; browsers name HTML first. */
function wantsHtml(accept: string | undefined): boolean {
  return accept?.includes("text/html") === true;
}
