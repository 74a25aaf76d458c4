/**
 * How one replica is asked: together with what others ask of it in the same moment, or alone where the call may wait
 * for long, is large or traced, or may have to be written to while it waits.
 */
import type { Context } from "hono";
import type { Sid } from "../../base/ids.ts";
import { decodeRecord, encodeRecord } from "../../durable/call-record.ts";
import {
  BATCH_HEADER,
  BATCH_PARAMETER,
  CALL_PARAMETER,
  type CallAnswer,
  type CallAsked,
  encodeCall,
  GATEWAY_PATHS,
  PROBED_HEADER,
  readAnswerLine,
  replicaStub,
  STREAMED_HEADER,
} from "../../durable/entry.ts";
import { callerHeaders, type HandedOver } from "../../durable/handed-over.ts";
import type { App } from "../documents.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { CallBatches, type Carrier, isSmall } from "./call-batches.ts";
import type { Stop } from "./first-of.ts";

/** A replica answers within CALL_WAIT_MS; one that has not by then is given up. */
const TRY_MS = 8000;

/** While others are under way: about what a commit takes where replicas are near each other, and callers turn round. */
const FOR_COMMITS = { gatherMs: 15, looksMax: 10 } as const;

/** What is answered at once waits for less. */
const FOR_READS = { gatherMs: 4, looksMax: 0 } as const;

/** It is told that somebody hung up, which helps only while it matters. */
const GONE_MS = 1000;

/** A caller that waited is about to be answered: it is to be written to, to see whether it is still there. */
export interface Probed {
  readonly kind: "probed";
  /** 20 digits: what the answer will rest on. */
  readonly zxid: string;
  /** Fails where the replica is lost meanwhile. */
  readonly answer: Promise<CallAnswer>;
}

/** A call, and whom it is for. */
export interface OneCall {
  readonly ensemble: string;
  readonly sid: Sid;
  readonly caller: HandedOver;
  readonly asked: CallAsked;
  /** How long it may wait for something to happen. */
  readonly waitMs: number;
  /** Whether it is answered at once, so that the time tells how far the replica is. */
  readonly isQuick: boolean;
  /** Whether it makes a difference to the replica that nobody hears the answer. */
  readonly mattersGone: boolean;
  readonly stop: Stop;
}

/** See the file's comment. */
export class ReplicaCalls {
  readonly #whereabouts: Whereabouts;
  readonly #batches = new CallBatches(() => crypto.randomUUID());

  constructor(whereabouts: Whereabouts) {
    this.#whereabouts = whereabouts;
  }

  /** undefined where the replica is lost, and with it what became of the request. */
  async ask(context: Context<App>, call: OneCall): Promise<CallAnswer | Probed | undefined> {
    const seen = this.#whereabouts.watch(call);
    const traced = context.get("trace")?.ask(call.sid);
    const goesAlone = call.waitMs > 0 || traced !== undefined;
    const record = goesAlone ? undefined : encodeCall({ from: call.caller, asked: call.asked });
    const answer =
      record !== undefined && isSmall(record)
        ? await this.#askTogether(context, call, record)
        : await askAlone(context, call, traced?.traceparent);
    traced?.ended(answer === undefined ? "no answer" : undefined);
    if (answer === undefined) {
      // It died, or does not answer: which of the two is not told, and does not matter.
      if (call.stop.isStopped) seen.slower();
      else if (!context.req.raw.signal.aborted) seen.failed();
    } else if (answer.kind === "unavailable" && answer.reason !== "gone") seen.failed();
    else if (call.isQuick) seen.answered();
    return answer;
  }

  async #askTogether(context: Context<App>, call: OneCall, record: string): Promise<CallAnswer | undefined> {
    const caller = context.req.raw.signal;
    if (caller.aborted) return undefined;
    const way = `${call.ensemble}/${call.sid}/${call.isQuick ? "quick" : "slow"}`;
    const place = this.#batches.ask(way, record, carrierOf(context, call));
    let isLeft = false;
    const leave = (): void => {
      isLeft = true;
      place.leave();
    };
    // It has this of its own, as the request that carries the call may die.
    const timer = setTimeout(leave, TRY_MS);
    caller.addEventListener("abort", leave);
    call.stop.whenStopped(leave);
    const answer = await place.answer;
    clearTimeout(timer);
    if (answer !== undefined) return decodeRecord(answer) as CallAnswer;
    if (isLeft && call.mattersGone) context.executionCtx.waitUntil(tellGone(context, call, place));
    return undefined;
  }
}

