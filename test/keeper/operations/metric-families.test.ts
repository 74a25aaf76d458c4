import { expect, test } from "vitest";
import { expositionOf } from "../../../src/keeper/operations/metric-families.ts";

test("families of several replicas stand together, each value under its labels, and quotes are escaped", () => {
  const family = (value: number) =>
    ({ name: "up", kind: "gauge", samples: [{ suffix: "", labels: { kind: 'a"\\' }, value }] }) as const;
  const text = expositionOf([
    { labels: { sid: "1" }, families: [family(1)] },
    { labels: {}, families: [family(0), { ...family(2), name: "other" }] },
  ]);
  expect(text).toBe(
    '# TYPE up gauge\nup{sid="1",kind="a\\"\\\\"} 1\nup{kind="a\\"\\\\"} 0\n' +
      '# TYPE other gauge\nother{kind="a\\"\\\\"} 2\n',
  );
});
