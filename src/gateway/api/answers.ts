/** What routes of the API answer with, and take, beside their own. */
import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type App, problem } from "../documents.ts";
import { problemSchema } from "./schemas.ts";

/** One answer of a route, for its document. */
interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** What each problem's status means here. */
const PROBLEMS = {
  400: "What was asked for is not valid.",
  403: "The caller may not do that.",
  404: "There is no such thing.",
  409: "It does not go with what is there.",
  410: "The session or lease is over, or the moment is older than the history that is kept.",
  412: "A precondition does not hold: nothing was done.",
  413: "It is too large.",
  415: "The body is of another type.",
  422: "The key came with another request before, or a document is not as its schema wants.",
  501: "The deployment has that switched off.",
  503: "Nothing was done: ask again after Retry-After.",
  504: "Nobody knows whether it was done.",
  507: "There is no room.",
} as const;

/** The answers of a route: its own, and these problems; those that every route has are added. */
export function answers(
  problems: readonly (keyof typeof PROBLEMS)[],
  own: Readonly<Record<number, Answer>>,
): Record<number, Answer> {
  const content = { "application/problem+json": { schema: problemSchema } };
  const all: Record<number, Answer> = { ...own };
  for (const status of problems) all[status] = { description: PROBLEMS[status], content };
  // Every route refuses query parameters that it does not know.
  all[400] ??= { description: PROBLEMS[400], content };
  all[401] = { description: "Neither the secret, nor a token that is valid.", content };
  all[413] ??= { description: PROBLEMS[413], content };
  all[429] = { description: "Too many requests: nothing was done, ask again after Retry-After.", content };
  // No ensemble of that name, or a caller from elsewhere in development.
  all[404] ??= { description: "There is no such ensemble.", content };
  all[403] ??= { description: PROBLEMS[403], content };
  return all;
}

/** A document. */
export function json(
  context: Context<App>,
  status: 200 | 201,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return context.body(`${JSON.stringify(value)}\n`, status, {
    ...headers,
    "content-type": "application/json",
  });
}

/** The answer to a caller that shows a token which is none. */
export function unknownCaller(context: Context<App>): Response {
  return problem(context, 401, "unauthorized", "the token of Cloudflare Access is not valid here");
}

/** The body, as long as it is no longer than this; a problem where it is. */
export async function bytesOf(context: Context<App>, bytesMax: number): Promise<Uint8Array | Response> {
  const refused = (): Response =>
    problem(context, 413, "too-large", `a znode takes ${bytesMax} bytes at most`);
  if (Number(context.req.header("content-length") ?? 0) > bytesMax) return refused();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const { body } = context.req.raw;
  if (body === null) return new Uint8Array();
  const stream: AsyncIterable<Uint8Array> = body;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    // Its length was not told, or not truly.
    if (length > bytesMax) return refused();
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
