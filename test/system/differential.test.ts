/** A few streams of the differential test against a real ZooKeeper; `npm run differential` plays many. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shown } from "../differential/compare.ts";
import { DEVIATIONS, streamOf } from "../differential/deviations.ts";
import { generateStream } from "../differential/generate.ts";
import { Coverage } from "../differential/coverage.ts";
import { differenceLines } from "../differential/report.ts";
import { REQUIRED } from "../differential/required.ts";
import { Session } from "../differential/session.ts";
import { startTargets, type Targets } from "../differential/targets.ts";

const OPERATIONS = 400;
/** Where a ZooKeeper has to be installed first. */
const START_TIMEOUT_MS = 600_000;

const coverage = new Coverage();
let targets: Targets;

beforeAll(async () => {
  targets = await startTargets();
}, START_TIMEOUT_MS);

afterAll(async () => {
  await targets?.stop();
});

test.concurrent.for([1001, 1002, 1003, 1004, 1005, 1006])(
  "the stream of seed %i is answered as a real ZooKeeper answers it",
  async (seed, { expect }) => {
    const played = await new Session(targets, seed).play(generateStream(seed, OPERATIONS));
    expect(differenceLines(played)).toEqual([]);
    coverage.add(played.stream, played.expected);
  },
);

test("these streams had every operation succeed, every kind of znode made, and every kind of watch set and told", () => {
  const wanted = (section: string, outcome?: string): readonly string[] =>
    Object.entries(REQUIRED[section] ?? {}).flatMap(([name, outcomes]) =>
      outcomes
        .split(", ")
        .filter((one) => outcome === undefined || one === outcome)
        .filter((one) => coverage.count(section, name, one) === 0)
        .map((one) => `${section}, ${name}: ${one}`),
    );
  // What comes seldom is for `npm run differential`, which misses all of the table.
  const seldom = ["ACL schemes, auth: taken", "ACL schemes, x509: taken"];
  const missing = [
    ...wanted("operations", "ok"),
    ...wanted("znodes"),
    ...wanted("watches"),
    ...wanted("ACL schemes", "taken"),
    ...wanted("logins", "ok"),
  ];
  expect(missing.filter((cell) => !seldom.includes(cell))).toEqual([]);
});

test.each(DEVIATIONS)("$name: both servers answer as docs/deviations.md says", async (deviation) => {
  const at = 2000 + DEVIATIONS.indexOf(deviation);
  const { stream, expected, actual } = await new Session(targets, at).play(streamOf(deviation));
  const last = stream.steps.length - 1;

  expect(shown(expected[last])).toMatch(deviation.zookeeper);
  expect(shown(actual[last])).toMatch(deviation.edgekeeper);
  expect(readFileSync("docs/deviations.md", "utf8")).toContain(`\n| ${deviation.name} |`);
});
