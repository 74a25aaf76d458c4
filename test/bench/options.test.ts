import { describe, expect, test } from "vitest";
import type { Plan } from "./bench.ts";
import { readOptions } from "./options.ts";
import { SECTION_NAMES } from "./sections.ts";

function planOf(...args: readonly string[]): Plan {
  const order = readOptions(args);
  if (order.kind !== "measure" && order.kind !== "profile") throw new Error(`no plan but ${order.kind}`);
  return order.plan;
}

describe("npm run bench", () => {
  test("measures throughput at the usual shapes unless told otherwise", () => {
    const { sections, shapes, rounds, targets } = planOf();
    expect([...sections]).toEqual(["throughput", "kept"]);
    expect(shapes.map((shape) => `${shape.sessions}x${shape.outstanding}`)).toEqual([
      "1x1",
      "10x4",
      "50x4",
      "10x100",
      "500x1",
    ]);
    expect([rounds, targets]).toEqual([3, ["zookeeper", "edgekeeper"]]);
  });

  test.each(["--all", "--quick"])("measures everything with %s", (flag) => {
    expect([...planOf(flag).sections]).toEqual(SECTION_NAMES);
  });

  test("is small where it is to be quick", () => {
    const [whole, quick] = [planOf("--all").scale, planOf("--quick").scale];
    expect(Math.max(...quick.trees)).toBeLessThan(Math.max(...whole.trees) / 10);
    expect(quick.stormSessions).toBeLessThan(whole.stormSessions);
  });

  test("takes what is asked for", () => {
    const plan = planOf("--works", "get,set", "--shapes", "3x7", "--sections", "locks", "--seconds", "0.5");
    expect(plan).toMatchObject({
      works: ["set", "get"],
      shapes: [{ sessions: 3, outstanding: 7 }],
      seconds: 0.5,
    });
    expect([...plan.sections]).toEqual(["locks"]);
    expect(planOf("--all", "--trees", "10,500").scale.trees).toEqual([10, 500]);
    expect(planOf("--sections", "inMemory", "--idle", "600").scale.idleSeconds).toBe(600);
  });

  test("writes a page, or a profile, instead", () => {
    expect(readOptions(["--docs", "a.json"])).toEqual({ kind: "docs", file: "a.json" });
    expect(readOptions(["--profile", "there"])).toMatchObject({ kind: "profile", directory: "there" });
    expect(readOptions(["--out", "a.json"])).toMatchObject({ kind: "measure", out: "a.json" });
  });

  test.each([
    ["--works", "gets"],
    ["--shapes", "1x0"],
    ["--shapes", "1x1,x"],
    ["--sections", "throughput,locks2"],
    ["--rounds", "0"],
    ["--trees", "2000,1000"],
    ["--idle", "0"],
    ["--trees", "1000,2000000"],
    ["--seconds", "soon"],
    ["--znodes", "1.5"],
    ["--what"],
  ])("says how it is used where %s %s is wrong", (...args) => {
    expect(readOptions(args)).toEqual({ kind: "help", isAsked: false });
  });

  test("says so too where that is asked for", () => {
    expect(readOptions(["--help"])).toEqual({ kind: "help", isAsked: true });
  });
});
