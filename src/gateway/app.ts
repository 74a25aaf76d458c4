/**
 * The HTTP door. It builds its own requests to replicas and passes no client's URL or headers through, so that nothing
 * from outside can reach the entry where replicas talk to each other.
 */
import { type Context, Hono, type MiddlewareHandler, type Next } from "hono";
import { HTTPException } from "hono/http-exception";
import { logLine } from "../durable/log-line.ts";
import type { Permission } from "../base/grant.ts";
import type { StatusDocument } from "../base/status-document.ts";
import { describeApi, makeApi } from "./api/api.ts";
import { Asker, ensembleOf } from "./api/ask.ts";
import { renderPage } from "./api/page.ts";
import { restore, restoreByPost, shedConnections, takeSnapshot } from "./bulk-commands.ts";
import { listCommands, runCommand } from "./commands.ts";
import { corsOf } from "./cors.ts";
import { asksForPage, showPage } from "./dashboard.ts";
import { type App, document, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { Entrance } from "./entrance.ts";
import { moveLeader, moveLeaderByPost } from "./move-leader.ts";
import { unknownText } from "./queries.ts";
import { allMetrics, ensembleMetrics } from "./metrics.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import type { CallerIdentities } from "./identities.ts";
import { leaderOf, statuses } from "./replicas.ts";
import { StraightRoad } from "./straight-road.ts";
import type { Whereabouts } from "./whereabouts.ts";
import { zooKeeperSocket } from "./zookeeper-socket.ts";

/** /v1 alone is the ensemble main. */
const STATUS_PATHS = ["/:ensemble/v1/status", "/v1/status"] as const;

/** What there is, for those who look around and those who are lost. */
const ROUTES: Readonly<Record<string, string>> = {
  "/ENSEMBLE/": "the dashboard, for a browser",
  "/healthz": "whether every replica of every ensemble serves, or sleeps",
  "/ENSEMBLE/v1/status": "what each replica tells about itself, and who leads",
  "/ENSEMBLE/commands": "ZooKeeper's AdminServer: its commands, each for the leader or for ?sid=SID",
  "/ENSEMBLE/commands/snapshot":
    "a replica's whole tree as a file of ZooKeeper's; needs Authorization as there",
  "/ENSEMBLE/commands/restore": "POST such a file: it takes the place of everything, on all replicas",
  "/ENSEMBLE/commands/shed_connections":
    'POST {"percentage": 10}: so many clients of the leader, or of ?sid=, go elsewhere',
  "/ENSEMBLE/commands/move_leader": "POST with ?to=SID: another voter is to lead",
  "/metrics": "figures of all replicas for Prometheus; /ENSEMBLE/metrics?sid=SID those of one",
  "/ENSEMBLE/v1/...": "the HTTP API: /docs tells about it, /openapi.json is its contract",
  "/ENSEMBLE/zk": "a WebSocket that carries ZooKeeper's protocol",
};

/** What the app is made with. */
export interface AppParts {
  /** Tells who a caller is, by the platform's word. */
  readonly callers: CallerIdentities;
  /** Tells whom to ask first. */
  readonly whereabouts: Whereabouts;
  /** Lets callers in. */
  readonly gatekeeper: Gatekeeper;
}

/** Makes what answers requests: one per isolate. */
export function makeApp(parts: AppParts): StraightRoad {
  const { callers, whereabouts, gatekeeper } = parts;
  const asker = new Asker(callers, whereabouts);
  const entrance = new Entrance();
  const app = makeRoutes(parts, asker, entrance);
  return new StraightRoad({ asker, entrance, gatekeeper, failure, app });
}

function makeRoutes(
  { callers, whereabouts, gatekeeper }: AppParts,
  asker: Asker,
  entrance: Entrance,
): Hono<App> {
  const app = new Hono<App>();

  app.use(async (context, next) => entrance.enter(context) ?? (await next()));
  app.use(corsOf(gatekeeper.settings));
  app.use(async (context, next) => {
    if (!asksForPage(context)) return next();
    return gatekeeper.refusalOfStrangers(context) ?? showPage(context);
  });
  app.use(async (context, next) => {
    const bearer = await gatekeeper.admit(context);
    if (bearer instanceof Response) return bearer;
    context.set("bearer", bearer);
    await next();
    // A replica, which knows, has said so.
    if (context.res.status === 401) bearer.refused();
    return undefined;
  });
  for (const path of ["/", "/healthz", "/metrics"]) app.use(path, forDeploymentAlone);
  for (const path of STATUS_PATHS) app.use(path, forBearersWith(asker, "read"));
  app.use("/:ensemble/metrics", forBearersWith(asker, "read"));
  app.use("/:ensemble/commands/*", forBearersWith(asker, "admin"));

  app.get("/healthz", health);
  app.get("/metrics", takes(), allMetrics);
  app.get("/:ensemble/metrics", takes("sid"), ensembleMetrics);
  for (const path of STATUS_PATHS) app.get(path, takes(), status);
  const api = makeApi(asker, whereabouts);
  const contract = describeApi(api);
  app.route("/:ensemble/v1", api);
  app.route("/v1", api);
  app.get("/openapi.json", (context) => context.json(contract));
  app.get("/docs", (context) =>
    context.html(renderPage(contract), 200, {
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    }),
  );
  for (const path of ["/:ensemble/commands", "/:ensemble/commands/"]) app.get(path, listCommands);
  app.post("/:ensemble/commands/move_leader", takes("to"), moveLeader);
  app.get("/:ensemble/commands/move_leader", moveLeaderByPost);
  app.get("/:ensemble/commands/:command{snap(shot)?}", (context) => takeSnapshot(context, callers));
  app.post("/:ensemble/commands/:command{shed(_connections)?}", (context) =>
    shedConnections(context, callers),
  );
  app.post("/:ensemble/commands/:command{rest(ore)?}", (context) => restore(context, callers));
  app.get("/:ensemble/commands/:command{rest(ore)?}", restoreByPost);
  app.get("/:ensemble/commands/:command", runCommand);
  app.get("/:ensemble/zk", takes("sid", "parks"), (context) => zooKeeperSocket(context, asker, whereabouts));
  app.get("/", (context) => document(context, { ensembles: ensemblesOf(context.env), routes: ROUTES }));
  app.onError(failure);
  app.notFound(noSuchRoute);
  return app;
}

/** What a handler threw: what the caller did, as Hono says it, or a defect of ours, of which the log tells more. */
function failure(error: Error, context: Context<App>): Response {
  if (error instanceof HTTPException && error.status === 415) {
    return problem(context, 415, "bad-content-type", "send the body as application/json");
  }
  if (error instanceof HTTPException && error.status === 400) {
    return problem(context, 400, "bad-request", error.message);
  }
  logLine(`gateway: ${error.stack ?? error.message}`);
  return problem(context, 500, "internal", "a defect: the log of the Worker tells more");
}

/** Who asks for the API is told of its page, others of what there is. */
function noSuchRoute(context: Context<App>): Response {
  const { method, path } = context.req;
  const isOfApi = /^(?:\/[^/]+)?\/v1\//.test(path);
  const there = isOfApi
    ? `${method} ${path} is no route of the API: /docs lists them, and its path may want another method`
    : `there are these: ${Object.keys(ROUTES).join(", ")}`;
  return problem(context, 404, "no-such-route", there);
}

/** Whether every replica of every ensemble serves, or sleeps and would serve whoever asks. */
async function health(context: Context<App>): Promise<Response> {
  const ensembles = await Promise.all(
    ensemblesOf(context.env).map(async (ensemble) => {
      const replicas = await statuses(context.env, ensemble);
      const serving = replicas.filter((replica) => replica.status?.serving === true).length;
      const asleep = replicas.filter((replica) => replica.status?.asleep === true).length;
      const observers = replicas.filter(({ role }) => role === "observer").length;
      return { ensemble, serving, asleep, voters: replicas.length - observers, observers };
    }),
  );
  const healthy = ensembles.every(
    ({ serving, asleep, voters, observers }) => serving + asleep === voters + observers,
  );
  return document(context, { healthy, ensembles }, healthy ? 200 : 503);
}

/** What each replica of an ensemble tells about itself, and who leads. */
async function status(context: Context<App>): Promise<Response> {
  const ensemble = ensembleOf(context);
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const replicas = await statuses(context.env, ensemble);
  const told: StatusDocument = { ensemble, leader: leaderOf(replicas)?.sid ?? null, replicas };
  return document(context, told);
}

/** For a route without a schema: lets in who asks with these query parameters alone. */
function takes(...known: readonly string[]): MiddlewareHandler<App> {
  return async (context, next) => {
    const unknown = Object.keys(context.req.query()).filter((name) => !known.includes(name));
    if (unknown.length > 0) return problem(context, 400, "bad-request", unknownText(unknown, known));
    return await next();
  };
}

/** What tells of all ensembles: a token is of one. */
async function forDeploymentAlone(context: Context<App>, next: Next): Promise<Response | void> {
  if (context.get("bearer")?.kind === "deployment") return await next();
  return problem(context, 403, "no-auth", "this takes the deployment's secret, as it tells of all ensembles");
}

/** What is no znode: who has a token needs the permission on all of the ensemble. */
function forBearersWith(asker: Asker, permission: Permission): MiddlewareHandler<App> {
  return async (context, next) => {
    // Asked for another, no object of it may come to life.
    const isKnown = ensemblesOf(context.env).includes(ensembleOf(context));
    const refusal = isKnown ? await asker.refusal(context, permission) : undefined;
    return refusal ?? (await next());
  };
}
