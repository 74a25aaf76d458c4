/**
 * How much of a body is read, and for whom: what no route takes is not read to its end, and of a large one it is asked
 * first whether the token is one that comes with it, as anybody can make up the text of a token.
 */
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { type App, problem } from "../documents.ts";
import type { Asker } from "./ask.ts";

/** The largest transaction, as base64 in a multi, with some room for what stands around it. */
const BODY_BYTES_MAX: number = 4 * 1024 * 1024;

/** A smaller body costs less than a question to a replica. */
const UNASKED_BYTES_MAX: number = 64 * 1024;

/** Both, before any route. */
export function bodyBounds(asker: Asker): readonly MiddlewareHandler<App>[] {
  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: (context: Context<App>) =>
      problem(context, 413, "too-large", `no request takes more than ${BODY_BYTES_MAX} bytes`),
  });
  return [asksFirst(asker), limit];
}

function asksFirst(asker: Asker): MiddlewareHandler<App> {
  return async (context, next) => {
    const length = Number(context.req.header("content-length") ?? Infinity);
    const isLarge = context.req.raw.body !== null && length > UNASKED_BYTES_MAX;
    const isUnproven = context.get("bearer")?.kind === "token";
    const refusal = isLarge && isUnproven ? await asker.refusal(context, undefined) : undefined;
    return refusal ?? (await next());
  };
}
