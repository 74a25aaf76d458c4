/**
 * The straight road of what is asked most often: to take a lock, to keep it, to give it back. On the road of all
 * requests the router, the chain of what stands before a route, and its validators take several times as long as all
 * that is the route's own. Here the same is asked, in the same order, by the same functions, on a context of no more
 * than these look at; what is not plainly one of these requests goes the road of all, untouched.
 */
import type { Context, Hono } from "hono";
import type { Asker } from "./api/ask.ts";
import { plainBody } from "./api/lock-bodies.ts";
import { askLock, LOCK_BODIES, type LockVerb } from "./api/locks.ts";
import { malformed, notValid } from "./api/validation.ts";
import { type App, type GatewayEnv, knowsEnsemble, unknownEnsemble } from "./documents.ts";
import type { Entrance } from "./entrance.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import { straightContext } from "./straight-context.ts";

/** A name that no escape, query or other route hides in. Of the ensemble v1 more than one route might be meant. */
const URL_OF_LOCK =
  /^\w+:\/\/[^/]+\/(?:(?!v1\/)([\w.-]+)\/)?v1\/locks\/([\w.~:-]+)\/(acquire|renew|release)$/;

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

  constructor(parts: RoadParts) {
    this.#parts = parts;
  }

  /** Answers a request, whichever road it goes. */
  fetch(request: Request, env: GatewayEnv, ctx: ExecutionContext): Response | Promise<Response> {
    const found = request.method === "POST" ? URL_OF_LOCK.exec(request.url) : null;
    if (found === null) return this.#parts.app.fetch(request, env, ctx);
    const [, ensemble = "main", name = "", verb = ""] = found;
    const parameters = { ensemble, name, verb };
    const context = straightContext({ raw: request, env, executionCtx: ctx, parameters });
    return this.#answer(context, { ensemble, name, verb: verb as LockVerb });
  }

  async #answer(context: Context<App>, asked: AskedLock): Promise<Response> {
    const { entrance, gatekeeper, app } = this.#parts;
    try {
      if (!this.#isPlain(context)) return await app.fetch(context.req.raw, context.env, context.executionCtx);
      const entered = entrance.enter(context);
      if (entered !== undefined) return entered;
      const bearer = await gatekeeper.admit(context);
      if (bearer instanceof Response) return bearer;
      context.set("bearer", bearer);
      const answer = await this.#ask(context, asked);
      if (answer.status === 401) bearer.refused();
      return answer;
    } catch (error) {
      // What is no error the runtime tells of, as on the road of all.
      if (error instanceof Error) return this.#parts.failure(error, context);
      throw error;
    }
  }

  /** Whether nothing but what is done here is done for it on the road of all. */
  #isPlain(context: Context<App>): boolean {
    const { trace } = this.#parts.gatekeeper.settings.of(context.env);
    const { req: request } = context;
    const key = request.header("idempotency-key");
    return (
      trace.endpoint === undefined &&
      !trace.logsJson &&
      request.header("origin") === undefined &&
      request.header("content-type") === "application/json" &&
      LENGTH.test(request.header("content-length") ?? "") &&
      (key === undefined || (key.length > 0 && key.length <= KEY_CHARACTERS_MAX))
    );
  }

  async #ask(context: Context<App>, { ensemble, name, verb }: AskedLock): Promise<Response> {
    if (!knowsEnsemble(context.env, ensemble)) return unknownEnsemble(context, ensemble);
    let value: unknown;
    try {
      value = JSON.parse(await context.req.raw.text());
    } catch {
      // Whatever is wrong with it.
      return malformed(context);
    }
    const plain = plainBody(verb, value);
    if (plain !== undefined) return await askLock(context, this.#parts.asker, { name, verb, body: plain });
    const read = LOCK_BODIES[verb].safeParse(value);
    if (!read.success) return notValid(context, read.error);
    return await askLock(context, this.#parts.asker, { name, verb, body: read.data });
  }
}

/** What is asked of which lock. */
interface AskedLock {
  readonly ensemble: string;
  readonly name: string;
  readonly verb: LockVerb;
}
