/** A reader of /v1/watch: it takes events as they come, and can be cut off or stop reading at any moment. */
import { EventReader, type SeenEvent } from "./event-text.ts";
import type { HttpApi } from "./http-api.ts";

/** What it was told of znodes, and where. */
const OWN = new Set(["open", "end"]);

export class HttpReader {
  readonly events: SeenEvent[] = [];
  readonly #reader = new EventReader();
  readonly #controller: AbortController;
  /** Resolves when its stream has ended, however. */
  readonly ended: Promise<void>;
  isOver = false;

  private constructor(body: ReadableStream<Uint8Array>, controller: AbortController) {
    this.#controller = controller;
    this.ended = this.#read(body);
  }

  /** Opens a stream; throws where it is refused, or is none that the document has. */
  static async open(api: HttpApi, path: string, lastEventId?: string): Promise<HttpReader> {
    const controller = new AbortController();
    const response = await api.respond("GET", path, {
      signal: controller.signal,
      headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
    });
    if (response.status !== 200 || response.body === null) {
      throw new Error(`no stream: ${response.status} ${await response.text()}`);
    }
    return new HttpReader(response.body, controller);
  }

  /** `kind path` of what it was told. */
  get told(): readonly string[] {
    return this.#own.map(({ event, data }) => `${event} ${String(data["path"])}`);
  }

  get ids(): readonly string[] {
    return this.#own.map(({ id }) => id);
  }

  get lastEventId(): string {
    return this.#reader.lastEventId;
  }

  get comments(): number {
    return this.#reader.comments;
  }

  /** Of the replica that tells. */
  get replica(): number {
    return Number(this.events[0]?.data["replica"]);
  }

  /** Why it ended, where that was said. */
  get reason(): unknown {
    return this.events.find(({ event }) => event === "end")?.data["reason"];
  }

  hangUp(): void {
    this.#controller.abort();
  }

  get #own(): readonly SeenEvent[] {
    return this.events.filter(({ event }) => !OWN.has(event));
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      const parts: AsyncIterable<Uint8Array> = body;
      for await (const part of parts) {
        this.events.push(...this.#reader.take(decoder.decode(part, { stream: true })));
      }
    } catch {
      // Cut off, by us or by the death of its replica: what was read counts.
    } finally {
      this.isOver = true;
    }
  }
}
