/** A few streams of the differential test against a real ZooKeeper; `npm run differential` plays many. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shown } from "../differential/compare.ts";
import { DEVIATIONS, streamOf } from "../differential/deviations.ts";
import { generateStream } from "../differential/generate.ts";
import { differenceLines } from "../differential/report.ts";
import { Session } from "../differential/session.ts";
import { startTargets, type Targets } from "../differential/targets.ts";

const OPERATIONS = 250;
/** Where a ZooKeeper has to be installed first. */
const START_TIMEOUT_MS = 600_000;

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
  },
);

test.each(DEVIATIONS)("$name: both servers answer as docs/deviations.md says", async (deviation) => {
  const at = 2000 + DEVIATIONS.indexOf(deviation);
  const { stream, expected, actual } = await new Session(targets, at).play(streamOf(deviation));
  const last = stream.steps.length - 1;

  expect(shown(expected[last])).toMatch(deviation.zookeeper);
  expect(shown(actual[last])).toMatch(deviation.edgekeeper);
  expect(readFileSync("docs/deviations.md", "utf8")).toContain(`\n| ${deviation.name} |`);
});
