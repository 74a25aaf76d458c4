/** What `edgekeeper init` adds to a configuration that is there, as text. */
import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { editedConfig, parseConfig } from "../../src/program/init/config-edit.ts";
import { isComplete, missingPieces, withPieces } from "../../src/program/init/pieces.ts";
import { scaffold, WRANGLER_RANGE } from "../../src/program/init/scaffold.ts";

function added(text: string, language: "toml" | "json"): string {
  return editedConfig(text, language, missingPieces(parseConfig(text, language)));
}

const TOML = `# My shop.
name = "shop"
main = "src/index.ts"   # the entry
compatibility_date = "2025-01-01"
compatibility_flags = ["nodejs_compat"]

[vars]
# of the shop
CURRENCY = "EUR"

[[durable_objects.bindings]]
name = "CART"
class_name = "Cart"

[[migrations]]
tag = "first"
new_sqlite_classes = ["Cart"]
`;

const JSONC = `{
  // My shop.
  "name": "shop",
  "main": "src/index.ts",
  "compatibility_date": "2025-01-01",
  "durable_objects": {
    "bindings": [
      // of the shop
      { "name": "CART", "class_name": "Cart" },
    ],
  },
  "migrations": [{ "tag": "first", "new_sqlite_classes": ["Cart"] }],
}
`;

describe("a wrangler.toml", () => {
  test("gets what it lacks, and keeps its comments and its own", () => {
    const edited = added(TOML, "toml");

    expect(edited).toContain("# My shop.\n");
    expect(edited).toContain('main = "src/index.ts"   # the entry\n');
    expect(edited).toContain('compatibility_date = "2026-10-01"\n');
    expect(edited).toContain('compatibility_flags = ["nodejs_compat", "enable_request_signal"]\n');
    expect(parseConfig(edited, "toml")).toMatchObject({
      vars: { CURRENCY: "EUR", VOTERS: "1", RECONFIG_ENABLED: "1" },
      durable_objects: {
        bindings: [
          { name: "CART", class_name: "Cart" },
          { name: "REPLICA", class_name: "Replica" },
          { name: "REGISTER", class_name: "Register" },
        ],
      },
      migrations: [{ tag: "first" }, { tag: "edgekeeper-v1", new_sqlite_classes: ["Replica", "Register"] }],
    });
  });

  test("that has all of it stays as it is", () => {
    const once = added(TOML, "toml");

    expect(isComplete(missingPieces(parseConfig(once, "toml")))).toBe(true);
    expect(added(once, "toml")).toBe(once);
  });

  test("keeps its values: three voters, a later date, a flag", () => {
    const text = 'compatibility_date = "2027-01-01"\n[vars]\nVOTERS = "1,2,3"\n';

    expect(parseConfig(added(text, "toml"), "toml")).toMatchObject({
      compatibility_date: "2027-01-01",
      vars: { VOTERS: "1,2,3" },
    });
  });

  test.each([
    ["flags on many lines", 'compatibility_flags = [\n  "nodejs_compat",\n]\n'],
    ["bindings within a line", 'durable_objects = { bindings = [{ name = "A", class_name = "B" }] }\n'],
    ["variables with dots", 'vars.CURRENCY = "EUR"\n'],
  ])("with %s is not added to by itself, and that is said", (_, text) => {
    expect(() => added(text, "toml")).toThrow("init --print");
  });
});

describe("a wrangler.jsonc", () => {
  test("gets what it lacks, and keeps its comments and its own", () => {
    const edited = added(JSONC, "json");

    expect(edited).toContain("  // My shop.\n");
    expect(edited).toContain("      // of the shop\n");
    expect(parseConfig(edited, "json")).toEqual(
      withPieces(parseConfig(JSONC, "json"), missingPieces(parseConfig(JSONC, "json"))),
    );
    expect(added(edited, "json")).toBe(edited);
  });

  test("that is empty gets all of it", () => {
    expect(isComplete(missingPieces(parseConfig(added("{}", "json"), "json")))).toBe(true);
  });
});

test.each([
  ['[[durable_objects.bindings]]\nname = "REPLICA"\nclass_name = "Other"\n', "rename yours"],
  ["durable_objects = 1\n", "must be a table"],
  ["migrations = 1\n", "must be a list"],
])("%j is refused", (text, why) => {
  expect(() => added(text, "toml")).toThrow(why);
});

test("what is no TOML, or no JSON, is refused", () => {
  expect(() => parseConfig("a = ", "toml")).toThrow("no TOML");
  expect(() => parseConfig('{ "a" ', "json")).toThrow("no JSON");
});

test("a scaffold lacks nothing, and asks for the wrangler under which this was tested", () => {
  const config = scaffold("shop", "0.1.0").get("wrangler.toml") ?? "";
  expect(isComplete(missingPieces(parseConfig(config, "toml")))).toBe(true);
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(WRANGLER_RANGE).toBe(`^${dependencies["wrangler"]}`);
});
