/**
 * `POST /ENSEMBLE/commands/move_leader?to=SID`: another voter is to lead, before the machine of the present leader is
 * taken away, say, or nearer to those that write. ZooKeeper has no such command. Nothing is lost, and clients keep
 * their connections: ARCHITECTURE.md, "A change of leader on request".
 */
import type { Context } from "hono";
import { SID_MAX } from "../base/limits.ts";
import { GATEWAY_PATHS, MOVE_TO_PARAMETER, type MoveRefusal, replicaStub } from "../durable/entry.ts";
import { type App, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { awakeStatuses, leaderOf } from "./replicas.ts";

/** A leader that has not answered by then is given up. */
const MOVE_DEADLINE_MS = 5000;

/** It changes something, so it must not happen by following a link. */
export function moveLeaderByPost(context: Context<App>): Response {
  return problem(context, 405, "method-not-allowed", "POST /ENSEMBLE/commands/move_leader?to=SID");
}

/** Asks the leader; 202 where it makes room. The status document shows when the other leads. */
export async function moveLeader(context: Context<App>): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const asked = context.req.query("to") ?? "";
  const to = /^\d{1,3}$/.test(asked) ? Number(asked) : 0;
  if (to < 1 || to > SID_MAX) {
    return problem(context, 400, "bad-sid", `say which replica is to lead: ?to=SID, from 1 to ${SID_MAX}`);
  }
  const leader = leaderOf(await awakeStatuses(context.env, ensemble));
  if (leader === undefined) return problem(context, 503, "no-leader", `no replica of ${ensemble} leads now`);
  try {
    const answer = await replicaStub(context.env, { ensemble, sid: leader.sid }).fetch(
      `http://replica${GATEWAY_PATHS.moveLeader}?${MOVE_TO_PARAMETER}=${to}`,
      { method: "POST", signal: AbortSignal.timeout(MOVE_DEADLINE_MS) },
    );
    if (answer.ok) return context.json({ command: "move_leader", from: leader.sid, to, error: null }, 202);
    const { code, detail } = await answer.json<MoveRefusal>();
    return problem(context, 409, code, detail);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem(context, 503, "no-answer", `replica ${leader.sid} does not answer: ${reason}`);
  }
}
