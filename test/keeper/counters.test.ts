/** Counters of callers: each addition is done once, and told what it came to, over every kind of loss. */
import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { CallKey } from "../../src/base/request.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CallAnswer } from "../../src/keeper/call.ts";
import { decodeCounter, encodeCounter } from "../../src/tree/counter.ts";
import { call, create, keyOf, TestCall, transact } from "./test-caller.ts";
import { World } from "./world.ts";

const PATH = "/counters/hits";

function served(seed = 1): { readonly world: World; readonly leader: Sid; readonly follower: Sid } {
  const world = new World({ voters: 3, seed }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? 0;
  return { world, leader, follower };
}

interface Add {
  readonly delta?: bigint;
  readonly key?: CallKey;
  readonly path?: string;
  readonly told?: (answer: CallAnswer | "lost") => void;
}

function add(world: World, sid: Sid, { delta = 1n, key, path = PATH, told }: Add = {}): TestCall {
  const operations = [{ op: "add", path, delta, acl: OPEN_ACL }] as const;
  const request = transact({ ensured: "/counters", operations, key });
  return new TestCall(world, sid, { session: undefined, minZxid: ZXID_ZERO, request }, told);
}

/** What it came to; a number of an error where it was refused. */
function outcome(answer: CallAnswer | "lost"): string | number | undefined {
  if (answer === "lost" || answer.kind !== "answered") return undefined;
  const { response, code } = answer;
  if (response.op !== "multi") return code;
  const failed = response.results.find((result) => result.op === "error" && result.code !== 0);
  return failed?.op === "error" ? failed.code : "value" in response ? response.value : undefined;
}

describe("a counter", () => {
  it("is made by the first that adds, and holds eight bytes as Curator's DistributedAtomicLong", () => {
    const { world, leader, follower } = served();
    expect(outcome(add(world, follower, { delta: 40n }).answered())).toBe("40");
    expect(outcome(add(world, leader, { delta: 2n }).answered())).toBe("42");
    expect(outcome(add(world, follower, { delta: -43n }).answered())).toBe("-1");
    expect(world.tree(follower).get(PATH)?.data).toEqual(new Uint8Array(8).fill(0xff));
  });

  it("counts to 64 bits, and no further", () => {
    const { world, leader } = served();
    const most = 2n ** 63n - 1n;
    expect(outcome(add(world, leader, { delta: most }).answered())).toBe(String(most));
    expect(outcome(add(world, leader).answered())).toBe(ERROR_CODES.counterOverflow);
    expect(outcome(add(world, leader, { delta: -most }).answered())).toBe("0");
    expect(decodeCounter(encodeCounter(-(2n ** 63n)))).toBe(-(2n ** 63n));
  });

  it("is nothing else: other data are refused, and none are 0", () => {
    const { world, leader } = served();
    call(world, leader, { kind: "write", request: create("/text", "1") }).answered();
    call(world, leader, { kind: "write", request: create("/none") }).answered();
    expect(outcome(add(world, leader, { path: "/text" }).answered())).toBe(ERROR_CODES.notCounter);
    expect(outcome(add(world, leader, { path: "/none" }).answered())).toBe("1");
    expect(outcome(add(world, leader, { path: "/text/x/y" }).answered())).toBe(ERROR_CODES.noNode);
  });

  it("is added to once under a key, and what it came to then is told again", () => {
    const { world, leader, follower } = served();
    const key = keyOf("k");
    expect(outcome(add(world, follower, { delta: 5n, key }).answered())).toBe("5");
    expect(outcome(add(world, leader, { delta: 7n }).answered())).toBe("12");
    expect(outcome(add(world, leader, { delta: 5n, key }).answered())).toBe("5");
    expect(outcome(add(world, follower).answered())).toBe("13");
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    "counts each addition once, over crashes, hang-ups and retries under keys, and never tells two the same, seed %d",
    (seed) => {
      const { world } = served(seed + 40);
      const values: string[] = [];
      let left = 0;
      const begin = (nth: number): void => {
        left++;
        const ask = (): void => {
          const up = world.sids.filter((sid) => world.replica(sid).keeper !== undefined);
          const sid = up[world.rng.below(up.length)] ?? 1;
          const made = add(world, sid, { key: keyOf(`k${100 + nth}`), told: (answer) => told(answer) });
          if (world.rng.below(4) !== 0) return;
          world.later(world.rng.below(50), () => {
            if (made.answer !== undefined) return;
            made.hangUp();
            ask();
          });
        };
        const told = (answer: CallAnswer | "lost"): void => {
          const value = outcome(answer);
          if (typeof value !== "string") return world.later(100 + world.rng.below(400), ask);
          values.push(value);
          left--;
        };
        world.later(world.rng.below(8000), ask);
      };
      for (let nth = 0; nth < 60; nth++) begin(nth);
      for (let round = 0; round < 5; round++) {
        world.run(300 + world.rng.below(2000));
        world.crash(world.sids[world.rng.below(3)] ?? 0);
        world.run(200 + world.rng.below(1500));
        world.startAll();
      }
      world.until("all are told", () => left === 0, 60_000);
      world.untilEqual();
      expect(decodeCounter(world.tree(1).get(PATH)?.data ?? null)).toBe(60n);
      expect(values.map(Number).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 60 }, (_, at) => at + 1),
      );
    },
  );
});
