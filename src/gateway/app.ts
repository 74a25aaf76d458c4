/**
 * The HTTP door. It builds its own requests to replicas and passes no client's URL or headers through, so that nothing
 * from outside can reach the entry where replicas talk to each other.
 */
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { GATEWAY_PATHS, replicaStub } from "../durable/entry.ts";
import { callerHeaders } from "../durable/handed-over.ts";
import { logLine } from "../durable/log-line.ts";
import { readSettings } from "../base/settings.ts";
import { refusal } from "./access.ts";
import { describeApi, makeApi } from "./api/api.ts";
import { renderPage } from "./api/page.ts";
import { restore, restoreByPost, shedConnections, takeSnapshot } from "./bulk-commands.ts";
import { listCommands, runCommand } from "./commands.ts";
import { type App, document, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { moveLeader, moveLeaderByPost } from "./move-leader.ts";
import { allMetrics, ensembleMetrics } from "./metrics.ts";
import { addressOf, callerOf, type CallerIdentities } from "./identities.ts";
import { leaderOf, statuses } from "./replicas.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** What there is, for those who look around and those who are lost. */
const ROUTES: Readonly<Record<string, string>> = {
  "/healthz": "whether every replica of every ensemble serves",
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

/** Makes the app: one per isolate. `callers` tells who a caller is, `whereabouts` whom to ask first. */
export function makeApp(callers: CallerIdentities, whereabouts: Whereabouts): Hono<App> {
  const app = new Hono<App>();

  app.use(async (context, next) => {
    // The runtime makes it of the Host header, and lets through what is none.
    if (!URL.canParse(context.req.url)) {
      return problem(context, 400, "bad-url", "the Host header and the path make no URL");
    }
    const refused = refusal(context.env, {
      host: new URL(context.req.url).host,
      origin: context.req.header("origin"),
      authorization: context.req.header("authorization"),
    });
    if (refused !== undefined) {
      return problem(
        context,
        refused.status,
        refused.status === 401 ? "unauthorized" : "forbidden",
        refused.detail,
      );
    }
    return next();
  });

  app.get("/healthz", health);
  app.get("/metrics", allMetrics);
  app.get("/:ensemble/metrics", ensembleMetrics);
  app.get("/:ensemble/v1/status", status);
  const api = makeApi(callers, whereabouts);
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
  app.post("/:ensemble/commands/move_leader", moveLeader);
  app.get("/:ensemble/commands/move_leader", moveLeaderByPost);
  app.get("/:ensemble/commands/:command{snap(shot)?}", (context) => takeSnapshot(context, callers));
  app.post("/:ensemble/commands/:command{shed(_connections)?}", (context) =>
    shedConnections(context, callers),
  );
  app.post("/:ensemble/commands/:command{rest(ore)?}", (context) => restore(context, callers));
  app.get("/:ensemble/commands/:command{rest(ore)?}", restoreByPost);
  app.get("/:ensemble/commands/:command", runCommand);
  app.get("/:ensemble/zk", (context) => zooKeeperSocket(context, { callers, whereabouts }));
  app.get("/", (context) => document(context, { ensembles: ensemblesOf(context.env), routes: ROUTES }));
  app.onError(failure);
  app.notFound((context) =>
    problem(context, 404, "no-such-route", `there are these: ${Object.keys(ROUTES).join(", ")}`),
  );
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

/** Whether every replica of every ensemble serves. */
async function health(context: Context<App>): Promise<Response> {
  const ensembles = await Promise.all(
    ensemblesOf(context.env).map(async (ensemble) => {
      const replicas = await statuses(context.env, ensemble);
      const serving = replicas.filter((replica) => replica.status?.serving === true).length;
      const observers = replicas.filter(({ role }) => role === "observer").length;
      return { ensemble, serving, voters: replicas.length - observers, observers };
    }),
  );
  const healthy = ensembles.every(({ serving, voters, observers }) => serving === voters + observers);
  return document(context, { healthy, ensembles }, healthy ? 200 : 503);
}

/** What each replica of an ensemble tells about itself, and who leads. */
async function status(context: Context<App>): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const replicas = await statuses(context.env, ensemble);
  return document(context, { ensemble, leader: leaderOf(replicas)?.sid ?? null, replicas });
}

/** A WebSocket that carries the bytes of ZooKeeper's protocol to a replica: the one asked for, or the nearest. */
async function zooKeeperSocket(
  context: Context<App>,
  { callers, whereabouts }: { readonly callers: CallerIdentities; readonly whereabouts: Whereabouts },
): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return problem(context, 426, "upgrade-required", "this is a WebSocket that carries ZooKeeper's protocol");
  }
  const sids = await whereabouts.order(context, ensemble);
  const asked = context.req.query("sid");
  const sid = asked === undefined ? sids[0] : Number(asked);
  if (sid === undefined || !sids.includes(sid)) {
    return problem(
      context,
      400,
      "bad-sid",
      `sid must be one of ${sids.toSorted((a, b) => a - b).join(", ")}`,
    );
  }
  const identities = await callers.of(callerOf(context.req.raw), readSettings(context.env).access);
  if (identities === undefined) {
    return problem(context, 401, "unauthorized", "the token of Cloudflare Access is not valid here");
  }
  return replicaStub(context.env, { ensemble, sid }).fetch(`http://replica${GATEWAY_PATHS.zk}`, {
    headers: {
      upgrade: "websocket",
      ...callerHeaders({ remoteAddress: addressOf(context.req.raw, context.env), identities }),
    },
  });
}
