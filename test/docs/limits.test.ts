/** docs/limits.md and docs/settings.md have what the source has. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { VARIABLES } from "../../src/base/variables.ts";

interface Row {
  readonly value: string;
  readonly name: string;
  readonly file: string;
}

const ROWS: readonly Row[] = readFileSync("docs/limits.md", "utf8")
  .split("\n")
  .filter((line) => /^\| (?!what \||---)/.test(line))
  .map((line) => {
    const [, , value = "", , named = ""] = line.split(" | ").join("|").split("|");
    const [, name = "", file = ""] = /`([A-Z_]+)` in `([^`]+)`/.exec(named) ?? [];
    return { value: value.trim(), name, file };
  });

/** Constants of a file by their names, where their text is a number or a product of numbers. */
function constantsOf(file: string): ReadonlyMap<string, number> {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(/^(?:export )?const ([A-Z_]+)(?:: number)? = ([\dxa-f_* ]+);/gm);
  return new Map(
    Array.from(found, ([, name = "", product = ""]) => [
      name,
      product.split("*").reduce((all, part) => all * Number(part.replaceAll("_", "")), 1),
    ]),
  );
}

/** A constant as people read it, by the unit that its name ends with. */
function told(name: string, value: number): string {
  if (/_BYTES/.test(name)) {
    if (value === 1024 * 1024 - 1) return "1 MB, less a byte";
    return value >= 1024 * 1024 ? `${value / (1024 * 1024)} MB` : `${value / 1024} KB`;
  }
  if (!/_MS(?:_|$)/.test(name)) return value.toLocaleString("en-US");
  if (value >= 3_600_000) return `${value / 3_600_000} h`;
  return value > 60_000 ? `${value / 60_000} min` : `${value / 1000} s`;
}

describe("docs/limits.md", () => {
  test("names a constant for each line", () => {
    expect(ROWS.length).toBeGreaterThan(30);
    expect(ROWS.filter(({ name, file }) => name === "" || file === "")).toEqual([]);
  });

  test.each(ROWS.map((row) => [row.name, row.file, row] as const))("%s of %s", (name, file, { value }) => {
    const constant = constantsOf(file).get(name);
    expect(constant, `${file} has no constant ${name} that is a number`).toBeDefined();
    expect(value).toBe(told(name, constant ?? 0));
  });

  test("has every bound of src/base/limits.ts that somebody outside can meet", () => {
    const inner = [
      "BATCH_BYTES_MAX",
      "BATCH_PROPOSALS_MAX",
      "EPOCH_LEAP_MAX",
      // A difference of others, which this test does not read.
      "PROMISE_LEAP_MAX",
    ];
    const named = [...ROWS.map(({ name }) => name), ...inner];
    const exported = readFileSync("src/base/limits.ts", "utf8").matchAll(/^export const ([A-Z_]+)/gm);
    expect(Array.from(exported, ([, name = ""]) => name).filter((name) => !named.includes(name))).toEqual([]);
  });

  test("would notice another value", () => {
    expect(told("CLIENT_FRAME_BYTES_MAX", 0xfffff)).toBe("1 MB, less a byte");
    expect(told("TXN_BYTES_MAX", 1536 * 1024)).toBe("1.5 MB");
    expect(told("HOOK_RETRY_MS_MAX", 5 * 60_000)).toBe("5 min");
    expect(told("CALLS_MAX", 4096)).toBe("4,096");
  });
});

describe("docs/settings.md", () => {
  const page = readFileSync("docs/settings.md", "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) =>
    Array.from((row.split(" | ")[0] ?? "").matchAll(/`([A-Z0-9_]+)`/g), ([, name]) => name),
  );

  test.each(Object.keys(VARIABLES))("%s has a line", (name) => {
    expect(named).toContain(name);
  });

  test("names nothing that is no variable", () => {
    expect(named.filter((name) => !Object.keys(VARIABLES).includes(name ?? ""))).toEqual([]);
  });
});
