/** A reader of events in a world, which comes back with the last id it was told where its stream ends. */
import type { Sid } from "../../src/base/ids.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import {
  readPosition,
  type StreamAsked,
  type StreamId,
  type StreamWord,
} from "../../src/keeper/event-stream.ts";
import { STREAM_HOLD_MS } from "../../src/keeper/stream-limits.ts";
import { EventReader, type SeenEvent } from "../harness/event-text.ts";
import type { World } from "./world.ts";

export class TestReader {
  readonly #world: World;
  readonly sid: Sid;
  readonly #id: StreamId;
  readonly #reader = new EventReader();
  readonly words: (StreamWord | "lost")[] = [];
  readonly events: SeenEvent[] = [];
  /** Whether it takes what it is sent. */
  isReading = true;
  unread = 0;

  constructor(world: World, sid: Sid, asked: Partial<StreamAsked> = {}, remoteAddress = `10.1.0.${sid}:0`) {
    this.#world = world;
    this.sid = sid;
    const defaults = { path: "/", part: "recursive", since: undefined, minZxid: ZXID_ZERO } as const;
    const patience = { heartbeatMs: 10_000, holdMs: STREAM_HOLD_MS };
    const id = world.replica(sid).addReader((word) => this.#take(word));
    this.#id = id;
    const opening = {
      ...defaults,
      ...patience,
      ...asked,
      id,
      remoteAddress,
      identities: world.identities,
    };
    world.input(sid, { kind: "stream", input: { kind: "opened", opening } });
  }

  /** The text with which it comes back. */
  get lastEventId(): string {
    return this.#reader.lastEventId;
  }

  get comments(): number {
    return this.#reader.comments;
  }

  get hasBegun(): boolean {
    return this.words.some((word) => word !== "lost" && word.kind === "began");
  }

  /** Why it is over: its replica died, or what the last word was; undefined while it is not. */
  get over(): string | undefined {
    const last = this.words.at(-1);
    if (last === "lost") return "lost";
    if (last?.kind === "refused") return `refused: ${last.reason}`;
    if (last?.kind === "end") return `end: ${String(this.events.at(-1)?.data["reason"])}`;
    return undefined;
  }

  /** `kind path` of what it was told of znodes. */
  get told(): readonly string[] {
    return this.events
      .filter(({ event }) => event !== "open" && event !== "end")
      .map(({ event, data }) => `${event} ${String(data["path"])}`);
  }

  /** Reads what waits, and on. */
  read(): void {
    this.isReading = true;
    const length = this.unread;
    this.unread = 0;
    if (length > 0)
      this.#world.input(this.sid, { kind: "stream", input: { kind: "taken", stream: this.#id, length } });
  }

  hangUp(): void {
    this.#world.input(this.sid, { kind: "stream", input: { kind: "closed", stream: this.#id } });
  }

  #take(word: StreamWord | "lost"): void {
    this.words.push(word);
    if (word === "lost" || !("text" in word)) return;
    this.events.push(...this.#reader.take(word.text));
    this.unread += word.kind === "text" ? word.text.length : 0;
    if (!this.isReading || word.kind === "end") return;
    this.#world.later(1, () => {
      if (this.isReading && this.over === undefined) this.read();
    });
  }
}

/** Reads on elsewhere, from where another one was. */
export function goOn(
  world: World,
  sid: Sid,
  reader: TestReader,
  asked: Partial<StreamAsked> = {},
): TestReader {
  return new TestReader(world, sid, { ...asked, since: readPosition(reader.lastEventId) });
}
