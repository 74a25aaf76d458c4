/**
 * The straight road of what is asked most often: to take a lock, to keep it, to give it back. On the road of all
 * requests the router, the chain of what stands before a route, and its validators take several times as long as all
 * that is the route's own. Here the same is asked, in the same order, by the same functions and schemas; what is not
 * plainly one of these goes the road of all, untouched.
 */
import { type Context, Hono } from "hono";
import type { Result, Router } from "hono/router";
import type { RouterRoute } from "hono/types";
import { type Asker, ensembleOf } from "./api/ask.ts";
import { askLock, LOCK_BODIES, type LockVerb } from "./api/locks.ts";
import { malformed, notValid } from "./api/validation.ts";
import { type App, type GatewayEnv, knowsEnsemble, unknownEnsemble } from "./documents.ts";
import type { Entrance } from "./entrance.ts";
import type { Gatekeeper } from "./gatekeeper.ts";

/** A name that no escape, query or other route hides in. Of the ensemble v1 more than one route might be meant. */
const URL_OF_LOCK = /^\w+:\/\/[^/]+\/(?:(?!v1\/)[\w.-]+\/)?v1\/locks\/[\w.~:-]+\/(?:acquire|renew|release)$/;

/** The same, behind the host. */
const PATH_OF_LOCK = /^\/(?:([\w.-]+)\/)?v1\/locks\/([^/]+)\/(acquire|renew|release)$/;

/** A body so long is no longer asked about, nor bounded, before it is read. */
const LENGTH = /^\d{1,4}$/;

const KEY_CHARACTERS_MAX = 200;

/** What it is made with. */
export interface RoadParts {
  readonly asker: Asker;
  readonly entrance: Entrance;
  readonly gatekeeper: Gatekeeper;
  /** The road of all. */
  readonly app: Hono<App>;
  readonly failure: (error: Error, context: Context<App>) => Response;
}

/** See the file's comment. */
export class StraightRoad {
  readonly #parts: RoadParts;
  /** For its contexts alone: there is one route. */
  readonly #locks = new Hono<App>({ router: new LockRouter() });

  constructor(parts: RoadParts) {
    this.#parts = parts;
    this.#locks.all("*", async (context) => await this.#answer(context));
    this.#locks.onError(parts.failure);
  }

  /** Answers a request, whichever road it goes. */
  fetch(request: Request, env: GatewayEnv, ctx: ExecutionContext): Response | Promise<Response> {
    const isStraight = request.method === "POST" && URL_OF_LOCK.test(request.url);
    return (isStraight ? this.#locks : this.#parts.app).fetch(request, env, ctx);
  }

  async #answer(context: Context<App>): Promise<Response> {
    const { entrance, gatekeeper, app } = this.#parts;
    if (!this.#isPlain(context)) return await app.fetch(context.req.raw, context.env, context.executionCtx);
    const entered = entrance.enter(context);
    if (entered !== undefined) return entered;
    const bearer = await gatekeeper.admit(context);
    if (bearer instanceof Response) return bearer;
    context.set("bearer", bearer);
    const answer = await this.#ask(context);
    if (answer.status === 401) bearer.refused();
    return answer;
  }

  /** Whether nothing but what is done here is done for it on the road of all. */
  #isPlain(context: Context<App>): boolean {
    const { trace } = this.#parts.gatekeeper.settings.of(context.env);
    const { headers } = context.req.raw;
    const key = headers.get("idempotency-key");
    return (
      trace.endpoint === undefined &&
      !trace.logsJson &&
      headers.get("origin") === null &&
      headers.get("content-type") === "application/json" &&
      LENGTH.test(headers.get("content-length") ?? "") &&
      (key === null || (key.length > 0 && key.length <= KEY_CHARACTERS_MAX))
    );
  }

  async #ask(context: Context<App>): Promise<Response> {
    const ensemble = ensembleOf(context);
    if (!knowsEnsemble(context.env, ensemble)) return unknownEnsemble(context, ensemble);
    const verb = context.req.param("verb") as LockVerb;
    let value: unknown;
    try {
      value = JSON.parse(await context.req.raw.text());
    } catch {
      // Whatever is wrong with it.
      return malformed(context);
    }
    const read = LOCK_BODIES[verb].safeParse(value);
    if (!read.success) return notValid(context, read.error);
    const name = context.req.param("name") ?? "";
    return await askLock(context, this.#parts.asker, { name, verb, body: read.data });
  }
}

type Handled = Parameters<Router<[unknown, RouterRoute]>["add"]>[2];

/** Leads whatever comes to its one handler. */
class LockRouter implements Router<never> {
  readonly name = "LockRouter";
  #handler: Handled | undefined;

  add(_method: string, _path: string, handler: Handled): void {
    this.#handler = handler;
  }

  match(_method: string, path: string): Result<never> {
    const [, ensemble = "main", name = "", verb = ""] = PATH_OF_LOCK.exec(path) ?? [];
    return [[[this.#handler, { ensemble, name, verb }]]] as unknown as Result<never>;
  }
}
