import { describe, expect, test } from "vitest";
import { sessionFromKey, sessionKey, sessionText } from "../../src/base/ids.ts";
import { seededRng } from "../../src/base/rng.ts";

describe("a session id", () => {
  test.each([0n, 1n, 0x0100000000000001n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn])(
    "%s keeps its 64 bits in its key",
    (id) => {
      expect(sessionKey(id)).toMatch(/^[0-9a-f]{16}$/);
      expect(sessionFromKey(sessionKey(id))).toBe(id);
    },
  );

  test("prints as ZooKeeper prints it", () => {
    expect(sessionText(0x1000000a2n)).toBe("0x1000000a2");
  });
});

describe("seeded randomness", () => {
  test("is the same for the same seed and another for another", () => {
    const numbers = (seed: number): readonly number[] => {
      const rng = seededRng([seed, 0, 0, 0]);
      return Array.from({ length: 8 }, () => rng.uint32());
    };

    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });

  test("stays below its bound and reaches all of it", () => {
    const rng = seededRng([7, 7, 7, 7]);
    const seen = new Set(Array.from({ length: 500 }, () => rng.below(5)));

    expect(seen).toEqual(new Set([0, 1, 2, 3, 4]));
  });
});
