/**
 * Opens a stream of events at a replica: the nearest that can tell what is asked for. Where one lags, keeps too little
 * history or has too many, the next is asked. The body goes through the gateway as it is: what a client has seen is
 * told by the ids in it, and it comes back with that where its replica is lost.
 */
import type { Context } from "hono";
import { decodeRecord, encodeRecord } from "../../durable/call-record.ts";
import {
  GATEWAY_PATHS,
  replicaStub,
  STREAM_TYPE,
  type StreamAsked,
  type StreamRefused,
} from "../../durable/entry.ts";
import { callerHeaders, type HandedOver } from "../../durable/handed-over.ts";
import type { App } from "../documents.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { ensembleOf } from "./ask.ts";

/** So long each replica may wait for a leader, or for what was seen elsewhere, while there is another to ask. */
const HOLD_MS = 1000;

/** And the last one: an ordinary change of leader is over before. */
const LAST_HOLD_MS = 5000;

/** One that has neither begun nor refused so long after that is given up. */
const GRACE_MS = 3000;

/** Replicas asked, one after the other. */
const TRIES_MAX = 3;

/** Who asks, and for what. */
interface Opening {
  readonly caller: HandedOver;
  readonly asked: Omit<StreamAsked, "holdMs">;
  readonly whereabouts: Whereabouts;
}

/** Of several refusals the caller is told that one which says most. */
const TELLING: readonly StreamRefused["reason"][] = [
  "unauthorized",
  "login-required",
  "no-auth",
  "gone",
  "too-many-streams",
  "busy",
  "lagging",
  "no-quorum",
];

/** What no other replica would say otherwise. */
const ABOUT_CALLER: ReadonlySet<StreamRefused["reason"]> = new Set([
  "unauthorized",
  "login-required",
  "no-auth",
]);

/** The stream, or why there is none; undefined where no replica said so. */
export async function openStream(
  context: Context<App>,
  opening: Opening,
): Promise<Response | StreamRefused | undefined> {
  const { whereabouts } = opening;
  const ensemble = ensembleOf(context);
  const sids = (await whereabouts.order(context, ensemble)).slice(0, TRIES_MAX);
  const refusals: StreamRefused[] = [];
  for (const [nth, sid] of sids.entries()) {
    const name = { ensemble, sid };
    const seen = whereabouts.watch(name);
    const holdMs = nth === sids.length - 1 ? LAST_HOLD_MS : HOLD_MS;
    const asked = { ...opening.asked, holdMs };
    const answer = await askFor(context, replicaStub(context.env, name), { caller: opening.caller, asked });
    if (answer instanceof Response) return answer;
    if (context.req.raw.signal.aborted) break;
    if (answer === undefined) seen.failed();
    else refusals.push(answer);
    if (answer !== undefined && ABOUT_CALLER.has(answer.reason)) break;
  }
  if (refusals.every(({ reason }) => reason === "no-quorum")) whereabouts.forget(ensemble);
  return refusals.toSorted((a, b) => TELLING.indexOf(a.reason) - TELLING.indexOf(b.reason))[0];
}

/** undefined where the replica is lost. */
async function askFor(
  context: Context<App>,
  stub: DurableObjectStub,
  { caller, asked }: { readonly caller: HandedOver; readonly asked: StreamAsked },
): Promise<Response | StreamRefused | undefined> {
  // Until it begins, that is: a stream may last.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), asked.holdMs + GRACE_MS);
  try {
    const response = await stub.fetch(`http://replica${GATEWAY_PATHS.stream}`, {
      method: "POST",
      headers: callerHeaders(caller),
      body: encodeRecord(asked),
      signal: AbortSignal.any([context.req.raw.signal, controller.signal]),
    });
    if (response.headers.get("content-type") === STREAM_TYPE) {
      return new Response(response.body, { headers: headersOf(response) });
    }
    const text = await response.text();
    return response.ok ? (decodeRecord(text) as StreamRefused) : undefined;
  } catch {
    // It died, or does not answer: the next is asked.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Proxies are not to hold back or keep what comes. */
function headersOf(response: Response): Record<string, string> {
  return {
    "content-type": STREAM_TYPE,
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    zxid: response.headers.get("zxid") ?? "",
  };
}
