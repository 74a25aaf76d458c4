import { expect, test } from "vitest";

import type { Operation } from "../history/types.ts";
import { guardOf } from "./lock-client.ts";

function multi(path: string, data: string): Operation {
  return {
    id: 1,
    client: "l1",
    session: 1n,
    connection: 1,
    request: {
      op: "multi",
      operations: [
        { op: "check", path: "/locks/0/l1-0000000001", version: 0 },
        { op: "setData", path, data: new TextEncoder().encode(data), version: -1 },
      ],
    },
    startMs: 1,
    endMs: 2,
    outcome: { kind: "unknown", reason: "lost" },
  };
}

test("a protected write tells its lock and its holder's token", () => {
  expect(guardOf(multi("/fenced/0", "3:17 l1.5"))).toEqual({
    lock: "0",
    token: { epoch: 3, counter: 17 },
  });
});

test("other multis are under no lock", () => {
  expect(guardOf(multi("/m/0", "3:17 l1.5"))).toBeUndefined();
});
