/** The HTTP API: its routes, and the OpenAPI document that is made of the schemas which validate their requests. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { EDGEKEEPER_VERSION } from "../../durable/entry.ts";
import { type App, knowsEnsemble, unknownEnsemble } from "../documents.ts";
import { Tracing } from "../tracing.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { addAcl } from "./acl.ts";
import { type Asker, ensembleOf } from "./ask.ts";
import { bodyBounds } from "./body-bounds.ts";
import { addCoordination } from "./coordination.ts";
import { addExplain } from "./explain.ts";
import { addLocks } from "./locks.ts";
import { addMulti } from "./multi.ts";
import { addNodes } from "./nodes.ts";
import { addQueues } from "./queues.ts";
import { addDiff } from "./past.ts";
import { addSessions } from "./sessions.ts";
import { addSessionSurvey } from "./session-survey.ts";
import { addTokens } from "./tokens.ts";
import { notValid } from "./validation.ts";
import { addWatch } from "./watch.ts";
import { addWatches } from "./watches.ts";
import { addWebhooks } from "./webhooks.ts";
import { addWhoAmI } from "./who-am-i.ts";

/** An OpenAPI 3.1 document, as far as it is read here. */
export type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** The routes below /ENSEMBLE/v1. */
export function makeApi(asker: Asker, whereabouts: Whereabouts): OpenAPIHono<App> {
  const api = new OpenAPIHono<App>({
    defaultHook: (result, context) => (result.success ? undefined : notValid(context, result.error)),
  });
  api.use(async (context, next) => {
    const ensemble = ensembleOf(context);
    return knowsEnsemble(context.env, ensemble) ? next() : unknownEnsemble(context, ensemble);
  });
  api.use(new Tracing().middleware);
  for (const bound of bodyBounds(asker)) api.use(bound);
  addNodes(api, asker);
  addAcl(api, asker);
  addMulti(api, asker);
  addSessions(api, asker);
  addSessionSurvey(api, asker);
  addQueues(api, asker);
  addLocks(api, asker);
  addCoordination(api, asker);
  addTokens(api, asker);
  addWatch(api, asker, whereabouts);
  addWebhooks(api, asker);
  addWatches(api, asker);
  addWhoAmI(api, asker);
  addDiff(api, asker);
  addExplain(api, asker);
  return api;
}

/** The document of the routes. */
export function describeApi(api: OpenAPIHono<App>): ApiDocument {
  const document = api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Edgekeeper",
      // The product's: what the API promises stands in its address, /v1, and is taken away with that alone.
      version: EDGEKEEPER_VERSION,
      description:
        "A small tree of znodes, the same on several replicas, its sessions and its locks. All of it is shared with " +
        "ZooKeeper's clients. Every answer carries `Zxid`; sent back as `Min-Zxid` it makes time never go backwards.",
    },
    servers: [
      { url: "/{ensemble}/v1", variables: { ensemble: { default: "main" } } },
      { url: "/v1", description: "The ensemble main." },
    ],
    security: [{ secret: [] }],
  });
  // Hono's own form of a path over several segments is none of OpenAPI's.
  const paths: NonNullable<ApiDocument["paths"]> = {};
  for (const [path, item] of Object.entries(document.paths ?? {})) paths[documentedPath(path)] = item;
  const secret = {
    type: "http",
    scheme: "bearer",
    description: "EDGEKEEPER_SECRET, a token, or a signed token of JWT_ISSUER; none in development.",
  } as const;
  return {
    ...document,
    paths,
    components: { ...document.components, securitySchemes: { secret } },
  };
}

/** A route's path as the document has it. */
function documentedPath(path: string): string {
  return path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
}
