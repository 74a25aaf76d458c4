/**
 * What a request of the straight road is asked and answered by: as much of Hono's context as its functions look at, of
 * which nothing is made that nobody looks at. To read all headers at once costs a third of looking for each.
 */
import type { Context } from "hono";
import type { App, GatewayEnv } from "./documents.ts";

/** A request, and where its path leads. */
export interface StraightRequest {
  readonly raw: Request;
  readonly env: GatewayEnv;
  readonly executionCtx: ExecutionContext;
  /** By the names that the road of all has for them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What Hono's context of a request is asked for, by the same names: nothing else is there. */
export function straightContext(asked: StraightRequest): Context<App> {
  const { env, executionCtx } = asked;
  const variables = new Map<string, unknown>();
  const context = {
    env,
    executionCtx,
    req: new RequestView(asked),
    get: (name: string): unknown => variables.get(name),
    set: (name: string, value: unknown): void => void variables.set(name, value),
    body: (text: string, status: number, headers: Readonly<Record<string, string>>): Response =>
      new Response(text, { status, headers }),
  };
  return context as Pick<Context<App>, never> as Context<App>;
}

class RequestView {
  readonly raw: Request;
  readonly url: string;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #headers: ReadonlyMap<string, string>;

  constructor({ raw, parameters }: StraightRequest) {
    this.raw = raw;
    this.url = raw.url;
    this.#parameters = parameters;
    this.#headers = new Map(raw.headers);
  }

  /** The name in small letters. */
  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  param(name: string): string | undefined {
    return this.#parameters[name];
  }
}
