/** What the contract has of /watch, whose answer does not end by itself. */
import { expect } from "vitest";
import type { ApiInit, HttpApi } from "../harness/http-api.ts";

/** The deployment lets a caller have this many streams. */
export const STREAMS_MAX = 1;

export const WATCH_FAILURES: readonly (readonly [string, string, () => ApiInit, string])[] = [
  ["GET", "/watch/there?part=odd", () => ({}), "400 bad-request"],
  ["GET", "/watch/there//x", () => ({}), "400 bad-path"],
  ["GET", `/watch/there?since=${"1".padStart(20, "0")}`, () => ({}), "410 history-gone"],
];

const NEW_HOOK = { name: "new", url: "http://127.0.0.1:9/", path: "/none" };

/** Each route of webhooks as it succeeds, in this order; nothing is sent, as nothing happens there. */
export const HOOK_SUCCESSES: readonly (readonly [string, string, () => ApiInit])[] = [
  ["POST", "/webhooks", () => ({ json: NEW_HOOK })],
  ["GET", "/webhooks", () => ({})],
  ["POST", "/webhooks/new/resume", () => ({ json: {} })],
  ["DELETE", "/webhooks/new", () => ({})],
];

/** `there` is a webhook. */
export const HOOK_FAILURES: readonly (readonly [string, string, () => ApiInit, string])[] = [
  ["POST", "/webhooks", () => ({ json: { ...NEW_HOOK, url: "x" } }), "400 bad-url"],
  ["POST", "/webhooks", () => ({ json: { ...NEW_HOOK, name: "there" } }), "412 node-exists"],
  ["POST", "/webhooks", () => ({ body: "", headers: { "content-type": "x/y" } }), "415 bad-content-type"],
  ["POST", "/webhooks/none/resume", () => ({ json: {} }), "404 no-such-webhook"],
  ["POST", "/webhooks/there/resume", () => ({ json: { since: "now" } }), "400 bad-request"],
  [
    "POST",
    "/webhooks/there/resume",
    () => ({ body: "", headers: { "content-type": "x/y" } }),
    "415 bad-content-type",
  ],
  ["DELETE", "/webhooks/none", () => ({}), "404 no-such-webhook"],
  ["DELETE", "/webhooks/a%20b", () => ({}), "400 bad-request"],
];

/** Makes the webhook `there`. */
export async function prepareHooks(api: HttpApi): Promise<void> {
  const made = await api.call("POST", "/webhooks", { json: { ...NEW_HOOK, name: "there" } });
  expect(made.status).toBe(201);
}

/** Succeeds, and fails where it was not seen yet: without the secret, elsewhere, and with one stream too many. */
export async function watchContract(
  api: HttpApi,
  authorized: Readonly<Record<string, string>>,
): Promise<void> {
  for (const headers of [{}, { authorization: "Bearer another" }]) {
    const refused = await api.as(headers).call("GET", "/watch/there");
    expect(refused).toMatchObject({ status: 401, code: "unauthorized" });
  }
  const elsewhere = await api.as(authorized, "nowhere").call("GET", "/watch/there");
  expect(elsewhere).toMatchObject({ status: 404, code: "no-such-ensemble" });
  const stream = await api.respond("GET", "/watch/there");
  expect(stream.status).toBe(200);
  expect(await api.call("GET", "/watch/there")).toMatchObject({ status: 429, code: "too-many-streams" });
  await stream.body?.cancel();
}
