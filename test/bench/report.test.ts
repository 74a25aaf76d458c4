import { expect, test } from "vitest";
import { inTurn, median } from "./report.ts";
import { headerLine, rowLines, type Section } from "./sections.ts";

test("targets are measured in turn, A B A B, and the medians are kept", async () => {
  const order: string[] = [];
  const figures = { a: [5, 1, 3], b: [2, 4, 10] };
  const targets = [{ name: "a" }, { name: "b" }] as const;
  const found = await inTurn(targets, 3, async ({ name }) => {
    order.push(name);
    return { ms: figures[name].shift() ?? 0 };
  });
  expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(found).toEqual({ a: { ms: 3 }, b: { ms: 4 } });
});

test("the median of an even number is the mean of the two in the middle", () => {
  expect(median([4, 1, 3, 100])).toBe(3.5);
  expect(median([])).toBe(0);
});

const SECTION: Section = {
  title: "A",
  how: "",
  columns: [
    { metric: "perSecond", head: "per second", digits: 0 },
    { metric: "syncs", head: "syncs", digits: 1 },
  ],
  against: "zookeeper",
};

test("a row has a line for each target, and Edgekeeper's figures as multiples of the other's", () => {
  const figures = { zookeeper: { perSecond: 2000, syncs: 0 }, edgekeeper: { perSecond: 3000.4, syncs: 0 } };
  const lines = [headerLine(SECTION), ...rowLines(SECTION, { label: "set 1x1", figures })];
  expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["per second", "syncs"],
    ["set 1x1", "zookeeper", "2000", "0.0"],
    ["edgekeeper", "3000", "0.0"],
    ["ratio", "1.50x"],
  ]);
});

test("a row without the other has no ratio", () => {
  const lines = rowLines(SECTION, { label: "set 1x1", figures: { edgekeeper: { perSecond: 1, syncs: 1 } } });
  expect(lines).toHaveLength(1);
});
