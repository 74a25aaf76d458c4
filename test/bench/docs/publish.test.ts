import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Report, Row } from "../report.ts";
import { chartOf } from "./chart.ts";
import { GOALS, verdictOf } from "./goals.ts";
import { MISSED } from "./missed.ts";
import { FILES, missedGoals, pageOf, readmeWith } from "./page.ts";
import { readReport } from "./publish.ts";

const PROJECT = join(import.meta.dirname, "../../..");

function at(file: keyof typeof FILES): string {
  return join(PROJECT, FILES[file]);
}

async function textOf(file: keyof typeof FILES): Promise<string | undefined> {
  return existsSync(at(file)) ? await readFile(at(file), "utf8") : undefined;
}

describe("the figures in docs and README.md", () => {
  test("are what the command makes of the committed report, or none where there is none", async () => {
    const report = existsSync(at("report")) ? await readReport(at("report")) : undefined;
    expect(await textOf("page")).toBe(report === undefined ? undefined : pageOf(report, MISSED));
    expect(await textOf("chart")).toBe(report === undefined ? undefined : chartOf(report));
    const readme = (await textOf("readme")) ?? "";
    expect(readmeWith(readme, report)).toBe(readme);
  });

  test("say of each goal that is missed what was tried, and of no other", async () => {
    const report = existsSync(at("report")) ? await readReport(at("report")) : undefined;
    const missed = report === undefined ? [] : missedGoals(report).map(({ what }) => what);
    expect(Object.keys(MISSED).toSorted((a, b) => a.localeCompare(b))).toEqual(
      missed.toSorted((a, b) => a.localeCompare(b)),
    );
  });
});

function row(label: string, metric: string, figures: Readonly<Record<string, number>>): Row {
  const all = Object.entries(figures).map(([target, value]) => [target, { [metric]: value }] as const);
  return { label, figures: Object.fromEntries(all) };
}

const REPORT: Report = {
  format: 1,
  date: "2026-11-29",
  machine: "2 cores (A & B), 24 GiB",
  versions: { zookeeper: "3.8.0", commit: "abc" },
  options: "--all",
  rounds: 3,
  seconds: 1,
  failures: [],
  sections: {
    throughput: [
      row("set 50x4", "requestsPerSecond", { zookeeper: 10_000, edgekeeper: 16_000 }),
      row("get 50x4", "requestsPerSecond", { zookeeper: 10_000, edgekeeper: 14_000 }),
      row("set 10x100", "requestsPerSecond", { zookeeper: 10_000, edgekeeper: 30_000 }),
    ],
    locks: [row("64 at once", "cyclesPerSecond", { etcd: 1000, "etcd-lock": 2000, edgekeeper: 4200 })],
    failover: [row("abort", "gapMs", { zookeeper: 900, edgekeeper: 180 })],
  },
};

function verdictsOf(report: Report): Readonly<Record<string, string>> {
  return Object.fromEntries(GOALS.map((goal) => [goal.what, verdictOf(goal, report)]));
}

test("a goal is met, holds, is missed or was not measured", () => {
  expect(verdictsOf(REPORT)).toMatchObject({
    "Sets a second at 10x100, to ZooKeeper's": "aim met",
    "Sets a second at 50x4, to ZooKeeper's": "holds",
    "Gets a second at 50x4, to ZooKeeper's": "missed",
    "Gets a second at 10x100, to ZooKeeper's": "not measured",
    "Lock cycles a second at 64 at once, to those of the quicker lock of etcd": "holds",
    "Write gap after the leader's abort": "aim met",
  });
});

describe("the page", () => {
  const page = pageOf(REPORT, { "Gets a second at 50x4, to ZooKeeper's": "Nothing was." });

  test("tells when, where and of what it was measured", () => {
    expect(page).toContain("Measured on 2026-11-29 by `npm run bench -- --all`.");
    expect(page).toContain("- machine: 2 cores (A & B), 24 GiB;");
    expect(page).toContain("- versions: zookeeper 3.8.0, commit abc\n");
  });

  test("states what is missed, and what was tried", () => {
    expect(page).toContain(
      "| Gets a second at 50x4, to ZooKeeper's | at least 3x | at least 1.5x | 1.40x | missed |",
    );
    expect(page).toContain("- **Gets a second at 50x4, to ZooKeeper's**: Nothing was.\n");
  });

  test("has each figure, and the ratio to what it stands beside", () => {
    expect(page).toContain("| set 50x4 | zookeeper | 10000 |");
    expect(page).toContain("|  | edgekeeper | 16000 |");
    expect(page).toContain("|  | to zookeeper's | 1.60x |");
  });

  test("says what failed", () => {
    expect(page).not.toContain("failed on the way");
    const failed = pageOf({ ...REPORT, failures: ["etcd ended"] }, {});
    expect(failed).toContain("What failed on the way:\n\n- etcd ended\n");
  });

  test("leaves out what was not measured", () => {
    expect(page).toContain("## Requests of sessions");
    expect(page).not.toContain("## Memory");
  });
});

describe("README.md", () => {
  const empty = "a\n<!-- figures: begin -->\n<!-- figures: end -->\nb\n";

  test("has the figures that were measured, between two lines, however often they are made", () => {
    const once = readmeWith(empty, REPORT);
    expect(once).toContain(
      "| Sets a second at 50x4, to ZooKeeper's | at least 3x | at least 1.5x | 1.60x | holds |",
    );
    expect(once).not.toContain("not measured");
    expect(readmeWith(once, REPORT)).toBe(once);
    expect(readmeWith(once, undefined)).toBe(empty);
  });

  test("must have a place for them", () => {
    expect(() => readmeWith("a\nb\n", REPORT)).toThrow("<!-- figures: begin -->");
  });
});

describe("the picture", () => {
  const chart = chartOf(REPORT);
  const widths = (target: string): readonly number[] =>
    [...chart.matchAll(new RegExp(`<rect class="${target}" x="190" y="\\d+" width="(\\d+)"`, "g"))].map(
      (found) => Number(found[1]),
    );

  test("has bars as long as the figures say, the longest of each work alike", () => {
    const [set = 0, setMany = 0] = widths("edgekeeper");
    const [theirs = 0] = widths("zookeeper");
    expect(setMany).toBe(set);
    expect(Math.round((set / theirs) * 10)).toBe(16);
    expect(widths("etcd")).toHaveLength(1);
  });

  test("has colours for dark and for light, and no text that is markup", () => {
    expect(chart).toContain("prefers-color-scheme: dark");
    expect(chart).toContain("2 cores (A &amp; B)");
  });
});
