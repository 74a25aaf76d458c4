/** What the dashboard makes of the protocol's words. */
import { expect, test } from "vitest";

import { caughtUpText, electionText } from "../../src/dashboard/replica-words.ts";

test.each([
  ["", "at the start"],
  ["start", "at the start"],
  ["no quorum is heard", "no quorum is heard"],
])("an election because of '%s' was: %s", (reason, text) => {
  expect(electionText(reason)).toBe(text);
});

test.each([
  ["", ""],
  ["diff after 0:0", "all writes, from the first"],
  ["diff after 1:5", "the writes after 1:5"],
  ["truncate after 1:4", "its own writes after 1:4 dropped"],
  ["snapshot: too far behind", "a copy of the whole tree (too far behind)"],
  ["by a way of later", "by a way of later"],
])("who was brought in line by '%s' caught up with: %s", (sync, text) => {
  expect(caughtUpText(sync)).toBe(text);
});
