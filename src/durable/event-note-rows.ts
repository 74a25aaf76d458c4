/**
 * Notes of events in SQLite. Those of one turn share rows, of at most about ROW_BYTES_MAX: the note of a session that
 * leaves very many ephemerals takes several. Each row is found by the zxid of its last note; `part` tells rows apart
 * that end with the same note.
 */
import type { Acl } from "../base/acl.ts";
import { OPEN_ACL } from "../base/acl.ts";
import { compareZxid, type Zxid, zxidText } from "../base/zxid.ts";
import type { EventNotes } from "../keeper/event-notes.ts";
import type { EventNote } from "../tree/told-events.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { Sql } from "./sql.ts";

/** Far below what the platform lets a row have. */
const ROW_BYTES_MAX: number = 256 * 1024;

/** Rows of forgotten history are looked for once in so many writes: each look costs a query. */
const TRIM_EVERY = 64;

/** A note, or a part of one, as JSON holds it. */
type Stored = readonly [epoch: number, counter: number, events: readonly TreeEvent[]];

/** The rows. What was added is written with the tree, in its transaction. */
export class EventNoteRows implements EventNotes {
  readonly #sql: Sql;
  #base: Zxid;
  #unwritten = new Map<string, { readonly zxid: Zxid; readonly note: EventNote }>();
  #writes = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.exec("INSERT OR IGNORE INTO event_base VALUES (1, 0, 0)");
    this.#base = sql.exec<{ epoch: number; counter: number }>("SELECT epoch, counter FROM event_base").one();
  }

  get base(): Zxid {
    return this.#base;
  }

  add(zxid: Zxid, note: EventNote): void {
    this.#unwritten.set(zxidText(zxid), { zxid, note });
  }

  read({ after, upTo }: { readonly after: Zxid; readonly upTo: Zxid }): ReadonlyMap<string, EventNote> {
    const found = new Map<string, EventNote>();
    for (const [epoch, counter, events] of this.#storedAfter(after, upTo)) {
      const zxid = { epoch, counter };
      if (compareZxid(zxid, after) <= 0 || compareZxid(zxid, upTo) > 0) continue;
      found.set(zxidText(zxid), [...(found.get(zxidText(zxid)) ?? []), ...events]);
    }
    for (const [text, { zxid, note }] of this.#unwritten) {
      if (compareZxid(zxid, after) > 0 && compareZxid(zxid, upTo) <= 0) found.set(text, note);
    }
    return found;
  }

  /** Writes what was added, and now and then forgets what belongs to history before `historyBase`. */
  write(historyBase: Zxid): void {
    if (this.#unwritten.size > 0) {
      for (const row of rowsOf([...this.#unwritten.values()])) this.#insert(row);
      this.#unwritten = new Map();
    }
    if (++this.#writes % TRIM_EVERY !== 0) return;
    const { epoch, counter } = historyBase;
    this.#sql.exec("DELETE FROM event_note WHERE (epoch, counter) <= (?, ?)", epoch, counter);
  }

  /** The tree came from elsewhere, as of this zxid: of what is up to it nothing can be told. */
  restart({ epoch, counter }: Zxid): void {
    this.#unwritten = new Map();
    this.#sql.exec("DELETE FROM event_note");
    this.#sql.exec("UPDATE event_base SET epoch = ?, counter = ?", epoch, counter);
    this.#base = { epoch, counter };
  }

  #insert(row: Row): void {
    const { zxid, part, stored } = row;
    this.#sql.exec(
      "INSERT INTO event_note VALUES (?, ?, ?, ?)",
      zxid.epoch,
      zxid.counter,
      part,
      JSON.stringify(stored, withoutOpenAcl),
    );
  }

  *#storedAfter(after: Zxid, upTo: Zxid): Generator<Stored> {
    let at = { ...after, part: Number.MAX_SAFE_INTEGER };
    for (;;) {
      const [row] = this.#sql
        .exec<{ epoch: number; counter: number; part: number; notes: string }>(
          `SELECT * FROM event_note WHERE (epoch, counter, part) > (?, ?, ?)
           ORDER BY epoch, counter, part LIMIT 1`,
          at.epoch,
          at.counter,
          at.part,
        )
        .toArray();
      if (row === undefined) return;
      at = row;
      const stored = JSON.parse(row.notes, withOpenAcl) as readonly Stored[];
      yield* stored;
      const [first] = stored;
      if (first !== undefined && compareZxid({ epoch: first[0], counter: first[1] }, upTo) > 0) return;
    }
  }
}

interface Row {
  readonly zxid: Zxid;
  readonly part: number;
  readonly stored: readonly Stored[];
}

/** Notes in as many rows as they take. */
function* rowsOf(notes: readonly { readonly zxid: Zxid; readonly note: EventNote }[]): Generator<Row> {
  let stored: Stored[] = [];
  let bytes = 0;
  let part = 0;
  for (const { zxid, note } of notes) {
    let events: TreeEvent[] = [];
    const close = (): void => {
      if (events.length > 0) stored.push([zxid.epoch, zxid.counter, events]);
      events = [];
    };
    for (const event of note) {
      if (bytes >= ROW_BYTES_MAX) {
        close();
        yield { zxid, part: part++, stored };
        stored = [];
        bytes = 0;
      }
      events.push(event);
      bytes += bytesOf(event);
    }
    close();
  }
  const last = notes.at(-1)?.zxid;
  if (stored.length > 0 && last !== undefined) yield { zxid: last, part, stored };
}

function bytesOf(event: TreeEvent): number {
  const aclBytes = (acl: readonly Acl[]): number =>
    acl.reduce((sum, { scheme, id }) => sum + 40 + 3 * (scheme.length + id.length), 0);
  const parentBytes = event.kind === "dataChanged" ? 0 : aclBytes(event.parentAcl);
  return 40 + 3 * event.path.length + aclBytes(event.acl) + parentBytes;
}

/** The list that most have takes no room. */
function withoutOpenAcl(_name: string, value: unknown): unknown {
  return value === OPEN_ACL ? 0 : value;
}

function withOpenAcl(name: string, value: unknown): unknown {
  return (name === "acl" || name === "parentAcl") && value === 0 ? OPEN_ACL : value;
}
