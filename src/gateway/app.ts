/**
 * The HTTP door. It builds its own requests to replicas and passes no client's URL or headers through, so that nothing
 * from outside can reach the entry where replicas talk to each other.
 */
import { type Context, Hono } from "hono";
import type { Sid } from "../base/ids.ts";
import { CLIENT_ADDRESS_HEADER, GATEWAY_PATHS, type ObjectStatus, replicaStub } from "../durable/entry.ts";
import { readMembers, sidsOf } from "../base/settings.ts";
import type { ReplicaEnv } from "../durable/replica-env.ts";
import { type AccessEnv, refusal } from "./access.ts";

/** Everything the Worker is configured with. */
export interface GatewayEnv extends ReplicaEnv, AccessEnv {
  /** Names of the ensembles served, separated by commas; `main` alone unless set. */
  readonly ENSEMBLES?: string;
}

type App = { Bindings: GatewayEnv };

/** A replica that has not told its status by then counts as away. */
const STATUS_DEADLINE_MS = 2000;

/** What there is, for those who look around and those who are lost. */
const ROUTES: Readonly<Record<string, string>> = {
  "/healthz": "whether every replica of every ensemble serves",
  "/ENSEMBLE/v1/status": "what each replica tells about itself, and who leads",
  "/ENSEMBLE/zk": "a WebSocket that carries ZooKeeper's protocol",
};

/** Errors are problem documents (RFC 9457) with a code that does not change. */
function problem(
  context: Context<App>,
  status: 400 | 401 | 403 | 404 | 426 | 503,
  code: string,
  detail: string,
): Response {
  const body = { type: `urn:edgekeeper:problem:${code}`, title: code, status, code, detail };
  return context.json(body, status, { "content-type": "application/problem+json" });
}

/** The ensembles that the deployment serves. */
function ensemblesOf(env: GatewayEnv): readonly string[] {
  return (env.ENSEMBLES ?? "main").split(",").map((name) => name.trim());
}

/** Makes the app: one per isolate, without state. */
export function makeApp(): Hono<App> {
  const app = new Hono<App>();

  app.use(async (context, next) => {
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
  app.get("/:ensemble/v1/status", status);
  app.get("/:ensemble/zk", zooKeeperSocket);
  app.get("/", (context) => document(context, { ensembles: ensemblesOf(context.env), routes: ROUTES }));
  app.notFound((context) =>
    problem(context, 404, "no-such-route", `GET these: ${Object.keys(ROUTES).join(", ")}`),
  );
  return app;
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
  const leader = replicas.find(
    (replica) => replica.status?.mode === "leader" || replica.status?.mode === "standalone",
  );
  return document(context, { ensemble, leader: leader?.sid ?? null, replicas });
}

/** A WebSocket that carries the bytes of ZooKeeper's protocol to a replica: the one asked for, or any. */
async function zooKeeperSocket(context: Context<App>): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return problem(context, 426, "upgrade-required", "this is a WebSocket that carries ZooKeeper's protocol");
  }
  const sids = sidsOf(readMembers(context.env));
  const asked = context.req.query("sid");
  const sid = asked === undefined ? anyOf(sids) : Number(asked);
  if (sid === undefined || !sids.includes(sid)) {
    return problem(context, 400, "bad-sid", `sid must be one of ${sids.join(", ")}`);
  }
  return replicaStub(context.env.REPLICA, { ensemble, sid }).fetch(`http://replica${GATEWAY_PATHS.zk}`, {
    headers: {
      upgrade: "websocket",
      [CLIENT_ADDRESS_HEADER]: `${context.req.header("cf-connecting-ip") ?? "127.0.0.1"}:0`,
    },
  });
}

/** JSON that people can read in a terminal. */
function document(context: Context<App>, value: unknown, status: 200 | 503 = 200): Response {
  return context.body(`${JSON.stringify(value, null, 2)}\n`, status, { "content-type": "application/json" });
}

function unknownEnsemble(context: Context<App>, ensemble: string): Response {
  const known = ensemblesOf(context.env).join(", ");
  return problem(context, 404, "no-such-ensemble", `"${ensemble}" is not one of: ${known}`);
}

function anyOf(sids: readonly Sid[]): Sid | undefined {
  return sids[Math.floor(Math.random() * sids.length)];
}

interface ReplicaReport {
  readonly sid: Sid;
  /** The id of its object; `npm start` keeps its data in the file of that name. */
  readonly object: string;
  /** Told by the configuration, whatever the replica says: a follower or leader is a participant. */
  readonly role: "participant" | "observer";
  readonly status: ObjectStatus | null;
  /** Why there is no status. */
  readonly error: string | null;
}

async function statuses(env: GatewayEnv, ensemble: string): Promise<readonly ReplicaReport[]> {
  const members = readMembers(env);
  return Promise.all(
    sidsOf(members).map(async (sid): Promise<ReplicaReport> => {
      const stub = replicaStub(env.REPLICA, { ensemble, sid });
      const role = members.voters.includes(sid) ? "participant" : "observer";
      const replica = { sid, object: stub.id.toString(), role } as const;
      try {
        const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
        const response = await stub.fetch(`http://replica${GATEWAY_PATHS.status}`, { signal });
        return { ...replica, status: await response.json<ObjectStatus>(), error: null };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { ...replica, status: null, error: reason };
      }
    }),
  );
}
