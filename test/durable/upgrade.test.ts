/** Data of earlier formats: what they hold is there after an upgrade; what a later one wrote is not touched. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { LOG_SLOTS, STORAGE_FORMAT } from "../../src/durable/schema.ts";
import type { Sql, SqlDatabase, SqlValue } from "../../src/durable/sql.ts";
import { Store } from "../../src/durable/store.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { EDGEKEEPER_VERSION } from "../../src/keeper/status.ts";
import { writeProposals } from "../../src/keeper/zab-codec.ts";
import { recomputeDigest } from "../../src/tree/tree.ts";
import type { Proposal } from "../../src/zab/message.ts";
import { BOB, bytes, contentsOf, create, Leader } from "../tree/harness.ts";
import { memoryDatabase } from "./sqlite.ts";

const NAME = { ensemble: "main", sid: 1 };
const END: Zxid = { epoch: 0x7fffffff, counter: 0xffffffff };

/** The tables as format 1 had them. */
const FORMAT_1 = [
  `CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, ensemble TEXT NOT NULL, sid INTEGER NOT NULL,
    instance INTEGER NOT NULL, accepted_epoch INTEGER NOT NULL, current_epoch INTEGER NOT NULL,
    epoch_floor INTEGER NOT NULL, applied_epoch INTEGER NOT NULL, applied_counter INTEGER NOT NULL,
    digest_hi INTEGER NOT NULL, digest_lo INTEGER NOT NULL, data_bytes INTEGER NOT NULL, ephemerals INTEGER NOT NULL
  )`,
  `CREATE TABLE log (
    seq INTEGER PRIMARY KEY, first_epoch INTEGER NOT NULL, first_counter INTEGER NOT NULL,
    last_epoch INTEGER NOT NULL, last_counter INTEGER NOT NULL, applied_epoch INTEGER NOT NULL,
    applied_counter INTEGER NOT NULL, digest_hi INTEGER NOT NULL, digest_lo INTEGER NOT NULL,
    data_bytes INTEGER NOT NULL, ephemerals INTEGER NOT NULL, proposals BLOB NOT NULL
  )`,
  `CREATE TABLE znode (
    parent TEXT NOT NULL, name TEXT NOT NULL, owner TEXT, head BLOB NOT NULL, data BLOB, PRIMARY KEY (parent, name)
  ) WITHOUT ROWID`,
  "CREATE INDEX znode_owner ON znode (owner) WHERE owner IS NOT NULL",
  "CREATE TABLE session (id TEXT PRIMARY KEY, timeout_ms INTEGER NOT NULL, password BLOB NOT NULL) WITHOUT ROWID",
];

function openStore(database: SqlDatabase): Store {
  const log = { rowsMax: LOG_SLOTS, bytesMax: Number.MAX_SAFE_INTEGER };
  return Store.open(database, NAME, { epochFloor: 900, firstInstance: 1, log });
}

function proposal(epoch: number, counter: number): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array([counter & 0xff]) };
}

function rowsOf(sql: Sql, table: string): readonly Record<string, SqlValue>[] {
  return sql.exec(`SELECT * FROM ${table}`).toArray();
}

function insert(sql: Sql, table: string, row: readonly SqlValue[]): void {
  sql.exec(`INSERT INTO ${table} VALUES (${row.map(() => "?").join(", ")})`, ...row);
}

/** A database of format 1, with this history, and the tree that a store has, as far as its state row tells. */
function formatOne(from: SqlDatabase, history: readonly (readonly Proposal[])[]): SqlDatabase {
  const database = memoryDatabase();
  const { sql } = database;
  for (const statement of FORMAT_1) sql.exec(statement);
  for (const table of ["znode", "session"]) {
    for (const { idle: _, ...row } of rowsOf(from.sql, table)) insert(sql, table, Object.values(row));
  }
  for (const row of rowsOf(from.sql, "state")) insert(sql, "state", Object.values({ ...row, format: 1 }));
  const [told] = rowsOf(from.sql, "state");
  const columns = [
    "applied_epoch",
    "applied_counter",
    "digest_hi",
    "digest_lo",
    "data_bytes",
    "ephemerals",
  ] as const;
  const applied = columns.map((column) => told?.[column] ?? null);
  for (const [index, row] of history.entries()) {
    const writer = new JuteWriter();
    writeProposals(writer, row);
    const [first, last] = [row[0]?.zxid ?? ZXID_ZERO, row.at(-1)?.zxid ?? ZXID_ZERO];
    const proposals = writer.take().slice().buffer;
    const key = [index + 1, first.epoch, first.counter, last.epoch, last.counter];
    insert(sql, "log", [...key, ...applied, proposals]);
  }
  return database;
}

/** A store with znodes, data, an ephemeral and sessions, all written. */
function filled(): { readonly database: SqlDatabase; readonly store: Store } {
  const database = memoryDatabase();
  const store = openStore(database);
  const leader = new Leader(store.tree);
  leader.write(create("/a", { data: bytes("text") }));
  leader.write(create("/a/e", { flags: 1, data: null }), { session: BOB });
  store.commit([{ kind: "epochs", acceptedEpoch: 4, currentEpoch: 3 }]);
  return { database, store };
}

