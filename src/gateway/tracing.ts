/**
 * Traces of requests to the API (W3C Trace Context): one that comes with a sampled traceparent goes on with it, and of
 * those without one as many are traced as TRACE_RATIO says. Where no collector is set nothing is looked at.
 */
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { readTraceparent } from "../base/trace.ts";
import type { TraceSettings } from "../base/trace-settings.ts";
import { logJson, logLine } from "../durable/log-line.ts";
import { SpanExporter } from "../durable/span-exporter.ts";
import { toHex } from "../base/bytes.ts";
import { type App, ensemblesOf } from "./documents.ts";
import { RequestTrace } from "./request-trace.ts";
import { SettingsMemory } from "./settings-memory.ts";

/** Of one isolate. */
export class Tracing {
  readonly #settings = new SettingsMemory();
  readonly #exporters = new WeakMap<object, SpanExporter>();

  /** What is done around each request to the API. */
  get middleware(): MiddlewareHandler<App> {
    return async (context, next) => {
      const { trace } = this.#settings.of(context.env);
      const begun = trace.endpoint === undefined ? undefined : this.#begin(context, trace);
      const startMs = Date.now();
      if (begun !== undefined) context.set("trace", begun);
      await next();
      if (begun !== undefined) end(context, begun, startMs);
      if (trace.logsJson) logRequest(context, begun, startMs);
    };
  }

  #begin(context: Context<App>, settings: TraceSettings): RequestTrace | undefined {
    const parent = readTraceparent(context.req.header("traceparent"));
    const isSampled = parent === undefined ? random() < settings.ratio : parent.isSampled;
    if (!isSampled) return undefined;
    const exporter = this.#exporterOf(context, settings);
    const traceId = parent?.traceId ?? toHex(crypto.getRandomValues(new Uint8Array(16)));
    const spanId = toHex(crypto.getRandomValues(new Uint8Array(8)));
    return new RequestTrace({ traceId, spanId }, parent?.spanId, exporter);
  }

  /** What one request leaves to be sent another one's event may send, so each keeps the isolate for its own. */
  #exporterOf(context: Context<App>, settings: TraceSettings): SpanExporter {
    const event = context.executionCtx;
    const known = this.#exporters.get(event);
    if (known !== undefined) return known;
    const exporter = new SpanExporter({
      settings,
      resource: { "service.name": "edgekeeper", "service.instance.id": "gateway" },
      now: () => Date.now(),
      wait: async (ms) => await new Promise((resolve) => setTimeout(resolve, ms)),
      fetch: (url, init) => fetch(url, init),
      inBackground: (work) => event.waitUntil(work),
      log: (text) => logLine(`gateway: ${text}`),
    });
    this.#exporters.set(event, exporter);
    return exporter;
  }
}

function random(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}

function end(context: Context<App>, trace: RequestTrace, startMs: number): void {
  const { method } = context.req;
  const { status } = context.res;
  const ensemble = context.req.param("ensemble") ?? "main";
  trace.end({
    name: `${method} ${routeOf(context)}`,
    startMs,
    attributes: {
      "http.request.method": method,
      "http.route": routeOf(context),
      "http.response.status_code": status,
      ...(ensemblesOf(context.env).includes(ensemble) ? { "edgekeeper.ensemble": ensemble } : {}),
    },
    error: status >= 500 ? `answered ${status}` : undefined,
  });
}

/** Of the route, and not of the path: what a path names may be nobody else's business. */
function routeOf(context: Context<App>): string {
  return (
    matchedRoutes(context)
      .map(({ path }) => path)
      .findLast((path) => !path.endsWith("*")) ?? "/"
  );
}

function logRequest(context: Context<App>, trace: RequestTrace | undefined, startMs: number): void {
  const traced = trace === undefined ? {} : { trace_id: trace.place.traceId, span_id: trace.place.spanId };
  logJson({
    event: "request",
    method: context.req.method,
    route: routeOf(context),
    status: context.res.status,
    tookMs: Date.now() - startMs,
    zxid: context.res.headers.get("zxid") ?? undefined,
    ...traced,
  });
}
