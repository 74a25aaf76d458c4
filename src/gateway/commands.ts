/**
 * ZooKeeper's AdminServer: `/ENSEMBLE/commands/NAME`, with the JSON of the same command there. In ZooKeeper each server
 * has an AdminServer of its own; here `?sid=` says which replica is asked, and without it the leader is, or where there
 * is none the first replica that tells anything.
 */
import type { Context } from "hono";
import type { Sid } from "../base/ids.ts";
import { sidsOf } from "../base/settings.ts";
import { ADMIN_COMMAND_NAMES, COMMAND_PARAMETER, GATEWAY_PATHS, replicaStub } from "../durable/entry.ts";
import { type App, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { leaderOf, membersOf, statuses } from "./replicas.ts";

/** Arguments that commands take. Nothing else of a client's query reaches a replica. */
const ARGUMENTS = ["traceMask"] as const;

/** A replica that has not answered by then is given up. */
const COMMAND_DEADLINE_MS = 10_000;

/** Which replica answered. */
export const SID_HEADER = "edgekeeper-sid";

/** Links to all commands, as ZooKeeper lists them. */
export function listCommands(context: Context<App>): Response {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const links = ADMIN_COMMAND_NAMES.map(
    (name) => `<a href="/${ensemble}/commands/${name}">${name}</a>\n<br/>\n`,
  );
  return context.html(links.join(""));
}

/** Asks a replica. */
export async function runCommand(context: Context<App>): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const sid = await askedReplica(context, ensemble);
  if (typeof sid !== "number") return sid;
  const parameters = new URLSearchParams({ [COMMAND_PARAMETER]: context.req.param("command") ?? "" });
  for (const name of ARGUMENTS) {
    const value = context.req.query(name);
    if (value !== undefined) parameters.set(name, value);
  }
  try {
    const answer = await replicaStub(context.env, { ensemble, sid }).fetch(
      `http://replica${GATEWAY_PATHS.command}?${parameters.toString()}`,
      { signal: AbortSignal.timeout(COMMAND_DEADLINE_MS) },
    );
    return new Response(answer.body, {
      status: answer.status,
      headers: { "content-type": "application/json", [SID_HEADER]: String(sid) },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem(context, 503, "no-answer", `replica ${sid} does not answer: ${reason}`);
  }
}

/** The replica that a request is for; a response where it names none that there is, or none is to be had. */
export async function askedReplica(context: Context<App>, ensemble: string): Promise<Sid | Response> {
  const sids = sidsOf(await membersOf(context.env, ensemble));
  const asked = context.req.query("sid");
  if (asked !== undefined) {
    const sid = Number(asked);
    if (sids.includes(sid)) return sid;
    return problem(context, 400, "bad-sid", `sid must be one of ${sids.join(", ")}`);
  }
  const replicas = await statuses(context.env, ensemble);
  const found = leaderOf(replicas) ?? replicas.find(({ status }) => status !== null);
  if (found !== undefined) return found.sid;
  return problem(context, 503, "no-replica", `no replica of ${ensemble} answers`);
}
