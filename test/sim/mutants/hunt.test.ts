/** How defects are hunted and reported, with a stand-in for the simulator. */
import { describe, expect, it } from "vitest";

import { hunt, huntFrom } from "./hunt.ts";
import { tableText, withTable } from "./report.ts";
import { type Judgement, medianSeeds, readRunLine } from "./verdict-on-mutant.ts";

/** Runs seeds as the simulator does: `fails` says what becomes of which; one that is `unsound` fails anywhere. */
function standIn(fails: Readonly<Record<number, object>>): readonly string[] {
  const program = `
    const [, count, , first] = process.argv.slice(1);
    const fails = ${JSON.stringify(fails)};
    for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
      const failed = process.cwd() === "/" && !fails[seed]?.unsound ? undefined : fails[seed];
      if (failed && failed.dies) process.exit(3);
      console.log(JSON.stringify({ seed, ok: failed === undefined, ...failed }));
      if (failed) process.exit(1);
    }`;
  return [process.execPath, "-e", program, "--"];
}

const ANYWHERE = { directory: ".", soundDirectory: "/", seeds: 5 };

function hunted(fails: Readonly<Record<number, object>>, isOfLiveness = false): ReturnType<typeof hunt> {
  return hunt(huntFrom(10), { ...ANYWHERE, simulator: standIn(fails), isOfLiveness });
}

const VIOLATION = { kind: "violation", check: "Agreement", what: "1:2 twice" };

describe("a hunt", () => {
  it("ends with the first named check that fails, and passes over crashes and what does not converge", async () => {
    const found = await hunted({
      10: { kind: "crash" },
      11: { dies: true },
      12: { kind: "stuck" },
      13: VIOLATION,
    });

    const caught = { seed: 13, check: "Agreement", what: "1:2 twice" };
    expect(found).toEqual({ first: 10, seeds: 4, crashes: 2, stuck: 1, unsound: 0, caught });
  });

  it("catches nothing where no seed fails, or by a crash alone", async () => {
    const found = await hunted({ 14: { kind: "crash" } });

    expect(found).toEqual({ first: 10, seeds: 5, crashes: 1, stuck: 0, unsound: 0, caught: undefined });
  });

  it("passes over a seed that fails without the defect as well", async () => {
    const found = await hunted({ 11: { ...VIOLATION, unsound: true }, 12: VIOLATION });

    expect(found).toMatchObject({ seeds: 3, unsound: 1, caught: { seed: 12 } });
  });

  it("goes on where it was", async () => {
    const simulator = standIn({ 10: VIOLATION, 17: VIOLATION });

    const found = await hunt(
      { ...huntFrom(10), seeds: 5, crashes: 2 },
      { ...ANYWHERE, simulator, isOfLiveness: false },
    );

    expect(found).toMatchObject({ first: 10, seeds: 8, crashes: 2, caught: { seed: 17 } });
  });

  it("takes what does not converge for a catch of a defect of liveness alone", async () => {
    const found = await hunted({ 12: { kind: "stuck", check: "converges", what: "2 looks" } }, true);

    expect(found.caught).toEqual({ seed: 12, check: "converges", what: "2 looks" });
  });
});

describe("the report", () => {
  const base = { first: 1, crashes: 0, stuck: 0, unsound: 0 };
  const caught = { seed: 1, check: "Agreement", what: "" };

  it("tells the middle of the seeds that were needed, and nothing where one hunt was in vain", () => {
    const hunts = [7, 2, 30].map((seeds) => ({ ...base, seeds, caught }));
    expect(medianSeeds(hunts)).toBe(7);
    expect(medianSeeds([...hunts, { ...base, seeds: 499, caught: undefined }])).toBe(7);
    expect(medianSeeds([...hunts, { ...base, seeds: 500, caught: undefined }])).toBeUndefined();
    expect(medianSeeds([])).toBeUndefined();
  });

  it("tells nothing of a defect whose text has changed since it was judged", () => {
    const edits = [{ file: "src/a.ts", find: "a", replace: "b" }];
    const judgement: Judgement = {
      id: "m",
      digest: "of another text",
      hunts: [{ ...base, seeds: 1, caught }],
    };

    expect(tableText([{ id: "m", what: "w", edits }], [], () => judgement)).toContain("0 of 1 are caught");
  });

  it("keeps rows of the document of which nothing is known by now, and counts those that were caught", () => {
    const edits = [{ file: "src/a.ts", find: "a", replace: "b" }];
    const mutants = ["m", "n", "o"].map((id) => ({ id, what: "w", edits }));
    const before =
      "| `m` | w | 7 | 7, 7, 7 | Agreement | not run |\n| `n` | w | **survives** | 500 in vain | - | no |\n";

    const table = tableText(mutants, [], () => undefined, before);

    expect(table).toContain(before.trimEnd());
    expect(table).toContain("1 of 3 are caught.");
    expect(tableText(mutants, [], () => undefined)).toContain("0 of 3 are caught.");
  });

  it("stands between its marks, and nothing else of the document changes", () => {
    const document = "a\n<!-- mutants:begin -->\nold\n<!-- mutants:end -->\nb\n";

    const written = withTable(document, "new");

    expect(written).toBe("a\n<!-- mutants:begin -->\n\nnew\n\n<!-- mutants:end -->\nb\n");
    expect(() => withTable("no marks", "new")).toThrow("in the document");
  });

  it("reads what the simulator says of a run, and passes over other lines", () => {
    expect(readRunLine('{"seed":3,"ok":true}')).toEqual({ seed: 3, ok: true });
    expect(readRunLine('{"rate":3}')).toBeUndefined();
    expect(readRunLine("12 seeds")).toBeUndefined();
  });
});