/** How batches travel that begin with this request. */
function carrierOf(context: Context<App>, call: Pick<OneCall, "ensemble" | "sid" | "isQuick">): Carrier {
  return {
    patience: call.isQuick ? FOR_READS : FOR_COMMITS,
    now: () => performance.now(),
    gather: async (ms, sooner) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      await Promise.race([promise, sooner]);
      clearTimeout(timer);
    },
    keep: (work) => context.executionCtx.waitUntil(work),
    carry: async (batch, answered) => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), TRY_MS);
      try {
        const response = await replicaStub(context.env, call).fetch(`http://replica${GATEWAY_PATHS.calls}`, {
          method: "POST",
          headers: { [BATCH_HEADER]: batch.name },
          body: batch.records.join("\n"),
          signal: controller.signal,
        });
        if (!response.ok) throw new Error(`a replica answered ${response.status}`);
        for await (const text of textsOf(response)) {
          for (const line of text.split("\n")) {
            const read = readAnswerLine(line);
            if (read !== undefined) answered(read.index, read.record);
          }
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** A body in pieces of whole lines. */
async function* textsOf(response: Response): AsyncIterable<string> {
  if (!response.headers.has(STREAMED_HEADER) || response.body === null) {
    yield await response.text();
    return;
  }
  const decoder = new TextDecoder();
  let rest = "";
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    if (end > 0) yield text.slice(0, end);
  }
}

/** The caller of a call in a batch has hung up. */
async function tellGone(
  context: Context<App>,
  name: Pick<OneCall, "ensemble" | "sid">,
  place: { readonly batch: string; readonly index: number },
): Promise<void> {
  const parameters = new URLSearchParams({
    [BATCH_PARAMETER]: place.batch,
    [CALL_PARAMETER]: String(place.index),
  });
  try {
    await replicaStub(context.env, name).fetch(
      `http://replica${GATEWAY_PATHS.callGone}?${parameters.toString()}`,
      { method: "POST", signal: AbortSignal.timeout(GONE_MS) },
    );
  } catch {
    // It does not hear it: then it answers nobody, as where the answer is lost on the way.
  }
}

async function askAlone(
  context: Context<App>,
  call: OneCall,
  traceparent?: string,
): Promise<CallAnswer | Probed | undefined> {
  const deadline = deadlineOf(context.req.raw.signal, call.stop, TRY_MS + call.waitMs);
  let first: string;
  let rest: Promise<string> | undefined;
  try {
    const response = await replicaStub(context.env, call).fetch(`http://replica${GATEWAY_PATHS.call}`, {
      method: "POST",
      headers: { ...callerHeaders(call.caller), ...(traceparent !== undefined && { traceparent }) },
      body: encodeRecord(call.asked),
      signal: deadline.signal,
    });
    // It answers calls in records alone: whatever else comes tells nothing of what became of this one.
    if (!response.ok) throw new Error(`a replica answered ${response.status}`);
    if (response.headers.has(PROBED_HEADER)) [first, rest] = await lineOf(response);
    else first = await response.text();
    if (rest !== undefined && !PROBE.test(first)) first += await rest;
  } catch {
    // Why it has no answer does not matter.
    deadline.disarm();
    return undefined;
  }
  if (rest === undefined || !PROBE.test(first)) {
    deadline.disarm();
    return decodeRecord(first) as CallAnswer;
  }
  const answer = rest.finally(() => deadline.disarm()).then((record) => decodeRecord(record) as CallAnswer);
  return { kind: "probed", zxid: first.trim(), answer };
}

/**
 * A signal that fires with either, or after so many ms, until it is disarmed. The platform's own (`timeout`, `any`)
 * would keep a timer, and all that it holds, for each request that was answered long ago.
 */
function deadlineOf(
  caller: AbortSignal,
  stop: Stop,
  afterMs: number,
): { readonly signal: AbortSignal; readonly disarm: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, afterMs);
  if (caller.aborted) abort();
  else caller.addEventListener("abort", abort);
  stop.whenStopped(abort);
  const disarm = (): void => {
    clearTimeout(timer);
    caller.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, disarm };
}

/** The line that a probed call begins with. */
const PROBE = /^\d{20}\n$/;

/** What comes first of a body, and all behind it. */
async function lineOf(response: Response): Promise<[first: string, rest: Promise<string>]> {
  const reader = (response.body ?? new Response("").body)?.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader?.read())?.value ?? "";
  const restOf = async (): Promise<string> => {
    let text = "";
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read())
      text += part.value;
    return text;
  };
  return [first, restOf()];
}
