/** A WebSocket that carries the bytes of ZooKeeper's protocol to a replica: the one asked for, or the nearest. */
import type { Context } from "hono";

import type { Sid } from "../base/ids.ts";
import { GATEWAY_PATHS, replicaStub, SERVING_PARAMETER } from "../durable/entry.ts";
import { callerHeaders } from "../durable/handed-over.ts";
import { unknownCaller } from "./api/answers.ts";
import type { Asker } from "./api/ask.ts";
import { offeredProtocols, WEBSOCKET_PROTOCOL } from "./bearer.ts";
import { type App, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** Serves the route. */
export async function zooKeeperSocket(
  context: Context<App>,
  asker: Asker,
  whereabouts: Whereabouts,
): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
    return problem(context, 426, "upgrade-required", "this is a WebSocket that carries ZooKeeper's protocol");
  }
  const sids = await whereabouts.order(context, ensemble);
  const asked = context.req.query("sid");
  const sid = asked === undefined ? undefined : Number(asked);
  if (sid !== undefined && !sids.includes(sid)) {
    const refusal = await asker.refusal(context, undefined);
    if (refusal !== undefined) return refusal;
    const known = sids.toSorted((a, b) => a - b).join(", ");
    return problem(context, 400, "bad-sid", `sid must be one of ${known}`);
  }
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const parks = context.req.query("parks") === "1";
  const headers = { upgrade: "websocket", ...callerHeaders({ ...caller, parks }) };
  for (const { one, mustServe } of sid === undefined ? inTurn(sids) : [{ one: sid, mustServe: false }]) {
    // That very replica is asked, as it must know the token when the connection opens.
    const refusal = await asker.refusal(context, undefined, one);
    if (refusal !== undefined && (sid !== undefined || refusal.status < 500)) return refusal;
    const stub = replicaStub(context.env, { ensemble, sid: one });
    const query = mustServe ? `?${SERVING_PARAMETER}` : "";
    const opened = await stub.fetch(`http://replica${GATEWAY_PATHS.zk}${query}`, { headers });
    if (opened.status !== 503) return asOffered(context, opened);
    // It may be no member any more, which this isolate has yet to learn.
    whereabouts.watch({ ensemble, sid: one }).failed();
  }
  const whom = sid === undefined ? `no replica of ${ensemble}` : `replica ${sid}`;
  return problem(context, 503, "no-replica", `${whom} takes clients now`);
}

/** First who serves at once; where nobody does, as when all sleep, who may soon. */
function inTurn(sids: readonly Sid[]): readonly { readonly one: Sid; readonly mustServe: boolean }[] {
  return [true, false].flatMap((mustServe) => sids.map((one) => ({ one, mustServe })));
}

/** The WebSocket of a replica, by the name of the protocol where the client asks for it by that. */
function asOffered(context: Context<App>, opened: Response): Response {
  const offered = offeredProtocols(context.req.header("sec-websocket-protocol") ?? null);
  if (!offered.includes(WEBSOCKET_PROTOCOL)) return opened;
  const { status, webSocket } = opened;
  return new Response(null, { status, webSocket, headers: { "sec-websocket-protocol": WEBSOCKET_PROTOCOL } });
}
