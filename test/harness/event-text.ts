/** Reads text/event-stream as a browser does: what is dispatched, and the id to come back with. */

/** An event as it is dispatched. */
export interface SeenEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Takes text as it comes, cut anywhere. Source: HTML, "Server-sent events", section 9.2.6. */
export class EventReader {
  /** What a reader that comes back sends as Last-Event-ID. */
  lastEventId = "";
  comments = 0;
  #rest = "";
  #id = "";
  #event = "";
  #data: string[] = [];

  take(text: string): readonly SeenEvent[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): readonly SeenEvent[] {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) {
      this.comments++;
      return [];
    }
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "id") this.#id = value;
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
    return [];
  }

  #dispatch(): readonly SeenEvent[] {
    this.lastEventId = this.#id;
    const [data, event] = [this.#data, this.#event];
    this.#data = [];
    this.#event = "";
    if (data.length === 0) return [];
    const parsed = JSON.parse(data.join("\n")) as SeenEvent["data"];
    return [{ id: this.lastEventId, event, data: parsed }];
  }
}
