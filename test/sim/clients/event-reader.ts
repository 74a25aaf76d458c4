/**
 * A client that reads events, as those of the HTTP API do: it opens a stream at some replica, takes what it is told, is
 * slow, hangs up, loses its replica, and goes on at another one behind the last thing that it was told.
 */
import { must } from "../../../src/base/assert.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import {
  comparePositions,
  type Position,
  readPosition,
  type StreamWord,
} from "../../../src/keeper/event-stream.ts";
import type { Watched } from "../../../src/tree/event-filter.ts";
import { EventReader as EventParser, type SeenEvent } from "../../harness/event-text.ts";
import { Violation } from "../verdict.ts";
import type { StreamPort, StreamSocket } from "../../../src/world/client-port.ts";
import type { OpenReading } from "./recorder.ts";
import type { ClientParts } from "./worker.ts";
import { numbered, PLACES, WorkContext } from "./workload.ts";

/** It comes back after so long, at most. */
const RETRY_MS = 400;
/** It takes nothing for so long, at most, when it is slow. */
const SLOW_MS = 4000;
const HOLDS_MS = [0, 1000, 5000];
const HEARTBEATS_MS = [300, 2000];

/** Kinds of events that tell of znodes. */
const CHANGES: ReadonlySet<string> = new Set(["created", "deleted", "dataChanged", "childrenChanged"]);

/** See the file's comment. */
export class EventReader {
  readonly sessions: readonly [] = [];
  readonly #parts: ClientParts;
  readonly #port: StreamPort;
  readonly #context: WorkContext;
  #watched: Watched;
  #reading: OpenReading | undefined;
  #socket: StreamSocket | undefined;
  /** What came and is not taken yet, while it is slow. */
  #untaken: string[] | undefined;
  #isStopped = false;

  constructor(parts: ClientParts, port: StreamPort) {
    this.#parts = parts;
    this.#port = port;
    this.#context = new WorkContext(parts.name, parts.plan, parts.rng);
    this.#watched = this.#choose();
  }

  /** Begins. */
  start(): void {
    this.#open();
    this.#goOn();
  }

  /** Goes on to read, but opens nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Is gone. */
  abandon(): void {
    this.stop();
    this.#hangUp();
  }

  #choose(): Watched {
    const { rng, plan } = this.#parts;
    switch (rng.below(5)) {
      case 0:
        return { path: this.#context.register(), part: "data" };
      case 1:
        return { path: this.#context.parent(), part: "children" };
      case 2:
        return { path: numbered(PLACES.locks, rng.below(plan.locks)), part: "node" };
      case 3:
        return { path: PLACES.registers, part: "recursive" };
      default:
        return { path: "/", part: "recursive" };
    }
  }

  #goOn(): void {
    const { clock, plan, rng } = this.#parts;
    clock.later(1 + plan.visitPauseMs / 2 + rng.below(plan.visitPauseMs), () => {
      if (this.#isStopped) return;
      if (this.#socket !== undefined) this.#maybeDisturb();
      this.#goOn();
    });
  }

  #maybeDisturb(): void {
    const { rng, clock } = this.#parts;
    switch (rng.below(40)) {
      case 0:
        this.#hangUp();
        return this.#comeBack();
      case 1: {
        if (this.#untaken !== undefined) return undefined;
        this.#untaken = [];
        clock.later(rng.below(SLOW_MS), () => this.#catchUp());
        return undefined;
      }
      default:
        return undefined;
    }
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#untaken = undefined;
    socket?.hangUp();
  }

  #comeBack(): void {
    const { rng, clock } = this.#parts;
    clock.later(1 + rng.below(RETRY_MS), () => {
      if (!this.#isStopped && this.#socket === undefined) this.#open();
    });
  }

  /** Opens a stream behind what it was told, or of what is to come. */
  #open(): void {
    const { rng } = this.#parts;
    const { sids, members = sids } = this.#parts.port;
    const sid = must(this.#context.pick(members), "a replica");
    const since = this.#reading?.upTo;
    if (since === undefined) this.#watched = this.#choose();
    const asked = {
      ...this.#watched,
      since,
      minZxid: since !== undefined && rng.below(2) === 0 ? since.zxid : ZXID_ZERO,
      holdMs: this.#context.pick(HOLDS_MS),
      heartbeatMs: this.#context.pick(HEARTBEATS_MS),
    };
    const parser = new EventParser();
    const socket = this.#port.read(sid, asked, {
      told: (word) => {
        if (this.#socket === socket) this.#told(word, parser, since);
      },
      lost: () => {
        if (this.#socket === socket) this.#ended();
      },
    });
    this.#socket = socket;
  }

  #ended(): void {
    this.#socket = undefined;
    this.#untaken = undefined;
    this.#comeBack();
  }

  #told(word: StreamWord, parser: EventParser, since: Position | undefined): void {
    switch (word.kind) {
      case "began":
        return undefined;
      case "refused":
        // What it would go on behind is not kept any more: it begins anew.
        if (word.reason === "gone") this.#reading = undefined;
        return this.#ended();
      case "text":
        this.#read(word.text, parser, since);
        if (this.#untaken === undefined) this.#socket?.taken(word.text.length);
        else this.#untaken.push(word.text);
        return undefined;
      case "end":
        if (word.text.includes('"reason":"gone"')) this.#reading = undefined;
        return this.#ended();
      default:
        return word satisfies never;
    }
  }

  /** Takes at once all that it has left lying. */
  #catchUp(): void {
    const untaken = this.#untaken ?? [];
    this.#untaken = undefined;
    for (const text of untaken) this.#socket?.taken(text.length);
  }

  #read(text: string, parser: EventParser, since: Position | undefined): void {
    for (const seen of parser.take(text)) {
      if (seen.event === "open") this.#begin(seen, since);
      else if (CHANGES.has(seen.event)) this.#note(seen);
    }
    const { lastEventId } = parser;
    if (lastEventId !== "" && this.#reading !== undefined) this.#reading.upTo = readPosition(lastEventId);
  }

  #begin({ id }: SeenEvent, since: Position | undefined): void {
    const from = readPosition(id);
    if (since === undefined) {
      const { recorder, name: client } = this.#parts;
      this.#reading = recorder.beginReading({ client, watched: this.#watched, from });
    } else if (comparePositions(since, from) !== 0) {
      const what = `${this.#parts.name} asked for what is behind another place than ${id}`;
      throw new Violation("a stream goes on where it was left", what);
    }
  }

  #note({ id, event, data }: SeenEvent): void {
    const { recorder } = this.#parts;
    const told = { at: readPosition(id), kind: event, path: String(data["path"]), atMs: recorder.moment() };
    this.#reading?.told.push(told);
  }
}
