/** Events told from a database, over crashes, trimming, snapshots and upgrades. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Acl, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import type { SqlDatabase } from "../../src/durable/sql.ts";
import { Store } from "../../src/durable/store.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import { eventsOf, noteOf } from "../../src/tree/told-events.ts";
import type { TreeEvent } from "../../src/tree/transition.ts";
import { BOB, create, Leader, line, type Proposal, SUPER } from "../tree/harness.ts";
import { steps } from "../tree/operations.ts";
import { memoryDatabase } from "./sqlite.ts";

const NAME = { ensemble: "main", sid: 1 };
const HIDDEN: readonly Acl[] = [line(PERMS.all, "digest", "nobody:x")];

function open(database: SqlDatabase, rowsMax = 16_384): Store {
  return Store.open(database, NAME, { epochFloor: 1, firstInstance: 1, log: { rowsMax, bytesMax: 1e9 } });
}

function append(store: Store, { zxid, header, txn }: Proposal): void {
  const writer = new JuteWriter();
  encodeTxn(writer, header, txn);
  store.commit([{ kind: "append", proposals: [{ zxid, payload: writer.take() }] }]);
}

/** Applies a proposal as the keeper does; gives its events. */
function apply({ tree, notes }: Store, { zxid, header, txn }: Proposal): readonly TreeEvent[] {
  const { events } = tree.apply(zxid, header, txn);
  const note = noteOf(txn, events);
  if (note !== undefined) notes.add(zxid, note);
  return events;
}

/** Kind and path of every event that the database tells behind a zxid, by transaction. */
function told({ log, notes, tree }: Store, after: Zxid): ReadonlyMap<string, readonly string[]> {
  const range = { after, upTo: tree.lastApplied };
  const found = notes.read(range);
  return new Map(
    log.read({ ...range, bytesMax: 1e9 }).map(({ zxid, payload }) => {
      const text = zxidText(zxid);
      return [text, linesOf(eventsOf(decodeTxn(payload).txn, found.get(text)))];
    }),
  );
}

function linesOf(events: readonly TreeEvent[]): readonly string[] {
  return events.map(({ kind, path, acl }) => `${kind} ${path} ${acl === HIDDEN ? "hidden" : acl[0]?.scheme}`);
}

test("what is told after any crash is what was yielded, however history was trimmed", () => {
  const crashes = fc.array(fc.constantFrom(false, false, false, true), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(steps, crashes, fc.constantFrom(5, 16_384), (requests, isCrash, rowsMax) => {
      const leader = new Leader();
      for (const [at, { session, request }] of requests.entries()) {
        const hidden = at % 3 === 0 && "acl" in request ? { ...request, acl: HIDDEN } : request;
        leader.write(hidden, { session, identities: SUPER });
      }
      const database = memoryDatabase();
      let store = open(database, rowsMax);
      const yielded = new Map<string, readonly string[]>();
      for (const [at, proposal] of leader.log.entries()) {
        append(store, proposal);
        yielded.set(zxidText(proposal.zxid), linesOf(apply(store, proposal)));
        if (isCrash[at] !== true) continue;
        store = open(database, rowsMax);
        const { lastDelivered } = store.start;
        for (const again of leader.log.slice(0, at + 1)) {
          if (compareZxid(again.zxid, lastDelivered) > 0) apply(store, again);
        }
      }

      const expected = [...yielded].slice(-told(store, store.log.base).size);
      expect([...told(store, store.log.base)]).toEqual(expected);
      expect(told(store, store.log.base).size).toBe(Math.min(leader.log.length, rowsMax));
    }),
    { numRuns: 150 },
  );
});

describe("a note", () => {
  test("of very many events takes several rows, and is whole again", () => {
    const database = memoryDatabase();
    const store = open(database);
    const leader = new Leader();
    const paths = Array.from({ length: 5000 }, (_, at) => `/${String(at).padStart(100, "0")}`);
    for (const path of paths) leader.write(create(path, { flags: 1 }), { session: BOB });
    leader.write({ op: "closeSession" }, { session: BOB });
    leader.write(create("/after"));
    for (const proposal of leader.log) apply(store, proposal);
    for (const { zxid, header, txn } of leader.log) append(store, { zxid, header, txn });

    const { n } = database.sql.exec<{ n: number }>("SELECT count(*) AS n FROM event_note").one();
    const again = open(database);
    const close = leader.log.at(-2)?.zxid ?? ZXID_ZERO;
    const read = again.notes.read({ after: ZXID_ZERO, upTo: again.tree.lastApplied });

    expect(n).toBeGreaterThan(3);
    expect([...read.keys()]).toEqual([zxidText(close)]);
    expect(read.get(zxidText(close))?.map(({ path }) => path)).toEqual(paths);
    expect(read.get(zxidText(close))?.every(({ acl }) => acl === OPEN_ACL)).toBe(true);
    expect(again.notes.read({ after: close, upTo: again.tree.lastApplied }).size).toBe(0);
  });

  test("goes with the history that it belongs to", () => {
    const database = memoryDatabase();
    const store = open(database, 16);
    const leader = new Leader();
    for (let round = 0; round < 100; round++) {
      leader.write(create("/h", { acl: HIDDEN }));
      leader.write({ op: "delete", path: "/h", version: -1 });
    }
    for (const proposal of leader.log) {
      append(store, proposal);
      apply(store, proposal);
    }
    const { n } = database.sql.exec<{ n: number }>("SELECT count(*) AS n FROM event_note").one();

    expect(n).toBeGreaterThan(6);
    expect(n).toBeLessThan(50);
  });
});

describe("events are told from", () => {
  test("where a snapshot ends", () => {
    const database = memoryDatabase();
    const store = open(database);
    store.notes.add({ epoch: 1, counter: 1 }, [{ kind: "dataChanged", path: "/x", acl: OPEN_ACL }]);
    store.stage();
    const last = { epoch: 5, counter: 7 };
    store.commit([{ kind: "install", last }]);

    const again = open(database);
    expect([again.notes.base, again.log.base]).toEqual([last, last]);
    expect(again.notes.read({ after: ZXID_ZERO, upTo: last }).size).toBe(0);
  });

  test("what the tree showed when the data came to a format that keeps notes", () => {
    const database = memoryDatabase();
    const store = open(database);
    const leader = new Leader();
    leader.write(create("/a"));
    for (const proposal of leader.log) append(store, proposal);
    for (const proposal of leader.log.slice(0, -1)) apply(store, proposal);
    store.commit([]);
    database.sql.exec("DROP TABLE event_base");
    database.sql.exec("DROP TABLE event_note");
    database.sql.exec("UPDATE state SET format = 3");

    const again = open(database);
    expect(again.notes.base).toEqual(leader.log.at(-2)?.zxid);
    expect(again.notes.base).toEqual(again.start.lastDelivered);
  });
});
