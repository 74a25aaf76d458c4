/** What is read and written many at once: names of children, and rows that stand already. */
import { expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { SqlNodeRows } from "../../src/durable/node-rows.ts";
import { createTables } from "../../src/durable/schema.ts";
import type { Sql } from "../../src/durable/sql.ts";
import { CachedNodeStore } from "../../src/tree/cached-node-store.ts";
import type { Znode } from "../../src/tree/node-store.ts";
import { bytes } from "../tree/harness.ts";
import { memoryDatabase } from "./sqlite.ts";

/** More than two pages. */
const MANY = 10_000;

function rowsOf(names: readonly string[]): SqlNodeRows {
  const database = memoryDatabase();
  createTables(database);
  database.transactionSync(() => put(database.sql, "/a", names));
  return new SqlNodeRows(database.sql, "znode");
}

function put(sql: Sql, parent: string, names: readonly string[]): void {
  for (const name of names)
    sql.exec("INSERT INTO znode (parent, name, head) VALUES (?, ?, ?)", parent, name, new Uint8Array(1));
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `n${String(index).padStart(6, "0")}`);
}

test.each([0, 1, 4095, 4096, 4097, 8192, MANY])("%i names are told, each once, in their order", (count) => {
  const names = numbered(count);

  expect(rowsOf(names).childNames("/a")).toEqual(names);
});

test("names of a neighbour are not among them", () => {
  const database = memoryDatabase();
  createTables(database);
  put(database.sql, "/a", ["x"]);
  put(database.sql, "/a/x", ["y"]);
  put(database.sql, "/b", ["z"]);

  expect(new SqlNodeRows(database.sql, "znode").childNames("/a")).toEqual(["x"]);
});

test("names that are too long to be read in one text are told as well", () => {
  const long = Array.from({ length: 20 }, (_, index) => `m${"\u20ac".repeat(150_000)}${index}`);
  const names = [...numbered(MANY), ...long, "\u{10000}"].sort();

  expect(rowsOf(names).childNames("/a")).toEqual(names);
});

function znode(version: number): Znode {
  return {
    data: null,
    acl: OPEN_ACL,
    owner: { mode: "persistent" },
    czxid: ZXID_ZERO,
    mzxid: ZXID_ZERO,
    pzxid: ZXID_ZERO,
    ctime: 0,
    mtime: 0,
    version,
    aversion: 0,
    childCreates: 0,
    childCount: 0,
  };
}

test("updates many rows as it puts each: data, none and empty data, Stats, and nothing else", () => {
  const database = memoryDatabase();
  createTables(database);
  const rows = new SqlNodeRows(database.sql, "znode");
  const store = new CachedNodeStore(rows, 0);
  const paths = Array.from({ length: 60 }, (_, index) => `/${index % 2 === 0 ? "é" : '"'}${index}`);
  const before = (index: number): Znode => ({ ...znode(0), data: bytes(`before ${index}`) });
  const datas = [bytes("after, and longer than before"), null, bytes(""), bytes("a")];
  const after = (index: number): Znode => {
    return { ...znode(index), data: datas[index % datas.length] ?? null };
  };
  store.put("/", znode(0));
  for (const [index, path] of paths.entries()) store.put(path, before(index));
  rows.writeChangesOf(store);
  const changed = paths.toReversed().filter((_, index) => index % 10 !== 9);
  for (const path of changed) store.put(path, after(paths.indexOf(path)));
  rows.writeChangesOf(store);

  for (const [index, path] of paths.entries()) {
    expect(rows.read(path)).toEqual(changed.includes(path) ? after(index) : before(index));
  }
  expect(changed.length).toBe(54);
  expect(database.sql.exec<{ n: number }>("SELECT count(*) AS n FROM znode").one().n).toBe(61);
});
