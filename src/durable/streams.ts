/**
 * Streams of events, each the body of a fetch of the gateway. What is said waits for the disk, as whether the output
 * gate holds a body that has begun is not for us to rely on. How much its reader takes is told to the keeper, which
 * bounds what is under way.
 */
import { assertNever } from "../base/assert.ts";
import { zxidDigits } from "../base/zxid.ts";
import type { StreamAsked, StreamId, StreamWord } from "../keeper/event-stream.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import { decodeRecord, encodeRecord } from "./call-record.ts";
import { readCaller } from "./handed-over.ts";
import { STREAM_LINGER_MS } from "./limits.ts";

/** The kind of body that a stream is; a refusal is a record. */
export const STREAM_TYPE = "text/event-stream";

/** A stream that has not ended. */
interface OpenStream {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly answer: (response: Response) => void;
  readonly body: ReadableStream<Uint8Array>;
  /** What is said and not handed on. */
  waiting: string[];
  isWriting: boolean;
  hasEnded: boolean;
}

/** A stream that its own replica reads. */
export interface OwnStreamHandle {
  /** It has taken so much. */
  taken(length: number): void;
  close(): void;
  /** Waits until all that was written is durable. */
  durable(): Promise<void>;
}

/** The streams of one replica. */
export class Streams {
  readonly #accept: (input: KeeperInput) => void;
  readonly #sync: () => Promise<void>;
  readonly #open = new Map<StreamId, OpenStream>();
  readonly #own = new Map<StreamId, (word: StreamWord | "lost") => void>();
  readonly #encoder = new TextEncoder();
  #nextId = 1;

  /** `sync` waits until all that was written is durable. */
  constructor(accept: (input: KeeperInput) => void, sync: () => Promise<void>) {
    this.#accept = accept;
    this.#sync = sync;
  }

  /** Answers with a stream, or with a record that says why there is none. */
  async serve(request: Request): Promise<Response> {
    const asked = decodeRecord(await request.text()) as StreamAsked;
    const { remoteAddress, identities = [] } = readCaller(request.headers);
    const id = this.#nextId++;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const { promise, resolve } = Promise.withResolvers<Response>();
    const writer = writable.getWriter();
    const stream = {
      writer,
      answer: resolve,
      body: readable,
      waiting: [],
      isWriting: false,
      hasEnded: false,
    };
    this.#open.set(id, stream);
    const gone = (): void => this.#gone(id);
    writer.closed.catch(gone);
    request.signal.addEventListener("abort", gone);
    this.#accept({
      kind: "stream",
      input: { kind: "opened", opening: { ...asked, id, remoteAddress, identities } },
    });
    if (request.signal.aborted) gone();
    return await promise;
  }

  /** Opens a stream that this replica itself reads: `told` hears each word, and "lost" where it starts anew. */
  openOwn(asked: StreamAsked, told: (word: StreamWord | "lost") => void): OwnStreamHandle {
    const id = this.#nextId++;
    this.#own.set(id, told);
    const opening = { ...asked, id, remoteAddress: "unknown:0", identities: [], isOwn: true };
    // Not within the turn that led here: it hears of its beginning once it has this.
    queueMicrotask(() => {
      if (this.#own.has(id)) this.#accept({ kind: "stream", input: { kind: "opened", opening } });
    });
    return {
      taken: (length) => {
        if (this.#own.has(id)) this.#accept({ kind: "stream", input: { kind: "taken", stream: id, length } });
      },
      close: () => {
        if (this.#own.delete(id)) this.#accept({ kind: "stream", input: { kind: "closed", stream: id } });
      },
      durable: this.#sync,
    };
  }

  /** The keeper says something. */
  say(id: StreamId, word: StreamWord): void {
    const told = this.#own.get(id);
    if (told !== undefined) {
      if (word.kind === "refused" || word.kind === "end") this.#own.delete(id);
      return told(word);
    }
    const stream = this.#open.get(id);
    if (stream === undefined) return;
    switch (word.kind) {
      case "began": {
        const headers = { "content-type": STREAM_TYPE, zxid: zxidDigits(word.zxid) };
        stream.answer(new Response(stream.body, { headers }));
        return;
      }
      case "refused":
        this.#open.delete(id);
        stream.answer(new Response(encodeRecord(word)));
        return;
      case "text":
        stream.waiting.push(word.text);
        return void this.#write(id, stream);
      case "end":
        this.#open.delete(id);
        stream.hasEnded = true;
        stream.waiting = [word.text];
        setTimeout(() => abandon(stream, "the reader takes nothing"), STREAM_LINGER_MS);
        return void this.#write(id, stream);
      default:
        assertNever(word);
    }
  }

  /** The replica starts anew: who has not been told so hears it by the end of its stream. */
  closeAll(): void {
    const own = [...this.#own.values()];
    this.#own.clear();
    for (const told of own) told("lost");
    for (const [id, { writer, answer }] of this.#open) {
      this.#open.delete(id);
      answer(new Response("starts anew", { status: 503 }));
      abandon({ writer }, "the replica starts anew");
    }
  }

  /** Hands on what is said, in its order, as the reader takes it. */
  async #write(id: StreamId, stream: OpenStream): Promise<void> {
    if (stream.isWriting) return;
    stream.isWriting = true;
    try {
      while (stream.waiting.length > 0) {
        await this.#sync();
        // More may have been said meanwhile, or that it ends.
        const text = stream.waiting.join("");
        stream.waiting = [];
        await stream.writer.write(this.#encoder.encode(text));
        if (this.#open.get(id) !== stream) continue;
        this.#accept({ kind: "stream", input: { kind: "taken", stream: id, length: text.length } });
      }
      stream.isWriting = false;
      if (stream.hasEnded) await stream.writer.close();
    } catch {
      // The reader has gone, or the disk has failed, which ends the object: in either case nobody hears it.
      this.#gone(id);
    }
  }

  #gone(id: StreamId): void {
    const stream = this.#open.get(id);
    if (stream === undefined) return;
    this.#open.delete(id);
    stream.answer(new Response("gone", { status: 499 }));
    abandon(stream, "the reader has gone");
    this.#accept({ kind: "stream", input: { kind: "closed", stream: id } });
  }
}

/** Nothing more is said. One that has ended, or whose reader has gone, says so: there is nobody to be told. */
function abandon({ writer }: Pick<OpenStream, "writer">, reason: string): void {
  writer.abort(reason).catch(() => undefined);
}
