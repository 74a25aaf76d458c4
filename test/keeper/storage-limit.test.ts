import { expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { connected, create } from "./test-client.ts";
import { World } from "./world.ts";

const LIMIT_BYTES = 1_000_000;
const CHECK = { op: "check", path: "/a", version: -1 } as const;

it.each([1, 2, 3])(
  "a full database of replica %i closes the ensemble to creates and sets until it has room",
  (full) => {
    const world = new World({ voters: 3 }).startAll();
    const leader = world.untilServing();
    const client = connected(world, 2, { timeoutMs: 40_000 });
    client.get(create("/a"));
    client.get(create("/b"));
    const code = (request: Parameters<typeof client.ask>[0]): number => client.ask(request).header.error;
    const set = { op: "setData", path: "/a", data: null, version: -1 } as const;
    world.replica(full).databaseBytes = LIMIT_BYTES + 1;
    world.run(1000);

    const refused = [create("/c"), set, { op: "multi", operations: [CHECK, set] } as const].map(code);
    const done = [
      { op: "delete", path: "/b", version: -1 } as const,
      { op: "multi", operations: [CHECK] } as const,
      { op: "sync", path: "/" } as const,
    ].map(code);
    world.replica(full).databaseBytes = LIMIT_BYTES * 0.96;
    world.run(1000);
    const still = code(set);
    world.replica(full).databaseBytes = LIMIT_BYTES * 0.9;
    world.run(1000);

    expect(refused).toEqual([1, 2, 3].map(() => ERROR_CODES.quotaExceeded));
    expect(done).toEqual([0, 0, 0]);
    expect(still).toBe(ERROR_CODES.quotaExceeded);
    expect(code(set)).toBe(0);
    const lines = must(world.replica(leader).log, "a log").filter((line) => line.includes("storage"));
    expect(lines).toEqual([expect.stringContaining("full"), expect.stringContaining("has room again")]);
    expect(connected(world, 1).get({ op: "exists", path: "/a", watch: false }).op).toBe("stat");
  },
);
