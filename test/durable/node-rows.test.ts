/** Names of children, which are read many in one text. */
import { expect, test } from "vitest";
import { SqlNodeRows } from "../../src/durable/node-rows.ts";
import { createTables } from "../../src/durable/schema.ts";
import type { Sql } from "../../src/durable/sql.ts";
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
