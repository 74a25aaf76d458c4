import { expect, test } from "vitest";

import type { Variables } from "../../src/base/variables.ts";
import { keeperConfig } from "../../src/durable/settings.ts";

const ENV: Variables = { VOTERS: "1,2,3", OBSERVERS: "7" };

test("a replica knows the voters and the observers, and is one of them", () => {
  expect(keeperConfig(ENV, { ensemble: "main", sid: 7 })).toMatchObject({
    sid: 7,
    voters: [1, 2, 3],
    observers: [7],
  });
});
