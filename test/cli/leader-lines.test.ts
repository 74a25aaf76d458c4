/** What a starter tells of changes of the leader. */
import { expect, test } from "vitest";

import { leaderLine } from "../../src/cli/leader-lines.ts";

const TIME = "2026-11-29T10:00:00.000Z";

test.each([
  [`${TIME} main/2 phase leading broadcast, epoch 7`, "replica 2 leads main, epoch 7"],
  [
    `{"time":"${TIME}","replica":"eu-1/3","event":"phase","text":"leading broadcast, epoch 8"}`,
    "replica 3 leads eu-1, epoch 8",
  ],
  [`${TIME} main/2 phase leading synchronization`, undefined],
  [`${TIME} main/2 phase following 1 broadcast`, undefined],
])("%s says: %s", (line, told) => {
  expect(leaderLine(line)).toBe(told);
});
