/** Goes on where chaos.test.ts begins: each round has a file of its own, so that two run beside each other. */
import { expect, test } from "vitest";

import { CHANGE_MEMBERS, shortChangeRound } from "./change.ts";
import { playRound, ROUND_DEADLINE_MS } from "./round.ts";

test(
  "nor when the members change, and whoever leads that is killed or stands still in the middle of it",
  async () => {
    const report = await playRound(CHANGE_MEMBERS, shortChangeRound());

    expect([...report.struck.keys()]).toEqual(["change"]);
    expect(Math.min(...report.faults.map(({ acknowledged }) => acknowledged))).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);
