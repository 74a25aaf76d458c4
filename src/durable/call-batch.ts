/**
 * Calls that came in one request, and what is told of them: lines, each an answer behind the number of its call. Who
 * waits for long keeps nobody waiting: what is answered is told then, and the rest as it comes.
 */
import type { CallAnswer, CallAsked } from "../keeper/call.ts";
import { decodeRecord, encodeRecord } from "./call-record.ts";
import type { HandedOver } from "./handed-over.ts";

/** The name of a batch, by which its callers' hanging up is told. */
export const BATCH_HEADER = "edgekeeper-batch";

/** Set on answers that come one after the other. */
export const STREAMED_HEADER = "edgekeeper-streamed";

/** The parameter that holds the name of a batch. */
export const BATCH_PARAMETER = "batch";

/** The parameter that holds the number of a call in its batch, counted from 0. */
export const CALL_PARAMETER = "call";

/** Calls that were answered wait so long for the others of their batch, to be told in one piece. */
const HOLD_MS = 5;

/** A call in a batch. */
export interface BatchedCall {
  readonly from: HandedOver;
  readonly asked: CallAsked;
}

/** The line of a call. */
export function encodeCall(call: BatchedCall): string {
  return encodeRecord(call);
}

/** The calls of a batch, and how long the line of each is. */
export function readBatch(text: string): readonly (BatchedCall & { readonly units: number })[] {
  return text.split("\n").map((line) => ({ ...(decodeRecord(line) as BatchedCall), units: line.length }));
}

/** The number and the record of a line; undefined where the line is cut. */
export function readAnswerLine(
  line: string,
): { readonly index: number; readonly record: string } | undefined {
  const [, index, record] = /^(\d+) (.+)$/.exec(line) ?? [];
  return index === undefined || record === undefined ? undefined : { index: Number(index), record };
}

/** The answers to one batch. */
export class BatchAnswers {
  #unanswered: number;
  readonly #ended: () => void;
  #lines = "";
  #more: PromiseWithResolvers<void> | undefined;
  readonly #all = Promise.withResolvers<void>();

  /** `ended` is called when the last of so many calls, of which there is one at least, is answered. */
  constructor(count: number, ended: () => void) {
    this.#unanswered = count;
    this.#ended = ended;
  }

  /** Each call is answered once. */
  answer(index: number, answer: CallAnswer): void {
    this.#lines += `${index} ${encodeRecord(answer)}\n`;
    this.#unanswered--;
    this.#more?.resolve();
    if (this.#unanswered > 0) return;
    this.#all.resolve();
    this.#ended();
  }

  /** `sync` waits until all that was written is durable, `gone` is told that nobody hears the answers any more. */
  async response(sync: () => Promise<void>, gone: () => void): Promise<Response> {
    if (this.#lines === "") await this.#next();
    if (this.#unanswered > 0) await this.#held();
    if (this.#unanswered === 0) return new Response(this.#take());
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    writer.closed.catch(gone);
    void this.#tell(writer, sync).catch(gone);
    return new Response(readable, { headers: { [STREAMED_HEADER]: "1" } });
  }

  /** Whether the output gate holds a body that has begun is not for us to rely on: what is said waits for the disk. */
  async #tell(writer: WritableStreamDefaultWriter<Uint8Array>, sync: () => Promise<void>): Promise<void> {
    const encoder = new TextEncoder();
    for (let isLast = false; !isLast;) {
      if (this.#lines === "") await this.#next();
      isLast = this.#unanswered === 0;
      const lines = this.#take();
      await sync();
      await writer.write(encoder.encode(lines));
    }
    await writer.close();
  }

  #take(): string {
    const lines = this.#lines;
    this.#lines = "";
    return lines;
  }

  async #next(): Promise<void> {
    this.#more = Promise.withResolvers();
    await this.#more.promise;
    this.#more = undefined;
  }

  /** Until all are answered, or for HOLD_MS. */
  async #held(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, HOLD_MS);
    await Promise.race([this.#all.promise, promise]);
    clearTimeout(timer);
  }
}
