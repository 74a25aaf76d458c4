/** Reads that may be answered from what this isolate has kept. */
import type { Context } from "hono";
import { isUnderToken } from "../../base/scope-identity.ts";
import { ZXID_ZERO } from "../../base/zxid.ts";
import { encodeRecord } from "../../durable/call-record.ts";
import type { HandedOver } from "../../durable/handed-over.ts";
import type { App } from "../documents.ts";
import { type Answered, type Asker, ensembleOf, type Question } from "./ask.ts";
import { type Found, maxAgeOf, ReadCache } from "./read-cache.ts";
import { readZxid } from "./schemas.ts";

/** Asks, unless it need not. */
export class CachedReads {
  readonly #asker: Asker;
  readonly #cache = new ReadCache<Answered>();

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** What was kept, where the caller takes something as old; otherwise what a replica says now. */
  async ask(
    context: Context<App>,
    caller: HandedOver,
    question: Question,
  ): Promise<Found<Answered> | Response> {
    const { request } = question;
    const maxAgeMs = maxAgeOf(context.req.header("cache-control"));
    const isKept =
      maxAgeMs > 0 &&
      request.kind === "read" &&
      !request.isLinearizable &&
      request.change === undefined &&
      context.req.header("session") === undefined &&
      // A token that is revoked reads nothing more, however old.
      !isUnderToken(caller.identities ?? []);
    if (!isKept) return await this.#now(context, caller, question);
    const minZxid = context.req.header("min-zxid");
    const { remoteAddress: _, ...who } = caller;
    const key = encodeRecord([ensembleOf(context), who, request]);
    const nowMs = performance.now();
    const wanted = { maxAgeMs, minZxid: minZxid === undefined ? ZXID_ZERO : readZxid(minZxid), nowMs };
    const found = this.#cache.find(key, wanted);
    if (found !== undefined) return found;
    const asked = await this.#now(context, caller, question);
    // That there is nothing is cheap to say, and must not be said for long.
    const isKeepable = !(asked instanceof Response) && asked.answer.isPublic && asked.answer.code === 0;
    if (isKeepable === true) {
      this.#cache.keep(key, asked.answer, { atMs: nowMs, bytes: bytesOf(asked.answer) });
    }
    return asked;
  }

  async #now(
    context: Context<App>,
    caller: HandedOver,
    question: Question,
  ): Promise<Found<Answered> | Response> {
    const answer = await this.#asker.ask(context, caller, question);
    return answer instanceof Response ? answer : { answer, ageMs: undefined };
  }
}

/** About how many its data or names take. */
function bytesOf({ response }: Answered): number {
  if (response.op === "getData") return response.data?.length ?? 0;
  return response.op === "page" ? response.children.reduce((sum, name) => sum + name.length + 32, 0) : 0;
}
