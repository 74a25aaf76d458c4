import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareZxid,
  equalZxid,
  maxZxid,
  minZxid,
  type Zxid,
  zxidFromBigInt,
  zxidHex,
  zxidText,
  zxidToBigInt,
} from "../../src/base/zxid.ts";

const arbitraryZxid: fc.Arbitrary<Zxid> = fc.record({
  epoch: fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0xffffffff), fc.nat(0x7fffffff)),
  counter: fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0x7fffffff)),
});

describe("a zxid", () => {
  test("loses no bit on the way to 64 bits and back", () => {
    fc.assert(
      fc.property(arbitraryZxid, (zxid) => {
        expect(zxidFromBigInt(zxidToBigInt(zxid))).toEqual(zxid);
      }),
    );
  });

  test("is ordered as its 64 bits are", () => {
    fc.assert(
      fc.property(arbitraryZxid, arbitraryZxid, (a, b) => {
        const [left, right] = [zxidToBigInt(a), zxidToBigInt(b)];
        expect(Math.sign(compareZxid(a, b))).toBe(left < right ? -1 : Number(left > right));
        expect(equalZxid(a, b)).toBe(left === right);
        expect(zxidToBigInt(maxZxid(a, b))).toBe(left > right ? left : right);
        expect(zxidToBigInt(minZxid(a, b))).toBe(left < right ? left : right);
      }),
    );
  });

  test("reads a negative wire value as the bits that it is", () => {
    expect(zxidFromBigInt(-1n)).toEqual({ epoch: 0xffffffff, counter: 0xffffffff });
  });

  test("prints as epoch:counter for people, and in hex for four-letter words", () => {
    expect(zxidText({ epoch: 3, counter: 12 })).toBe("3:12");
    expect(zxidHex({ epoch: 3, counter: 12 })).toBe("0x30000000c");
  });
});
