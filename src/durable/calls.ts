/** Requests of callers without a connection: each is a fetch of the gateway, answered when the keeper answers it. */
import { SUPER } from "../keeper/auth.ts";
import type { Call, CallAnswer, CallAsked, CallId, CallRequest } from "../keeper/call.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { Sid } from "../base/ids.ts";
import { childSpanId, readTraceparent, type TracePlace } from "../base/trace.ts";
import { type Zxid, ZXID_ZERO, zxidDigits } from "../base/zxid.ts";
import { decodeRecord, encodeRecord } from "./call-record.ts";
import { readCaller } from "./handed-over.ts";
import type { SpanExporter } from "./span-exporter.ts";

/** Set on an answer that may begin with a line of its own, as its caller waited and is to be written to. */
export const PROBED_HEADER = "edgekeeper-probed";

/** A call that is not answered. */
interface OpenCall {
  readonly answer: (answer: CallAnswer) => void;
  readonly probe: (zxid: Zxid) => void;
}

/** Where calls are traced. */
interface Traced {
  readonly sid: Sid;
  readonly spans: Pick<SpanExporter, "isEnabled" | "add">;
}

interface TracedCall extends TracePlace {
  readonly parentId: string;
  readonly startMs: number;
}

/** What one takes that the replica itself makes. */
const OWN_CALL_BYTES = 1024;

/** What a replica answers that is no member, and takes part in nothing: nothing was done, and another may be asked. */
export function answerOfResting(): Response {
  const answer: CallAnswer = { kind: "unavailable", reason: "no-quorum" };
  return new Response(encodeRecord(answer));
}

/** The calls of one replica. */
export class Calls {
  readonly #accept: (input: KeeperInput) => void;
  readonly #sync: () => Promise<void>;
  readonly #traced: Traced;
  readonly #open = new Map<CallId, OpenCall>();
  #nextId = 1;

  /** `sync` waits until all that was written is durable. */
  constructor(accept: (input: KeeperInput) => void, sync: () => Promise<void>, traced: Traced) {
    this.#accept = accept;
    this.#sync = sync;
    this.#traced = traced;
  }

  /** Serves a call until it is answered, or its caller hangs up. */
  async serve(request: Request): Promise<Response> {
    const text = await request.text();
    const { remoteAddress, identities = [] } = readCaller(request.headers);
    const asked = decodeRecord(text) as CallAsked;
    const id = this.#nextId++;
    const entropy = crypto.getRandomValues(new Uint8Array(48));
    const trace = this.#trace(request);
    const call: Call = { ...asked, id, bytes: text.length, remoteAddress, identities, entropy, trace };
    const answered = Promise.withResolvers<CallAnswer>();
    const probed = Promise.withResolvers<Zxid>();
    const answer = (said: CallAnswer): void => {
      if (trace !== undefined) this.#draw(trace, asked.request.kind);
      answered.resolve(said);
    };
    this.#open.set(id, { answer, probe: probed.resolve });
    request.signal.addEventListener("abort", () => this.#gone(id));
    this.#accept({ kind: "call", call });
    if (request.signal.aborted) this.#gone(id);
    const isProbed = asked.request.kind === "acquire" && asked.request.isProbed;
    const { answer: told, zxid } = isProbed
      ? await Promise.race([
          answered.promise.then((said) => ({ answer: said, zxid: undefined })),
          probed.promise.then((at) => ({ answer: undefined, zxid: at })),
        ])
      : { answer: await answered.promise, zxid: undefined };
    if (told !== undefined) return new Response(encodeRecord(told));
    const body = this.#stream(id, zxid, answered.promise);
    return new Response(body, { headers: { [PROBED_HEADER]: "1" } });
  }

  /** Where in its trace a call is, where it is in one that the gateway has recorded. */
  #trace(request: Request): TracedCall | undefined {
    const { sid, spans } = this.#traced;
    const parent = spans.isEnabled ? readTraceparent(request.headers.get("traceparent")) : undefined;
    if (parent?.isSampled !== true) return undefined;
    const { traceId, spanId: parentId } = parent;
    return { traceId, parentId, spanId: childSpanId(parentId, "call", sid), startMs: Date.now() };
  }

  #draw({ traceId, spanId, parentId, startMs }: TracedCall, kind: string): void {
    const attributes = { "edgekeeper.call": kind };
    const place = { traceId, spanId, parentId, kind: 2 } as const;
    this.#traced.spans.add({ ...place, name: "edgekeeper.call", startMs, endMs: Date.now(), attributes });
  }

  /** Asks for something in this replica's own name: nobody else has a say. */
  async own(request: CallRequest): Promise<CallAnswer> {
    const id = this.#nextId++;
    const entropy = crypto.getRandomValues(new Uint8Array(48));
    const asked = { request, session: undefined, minZxid: ZXID_ZERO };
    const call: Call = {
      ...asked,
      id,
      bytes: OWN_CALL_BYTES,
      remoteAddress: "unknown:0",
      identities: [SUPER],
      entropy,
    };
    const { promise, resolve } = Promise.withResolvers<CallAnswer>();
    this.#open.set(id, { answer: resolve, probe: () => undefined });
    this.#accept({ kind: "call", call });
    return await promise;
  }

  /** The caller is to be written to. */
  probe(id: CallId, zxid: Zxid): void {
    this.#open.get(id)?.probe(zxid);
  }

  /** The keeper has answered. */
  answer(id: CallId, answer: CallAnswer): void {
    this.#open.get(id)?.answer(answer);
    this.#open.delete(id);
  }

  /** The replica starts anew: what was asked of it before may have been done. */
  closeAll(): void {
    for (const id of this.#open.keys()) this.answer(id, { kind: "undecided" });
  }

  /**
   * A body that holds a line with the zxid, and then the answer. Whether the output gate holds a body that has begun is
   * not for us to rely on: what is said waits for the disk.
   */
  #stream(id: CallId, zxid: Zxid, answered: Promise<CallAnswer>): ReadableStream {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const write = async (text: string): Promise<void> => {
      await this.#sync();
      await writer.write(encoder.encode(text));
    };
    const gone = (): void => this.#gone(id);
    const line = write(`${zxidDigits(zxid)}\n`).catch(gone);
    void answered
      .then(async (answer) => {
        await line;
        await write(encodeRecord(answer));
      })
      .then(async () => await writer.close(), gone);
    writer.closed.catch(gone);
    return readable;
  }

  /** Nobody hears the answer any more, which ends the event all the same. */
  #gone(id: CallId): void {
    if (!this.#open.has(id)) return;
    this.answer(id, { kind: "undecided" });
    this.#accept({ kind: "callGone", call: id });
  }
}