describe("data of format 1", () => {
  test("keeps tree, sessions, epochs and history, and is written on", () => {
    const { database, store } = filled();
    const history = [[proposal(1, 1), proposal(1, 2)], [proposal(1, 3), proposal(1, 4)], [proposal(3, 1)]];
    const old = formatOne(database, history);

    const upgraded = openStore(old);
    const again = openStore(old);
    again.commit([{ kind: "append", proposals: [proposal(3, 2)] }]);
    const last = openStore(old);

    for (const one of [upgraded, again, last]) {
      expect(contentsOf(one.tree)).toEqual(contentsOf(store.tree));
      expect(one.tree.summary).toEqual(store.tree.summary);
      expect(recomputeDigest(one.tree, one.tree.sessions)).toEqual(store.tree.digest);
      expect(one.start).toMatchObject({
        acceptedEpoch: 4,
        currentEpoch: 3,
        epochFloor: 900,
        isDiverged: false,
      });
      expect(one.start.lastDelivered).toEqual(store.tree.lastApplied);
      expect(one.log.base).toEqual(ZXID_ZERO);
    }
    const read = last.log.read({ after: ZXID_ZERO, upTo: END, bytesMax: 1e9 });
    expect(read).toEqual([...history.flat(), proposal(3, 2)]);
    expect(last.log.epochEnds().map(zxidText)).toEqual(["1:4", "3:2"]);
    expect(upgraded.start.instance + 2).toBe(last.start.instance);
  });

  test("with more history than the ring has slots keeps the latest, and knows where that begins", () => {
    const { database } = filled();
    const extra = 50;
    const history = Array.from({ length: LOG_SLOTS + extra }, (_, index) => [proposal(1, index + 1)]);
    const { log } = openStore(formatOne(database, history));

    expect([log.rowCount, log.base, log.last]).toEqual([
      LOG_SLOTS,
      { epoch: 1, counter: extra },
      { epoch: 1, counter: LOG_SLOTS + extra },
    ]);
    expect(log.read({ after: log.base, upTo: END, bytesMax: 1 })).toEqual([proposal(1, extra + 1)]);
  });

  test("without history, as of a replica that never heard of any, is a fresh one's", () => {
    const database = memoryDatabase();
    openStore(database);
    const { log, start } = openStore(formatOne(database, []));

    expect([log.base, log.last, start.lastDelivered]).toEqual([ZXID_ZERO, ZXID_ZERO, ZXID_ZERO]);
  });
});

/** Format 2 had no column for what ends by itself. */
function formatTwo(from: SqlDatabase): SqlDatabase {
  for (const table of ["znode", "znode_2"]) {
    from.sql.exec(`DROP INDEX ${table}_idle`);
    from.sql.exec(`ALTER TABLE ${table} DROP COLUMN idle`);
  }
  from.sql.exec("UPDATE state SET format = 2");
  return from;
}

describe("data of format 2", () => {
  const ALL = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

  test("is the same tree, and its containers are found by their marks, however many there are", () => {
    const database = memoryDatabase();
    const store = openStore(database);
    const leader = new Leader(store.tree);
    const container = (path: string): void =>
      void leader.write(create(path, { op: "createContainer", flags: 4, data: bytes("kept") }));
    for (let index = 0; index < 1500; index++) container(`/box${index}`);
    leader.write(create("/box7/kid", { data: bytes("x") }));
    leader.write(create("/box8/kid"));
    leader.write({ op: "delete", path: "/box8/kid", version: -1 });
    leader.write(create("/plain", { data: bytes("x") }));
    leader.write(create("/e", { flags: 1 }), { session: BOB });
    store.commit([{ kind: "epochs", acceptedEpoch: 4, currentEpoch: 3 }]);
    const expected = store.tree.idle(ALL, undefined, 5000);

    const upgraded = openStore(formatTwo(database));
    const again = openStore(database);

    for (const one of [upgraded, again]) {
      expect(contentsOf(one.tree)).toEqual(contentsOf(store.tree));
      expect(one.tree.summary).toEqual(store.tree.summary);
      expect(one.tree.idle(ALL, undefined, 5000)).toEqual(expected);
    }
    expect(expected).toHaveLength(1499);
    expect(expected.filter(({ mark }) => mark === 0)).toEqual([{ path: "/box8", mark: 0 }]);
    expect(rowsOf(database.sql, "state")).toMatchObject([{ format: STORAGE_FORMAT }]);
  });

  test("of a replica that held a part of a snapshot is rid of that", () => {
    const { database, store } = filled();
    formatTwo(database).sql.exec("INSERT INTO znode_2 SELECT * FROM znode");

    const upgraded = openStore(database);

    expect(contentsOf(upgraded.tree)).toEqual(contentsOf(store.tree));
    expect(rowsOf(database.sql, "znode_2")).toEqual([]);
    expect(upgraded.stage().summary.znodes).toBe(0);
  });
});

test("the version that stands beside the data is the package's", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  const { database } = filled();

  expect(rowsOf(database.sql, "program")).toEqual([{ id: 1, version: EDGEKEEPER_VERSION }]);
  expect(EDGEKEEPER_VERSION).toBe(manifest.version);
});

test("data of a later format is refused, and left as it is", () => {
  const { database } = filled();
  database.sql.exec(`UPDATE state SET format = ${STORAGE_FORMAT + 1}`);
  database.sql.exec("DROP TABLE znode_2");
  // Whatever else a later one changes, these two are where they are.
  database.sql.exec("ALTER TABLE state ADD COLUMN more INTEGER NOT NULL DEFAULT 7");
  database.sql.exec("UPDATE program SET version = '9.9.9'");
  const all = (): unknown =>
    ["state", "program", "sqlite_schema"].map((table) => rowsOf(database.sql, table));
  const before = all();

  expect(() => openStore(database)).toThrow(
    `the data is of format ${STORAGE_FORMAT + 1}, which Edgekeeper 9.9.9 wrote; this is ${EDGEKEEPER_VERSION}, which ` +
      `knows formats up to ${STORAGE_FORMAT}. Nothing was changed: run 9.9.9 again`,
  );
  expect(all()).toEqual(before);

  database.sql.exec("DROP TABLE program");
  expect(() => openStore(database)).toThrow("which a later Edgekeeper wrote");
});
