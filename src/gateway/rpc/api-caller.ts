/**
 * How the service binding asks: through the routes of the HTTP API, within this isolate. So there is one validation,
 * one contract and one list of errors for both doors, and nothing is decided here that is decided there.
 */
import { Hono } from "hono";
import { EdgekeeperError } from "../../binding/problem.ts";
import { logLine } from "../../durable/log-line.ts";
import { makeApi } from "../api/api.ts";
import { Asker } from "../api/ask.ts";
import { withBoundCaller } from "../bound-caller.ts";
import type { App, GatewayEnv } from "../documents.ts";
import type { CallerIdentities } from "../identities.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { type BindingProps, boundsOf } from "./binding-props.ts";

/** What is asked. */
export interface Asked {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Behind /ENSEMBLE/v1, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly json?: unknown;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

/** An answer that is no problem. */
export interface Reply {
  readonly status: number;
  /** The place in the order of all writes that it rests on. */
  readonly zxid: string;
  readonly etag: string;
  readonly response: Response;
}

/** The routes of the API for callers through the binding: made when the first of them comes. */
export class BindingApi {
  readonly #callers: CallerIdentities;
  readonly #whereabouts: Whereabouts;
  #app: Hono<App> | undefined;

  constructor(callers: CallerIdentities, whereabouts: Whereabouts) {
    this.#callers = callers;
    this.#whereabouts = whereabouts;
  }

  /** The app: it asks nobody for a secret, so nothing but ApiCaller may reach it. */
  get app(): Hono<App> {
    this.#app ??= new Hono<App>().route("/:ensemble/v1", this.#makeApi());
    return this.#app;
  }

  #makeApi(): Hono<App> {
    return makeApi(new Asker(this.#callers, this.#whereabouts), this.#whereabouts);
  }
}

/** One caller: a Worker's binding, with what its props allow. */
export class ApiCaller {
  readonly #api: BindingApi;
  readonly #env: GatewayEnv;
  readonly #context: ExecutionContext;
  readonly #ensemble: string;

  /** Throws EdgekeeperError bad-props where the binding's props are not valid. */
  constructor(api: BindingApi, env: GatewayEnv, context: ExecutionContext<BindingProps>) {
    const { ensemble, caller } = boundsOf(context.props);
    this.#api = api;
    // Whoever waits here is seen to leave by its signal: there is nobody to be written to, as development has it.
    this.#env = withBoundCaller({ ...env, EDGEKEEPER_DEV: "" }, caller);
    this.#context = context;
    this.#ensemble = ensemble;
  }

  /** Keeps this isolate at work until the promise is settled, the caller gone or not. */
  waitUntil(promise: Promise<unknown>): void {
    this.#context.waitUntil(promise);
  }

  /** The answer; throws EdgekeeperError for a problem. */
  async ask({ method, path, headers = {}, json, body, signal }: Asked): Promise<Reply> {
    const sent = new Headers();
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent.set(name, value);
    if (json !== undefined) sent.set("content-type", "application/json");
    const request = new Request(`http://binding/${encodeURIComponent(this.#ensemble)}/v1${path}`, {
      method,
      headers: sent,
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      signal: signal ?? null,
    });
    const response = await this.#api.app.fetch(request, this.#env, this.#context);
    if (response.status >= 400) throw await errorOf(response);
    const { status } = response;
    const [zxid, etag] = [response.headers.get("zxid") ?? "", response.headers.get("etag") ?? ""];
    return { status, zxid, etag, response };
  }

  /** The answer's JSON: its shape is taken as told, as both ends are of this program. */
  async json(asked: Asked): Promise<Readonly<Record<string, unknown>> & { readonly zxid: string }> {
    const { response, zxid } = await this.ask(asked);
    return { ...(await response.json<Readonly<Record<string, unknown>>>()), zxid };
  }
}

async function errorOf(response: Response): Promise<EdgekeeperError> {
  const text = await response.text();
  const { status } = response;
  if (response.headers.get("content-type")?.startsWith("application/problem+json") === true) {
    const { code, detail } = JSON.parse(text) as { readonly code: string; readonly detail: string };
    return new EdgekeeperError({ code, detail, status });
  }
  logLine(`binding: ${status} ${text}`);
  return new EdgekeeperError({
    code: "internal",
    detail: "a defect: the log of the Worker tells more",
    status,
  });
}

/** A name or path as one segment of a URL, which takes no part of it for a step up. */
export function segment(text: string): string {
  if (typeof text === "string" && text !== "" && text !== "." && text !== "..")
    return encodeURIComponent(text);
  const detail = `"${String(text)}" names nothing: a name has at least one character, and is not . or ..`;
  throw new EdgekeeperError({ code: "bad-request", detail, status: 400 });
}
