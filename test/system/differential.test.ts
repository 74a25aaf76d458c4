/** A few streams of the differential test against a real ZooKeeper; `npm run differential` plays many. */
import { afterAll, beforeAll, expect, test } from "vitest";
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

test.concurrent.each([1001, 1002, 1003, 1004, 1005, 1006])(
  "the stream of seed %i is answered as a real ZooKeeper answers it",
  async (seed) => {
    const played = await new Session(targets, seed).play(generateStream(seed, OPERATIONS));
    expect(differenceLines(played)).toEqual([]);
  },
);
