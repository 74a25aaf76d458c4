/**
 * The AdminServer's commands snapshot and restore: files of ZooKeeper's, which pass through here in pieces. As in
 * ZooKeeper their caller must be somebody who may do all to the root.
 */
import type { Context } from "hono";
import type { Zxid } from "../base/zxid.ts";
import { bulkAnswer } from "../durable/bulk-answer.ts";
import { COMMAND_PARAMETER, GATEWAY_PATHS, replicaStub } from "../durable/entry.ts";
import { AUTHORIZATION_HEADER, callerHeaders } from "../durable/handed-over.ts";
import { askedReplica, SID_HEADER } from "./commands.ts";
import { type App, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { awakeStatuses, leaderOf } from "./replicas.ts";
import { Restore } from "./restore.ts";
import { addressOf, callerOf, type CallerIdentities } from "./identities.ts";
import { settingsOf } from "./settings-of.ts";

/** Who the caller is to ZooKeeper, where Authorization holds the deployment's secret. */
const OWN_AUTHORIZATION = "zookeeper-authorization";

/** What says how many connections shall go. */
const SHED_BYTES_MAX = 4096;

/** It replaces everything, so it must not happen by following a link. */
export function restoreByPost(context: Context<App>): Response {
  return problem(context, 405, "method-not-allowed", "POST a snapshot to /ENSEMBLE/commands/restore");
}

/** A replica's tree, as it was when it was asked. */
export async function takeSnapshot(context: Context<App>, callers: CallerIdentities): Promise<Response> {
  return await askOne(context, callers, {});
}

/** A replica hangs up on some of its clients. */
export async function shedConnections(context: Context<App>, callers: CallerIdentities): Promise<Response> {
  const length = Number(context.req.header("content-length") ?? Infinity);
  if (!(length <= SHED_BYTES_MAX)) {
    return problem(
      context,
      400,
      "bad-body",
      'the body is JSON with its length told, such as {"percentage": 10}',
    );
  }
  return await askOne(context, callers, { method: "POST", body: await context.req.text() });
}

async function askOne(
  context: Context<App>,
  callers: CallerIdentities,
  request: Pick<RequestInit, "method" | "body">,
): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const headers = await adminHeaders(context, callers);
  if (headers === undefined) return badToken(context);
  await awakeStatuses(context.env, ensemble);
  const sid = await askedReplica(context, ensemble);
  if (typeof sid !== "number") return sid;
  const parameters = new URLSearchParams({ [COMMAND_PARAMETER]: context.req.param("command") ?? "" });
  const streaming = context.req.query("streaming");
  if (streaming !== undefined) parameters.set("streaming", streaming);
  try {
    // Without a deadline: its first pass reads everything, and whoever asked may hang up.
    const answer = await replicaStub(context.env, { ensemble, sid }).fetch(
      `http://replica${GATEWAY_PATHS.bulk}?${parameters.toString()}`,
      { ...request, headers, signal: context.req.raw.signal },
    );
    const { body, status } = answer;
    return new Response(body, { status, headers: { ...shownHeaders(answer), [SID_HEADER]: String(sid) } });
  } catch (error) {
    return noAnswer(context, sid, error);
  }
}

function noAnswer(context: Context<App>, sid: number, error: unknown): Response {
  const reason = error instanceof Error ? error.message : String(error);
  return problem(context, 503, "no-answer", `replica ${sid} does not answer: ${reason}`);
}

/** Another tree for all of the ensemble: see Restore. Its first step is the leader's to allow. */
export async function restore(context: Context<App>, callers: CallerIdentities): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const headers = await adminHeaders(context, callers);
  if (headers === undefined) return badToken(context);
  const leader = leaderOf(await awakeStatuses(context.env, ensemble));
  if (leader === undefined) return problem(context, 503, "no-leader", `no replica of ${ensemble} leads now`);
  const command = context.req.param("command") ?? "";
  const parameters = new URLSearchParams({ [COMMAND_PARAMETER]: command });
  let asked: Response;
  try {
    asked = await replicaStub(context.env, { ensemble, sid: leader.sid }).fetch(
      `http://replica${GATEWAY_PATHS.bulk}?${parameters.toString()}`,
      { method: "POST", headers },
    );
  } catch (error) {
    return noAnswer(context, leader.sid, error);
  }
  const { permit, error = null } = await asked.json<{ permit?: Zxid; error?: string | null }>();
  if (permit === undefined) return bulkAnswer(command, { status: asked.status, error });
  const answer = await new Restore(context.env, ensemble).run(permit, context.req.raw);
  const fields = answer.lastZxid === undefined ? {} : { last_zxid: answer.lastZxid };
  return bulkAnswer("restore", { status: answer.status, error: answer.error, fields });
}

/** The headers of a replica's answer that its caller sees. */
function shownHeaders({ headers }: Response): Readonly<Record<string, string>> {
  const shown = ["content-type", "last_zxid", "snapshot_size"].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(shown);
}

function badToken(context: Context<App>): Response {
  return problem(context, 401, "unauthorized", "the token of Cloudflare Access is not valid here");
}

/**
 * What tells a replica who asks: what the caller says (`digest user:password`, `ip`, `x509`), and who it is by the
 * platform's word. undefined where it shows a token that is not valid.
 */
async function adminHeaders(
  context: Context<App>,
  callers: CallerIdentities,
): Promise<Readonly<Record<string, string>> | undefined> {
  const proven = await callers.of(callerOf(context.req.raw), settingsOf(context.env).access);
  if (proven === undefined) return undefined;
  const own = context.get("bearer")?.identitiesFor(context.req.param("ensemble") ?? "");
  if (own === undefined) throw new Error("a request came past the gatekeeper");
  const identities = [...proven, ...own];
  const plain = context.req.header("authorization");
  const said =
    context.req.header(OWN_AUTHORIZATION) ?? (plain?.toLowerCase().startsWith("bearer ") ? undefined : plain);
  return {
    ...callerHeaders({ remoteAddress: addressOf(context.req.raw, context.env), identities }),
    ...(said === undefined ? {} : { [AUTHORIZATION_HEADER]: said }),
  };
}
