/** Notes of events as a world keeps them: they outlive a replica's starts, as the history does. */
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { EventNotes } from "../../src/keeper/event-notes.ts";
import type { EventNote } from "../../src/tree/told-events.ts";

export class MemoryNotes implements EventNotes {
  base: Zxid = ZXID_ZERO;
  readonly #notes = new Map<string, { readonly zxid: Zxid; readonly note: EventNote }>();

  add(zxid: Zxid, note: EventNote): void {
    this.#notes.set(zxidText(zxid), { zxid, note });
  }

  read({ after, upTo }: { readonly after: Zxid; readonly upTo: Zxid }): ReadonlyMap<string, EventNote> {
    const found = [...this.#notes].filter(
      ([, { zxid }]) => compareZxid(zxid, after) > 0 && compareZxid(zxid, upTo) <= 0,
    );
    return new Map(found.map(([text, { note }]) => [text, note]));
  }

  /** A snapshot has come. */
  restart(base: Zxid): void {
    this.base = base;
    this.#notes.clear();
  }
}
