/** `edgekeeper plan`, as its user runs it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../run-program.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-plan-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

test("tells each voter as the leader, and warns of nothing", async () => {
  const { code, stdout, stderr } = await runProgram([
    "plan",
    "--placement",
    "weur,enam,apac",
    "--clients",
    "sam",
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/^\w+ leads: no write for \d+ ms where it dies/gm)).toHaveLength(3);
});

test("takes round trips that are known better, and tells them to programs", async () => {
  const file = join(directory, "trips.json");
  await writeFile(file, '{"enam-weur": 10, "weur-apac": 20, "enam-apac": 20}');
  const words = [
    "--placement",
    "weur,enam,apac",
    "--leader",
    "weur",
    "--clients",
    "enam",
    "--round-trips",
    file,
  ];
  const { code, stdout } = await runProgram(["plan", ...words, "--json"]);
  expect(code).toBe(0);
  const [only] = JSON.parse(stdout) as readonly {
    readonly regions: readonly { readonly writeMs: number }[];
  }[];
  // From enam to the leader and back: 90 ms by the table that it has.
  expect(only?.regions[0]?.writeMs).toBeGreaterThanOrEqual(12);
  expect(only?.regions[0]?.writeMs).toBeLessThan(50);
});

describe("a placement that makes no sense is a bad command line", () => {
  test.each([
    [["--placement", "weur,enam"], "voters are 1, 3 or 5"],
    [["--placement", "weur,enam,moon"], '--placement has "moon"'],
    [["--placement", "weur", "--leader", "enam"], '--leader is "enam"'],
    [["--placement", "weur", "--leader", "moon"], "Allowed choices"],
    [["--placement", "weur", "--observers", "moon"], '--observers has "moon"'],
    [["--placement", "weur", "--round-trips", "/none.json"], "cannot read /none.json"],
    [[], "required option '--placement <hints>' not specified"],
  ])("%j: %s", async (words, why) => {
    const { code, stderr } = await runProgram(["plan", ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });
});
