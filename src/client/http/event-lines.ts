/** Server-sent events, cut out of a stream of bytes. Source: WHATWG HTML, section 9.2.6. */

/** One event; an `id` alone comes as an event without a type. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Longer events than any that the API sends. */
const TEXT_CHARACTERS_MAX = 1_000_000;

/** Takes bytes in, gives events out. */
export class EventLines {
  readonly #decoder = new TextDecoder();
  #text = "";

  /** Throws RangeError where an event has no end. */
  push(bytes: Uint8Array): readonly ServerSentEvent[] {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    const blocks = this.#text.split(/\r?\n\r?\n/);
    this.#text = blocks.pop() ?? "";
    if (this.#text.length > TEXT_CHARACTERS_MAX) throw new RangeError("an event of a megabyte");
    return blocks.map((block) => eventOf(block));
  }
}

function eventOf(block: string): ServerSentEvent {
  const fields = new Map<string, string[]>();
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  return {
    type: fields.get("event")?.at(-1) ?? "",
    data: (fields.get("data") ?? []).join("\n"),
    id: fields.get("id")?.at(-1),
  };
}
