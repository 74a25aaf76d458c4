/**
 * Every code block of README.md, ARCHITECTURE.md and docs/ is run, or checked by a test that is named, or stands in the
 * one list of those that are not run, which this test prints.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { type BindingProps, boundsOf } from "../../src/gateway/rpc/binding-props.ts";
import { scaffold } from "../../src/program/init/scaffold.ts";
import { CHECKED_ELSEWHERE, claimsOf, isChosen, NOT_RUN, RUN } from "./block-claims.ts";
import { type PageBlock, blocksIn, blocksOf, pagesWithBlocks } from "./blocks.ts";

const BLOCKS = pagesWithBlocks().flatMap(blocksOf);

function placeOf({ page, line, language, text }: PageBlock): string {
  return `${page}:${line} (${language === "" ? "printed" : language}) ${text.split("\n")[0] ?? ""}`;
}

describe("every code block", () => {
  test("is run, or checked by a test that is named, or said not to be run, and one of these alone", () => {
    const unclaimed = BLOCKS.filter((block) => claimsOf(block).length !== 1);
    const told = unclaimed.map(
      (block) => `${placeOf(block)}: ${claimsOf(block).join(" AND ") || "by nothing"}`,
    );
    expect(told, "add its page to RUN, or a line to a list of test/docs/block-claims.ts").toEqual([]);
  });

  test("that is not run has a reason, and this is all of them", () => {
    const lines = NOT_RUN.flatMap((one) =>
      BLOCKS.filter((block) => isChosen(one, block)).map((block) => `${placeOf(block)}\n    ${one.reason}`),
    );
    console.log(`${BLOCKS.length} blocks, of which ${lines.length} are not run:\n${lines.join("\n")}`);
    expect(NOT_RUN.filter(({ reason }) => reason.length < 20)).toEqual([]);
  });

  test("is meant by each line of the lists: none stands there for what is gone", () => {
    const idle = [...CHECKED_ELSEWHERE, ...NOT_RUN].filter(
      (one) => !BLOCKS.some((block) => isChosen(one, block)),
    );
    expect(idle).toEqual([]);
    expect(RUN.filter((page) => !BLOCKS.some((block) => block.page === page))).toEqual([]);
  });

  test("that is checked elsewhere is so by a test that is there", () => {
    for (const { path, title } of CHECKED_ELSEWHERE) {
      expect(existsSync(path) ? path : `${path}, which is not there`).toBe(path);
      expect(readFileSync(path, "utf8")).toContain(title);
    }
  });

  test("is found where it stands, with its heading, also within a list", () => {
    const text = "# A\n\n```sh\nls\n```\n\n## B\n\n- b\n  ```\n  c\n  ```\n";
    expect(blocksIn("a.md", text)).toEqual([
      { page: "a.md", heading: "A", language: "sh", text: "ls\n", line: 3 },
      { page: "a.md", heading: "B", language: "", text: "  c\n", line: 10 },
    ]);
    expect(() => blocksIn("a.md", "```sh\nls\n")).toThrow("a.md:1: a block that is not closed");
  });
});

function chosenBy(title: string): readonly PageBlock[] {
  const lines = CHECKED_ELSEWHERE.filter((one) => one.title === title);
  return BLOCKS.filter((block) => lines.some((one) => isChosen(one, block)));
}

test("the SQL of a page runs, and refuses an older token", () => {
  const [table, update] = chosenBy("the SQL of a page runs, and refuses an older token");
  const database = new DatabaseSync(":memory:");
  database.exec(table?.text ?? "");
  database.exec("INSERT INTO accounts (id, balance) VALUES ('alice', 100)");
  const changes = (amount: number, token: string): unknown =>
    database.prepare(update?.text ?? "").run({ amount, id: "alice", token }).changes;

  expect([changes(10, "0001"), changes(-50, "0002"), changes(10, "0001"), changes(1, "0002")]).toEqual([
    1, 1, 0, 1,
  ]);
  expect({ ...database.prepare("SELECT balance, token FROM accounts").get() }).toEqual({
    balance: 61,
    token: "0002",
  });
});

test("code that a page takes from an example is the example's", () => {
  const sources = ["feature-flags", "leader-election", "payment"].map((name) =>
    readFileSync(`examples/${name}/src/worker.ts`, "utf8"),
  );
  const blocks = chosenBy("code that a page takes from an example is the example's");
  expect(blocks.length).toBeGreaterThan(0);
  const strange = blocks.filter(({ text }) => !sources.some((source) => source.includes(text)));
  expect(strange.map(placeOf)).toEqual([]);
});

test("code that a page takes from the scaffold is the scaffold's", () => {
  const worker = scaffold("keeper", "1.0.0").get("src/worker.ts") ?? "";
  const blocks = chosenBy("code that a page takes from the scaffold is the scaffold's");
  const lines = blocks.flatMap(({ text }) => text.trim().split("\n"));
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.filter((line) => !worker.includes(`${line}\n`))).toEqual([]);
});

test("a binding in a wrangler.toml leads to what the Worker exports, with props that it knows", () => {
  const blocks = chosenBy(
    "a binding in a wrangler.toml leads to what the Worker exports, with props that it knows",
  );
  expect(blocks.length).toBeGreaterThan(0);
  const worker = readFileSync("src/worker.ts", "utf8");
  for (const block of blocks) {
    const { services } = parse(block.text) as unknown as {
      readonly services: readonly Readonly<Record<string, unknown>>[];
    };
    for (const { service, entrypoint, props: given = {} } of services) {
      expect(service).toBe("edgekeeper");
      expect(worker).toMatch(new RegExp(`\\b${String(entrypoint)}\\b`));
      expect(boundsOf(given as BindingProps).ensemble).toBe("main");
    }
  }
});

test("settings of other systems name the ensemble's three doors, once each and all of them", () => {
  const doors = "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183";
  const blocks = chosenBy(
    "settings of other systems name the ensemble's three doors, once each and all of them",
  );
  expect(blocks.length).toBeGreaterThan(2);
  for (const { text } of blocks) {
    // ClickHouse has an element for each, and Patroni a list of texts.
    const plain = text
      .replaceAll(/<host>([^<]*)<\/host><port>(\d+)<\/port>/g, "$1:$2")
      .replaceAll(/<\/?node>\s*(?:<node>)?|", "/g, ",")
      .replaceAll(/,{2,}/g, ",");
    expect(plain).toContain(doors);
    expect(plain.replaceAll(doors, "")).not.toMatch(/:\d{4}/);
  }
});

test("the layers of ARCHITECTURE.md are the folders of src", () => {
  const [layers] = chosenBy("the layers of ARCHITECTURE.md are the folders of src");
  const told = Array.from((layers?.text ?? "").matchAll(/^  (\w+)\/ /gm), ([, name]) => name);
  const there = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(told)).toEqual(new Set(there.map(({ name }) => name)));
});

test("the jobs of Prometheus relabel what /metrics tells of a replica", () => {
  const [block] = chosenBy("the jobs of Prometheus relabel what /metrics tells of a replica");
  const [, labels = ""] = /source_labels: \[([^\]]*)\]/.exec(block?.text ?? "") ?? [];
  expect(labels.split(", ")).toEqual(["ensemble", "sid"]);
  const source = readFileSync("src/gateway/metrics.ts", "utf8");
  for (const label of labels.split(", ")) expect(source).toContain(label);
});
