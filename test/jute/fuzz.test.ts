/**
 * Whatever the bytes: a decoder gives a value or a JuteError, soon, and within memory in proportion to its
 * input.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JuteReader, JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeConnectRequest, decodeConnectResponse } from "../../src/jute/handshake.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { readAcls, readIdentities, readStat } from "../../src/jute/records.ts";
import { decodeRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { RequestOpcodeName } from "../../src/jute/responses.ts";
import { decodeServerMessage, encodeReply } from "../../src/jute/responses.ts";
import { decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import { largestAllocation } from "./allocations.ts";
import * as arbitrary from "./arbitraries.ts";
import { hex } from "./bytes.ts";

const ANSWERABLE = Object.keys(OPCODES).filter(
  (op): op is RequestOpcodeName => op !== "notification" && op !== "error",
);

/** Gives the error instead of throwing it, and throws everything that is not a JuteError. */
function attempt(decode: () => unknown): JuteError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof JuteError) return error;
    throw error;
  }
}

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  request: decodeRequest,
  connectRequest: decodeConnectRequest,
  connectResponse: decodeConnectResponse,
  transaction: decodeTxn,
  stat: (bytes) => readStat(new JuteReader(bytes)),
  acls: (bytes) => readAcls(new JuteReader(bytes)),
  identities: (bytes) => readIdentities(new JuteReader(bytes)),
  frames: (bytes) => {
    const decoder = new FrameDecoder(1000);
    decoder.push(bytes);
    while (decoder.next() !== undefined);
  },
  ...Object.fromEntries(
    ANSWERABLE.map((op) => [`reply to ${op}`, (bytes: Uint8Array) => decodeServerMessage(bytes, () => op)]),
  ),
};

/** Many zeros, small numbers and all-ones, so that lengths are often plausible. */
const octets = fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 0, 1, 2, 4, 14, 0x7f, 0x80, 0xff), fc.nat(255)), {
  maxLength: 200,
});
const soup = octets.map((values) => Uint8Array.from(values));

/** A well-formed record with some bytes overwritten, and its end cut off or added to. */
function mutated(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const places = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  return fc.tuple(whole, places, fc.integer({ min: -8, max: 8 })).map(([bytes, writes, more]) => {
    const changed = new Uint8Array(Math.max(0, bytes.length + more));
    changed.set(bytes.subarray(0, changed.length));
    for (const [place, octet] of writes) changed[place % Math.max(1, changed.length)] = octet;
    return changed;
  });
}

function encoded(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  write(writer);
  return writer.take();
}

const requestBodies = fc
  .tuple(arbitrary.int, arbitrary.request)
  .map(([xid, request]) => encoded((writer) => encodeRequest(writer, xid, request)).subarray(4));
const txnBytes = fc
  .tuple(arbitrary.txnHeader, arbitrary.txn)
  .map(([header, txn]) => encoded((writer) => encodeTxn(writer, header, txn)));
const replyBodies = fc
  .tuple(fc.oneof(...Object.values(arbitrary.responsesByOp)), arbitrary.zxid)
  .map(([response, zxid]) =>
    encoded((writer) => encodeReply(writer, { xid: 1, zxid, error: 0 }, response)).subarray(4),
  );

describe("any bytes give a value or a JuteError", () => {
  it.each(Object.entries(DECODERS))("%s, from noise", (_, decode) => {
    fc.assert(
      fc.property(soup, (bytes) => {
        expect(() => attempt(() => decode(bytes))).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it.each(Object.values(OPCODES))("request %i, from noise", (type) => {
    const header = encoded((writer) => {
      writer.int(7);
      writer.int(type);
    });
    fc.assert(
      fc.property(soup, (bytes) => {
        expect(["request", "unknownOpcode", "undecodable"]).toContain(
          decodeRequest(Uint8Array.from([...header, ...bytes])).kind,
        );
      }),
      { numRuns: 300 },
    );
  });

  it("requests, from mutated requests, and decodeRequest never throws", () => {
    fc.assert(
      fc.property(mutated(requestBodies), (bytes) => {
        expect(decodeRequest(bytes).kind).toBeTypeOf("string");
      }),
      { numRuns: 3000 },
    );
  });

  it("transactions, from mutated transactions", () => {
    fc.assert(
      fc.property(mutated(txnBytes), (bytes) => {
        expect(() => attempt(() => decodeTxn(bytes))).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });

  it("replies, from mutated replies, read as an answer to anything", () => {
    fc.assert(
      fc.property(mutated(replyBodies), fc.constantFrom(...ANSWERABLE), (bytes, op) => {
        expect(() => attempt(() => decodeServerMessage(bytes, () => op))).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a record that was cut short is never taken for a whole one", () => {
  it("transactions", () => {
    fc.assert(
      fc.property(txnBytes, fc.nat(), (bytes, cut) => {
        const part = bytes.subarray(0, cut % bytes.length);
        expect(attempt(() => decodeTxn(part))).toBeInstanceOf(JuteError);
      }),
    );
  });

  it("requests", () => {
    fc.assert(
      fc.property(requestBodies, fc.nat(), (bytes, cut) => {
        const decoded = decodeRequest(bytes.subarray(0, cut % bytes.length));
        expect(["undecodable", "headerless"]).toContain(decoded.kind);
      }),
    );
  });
});

describe("a claim of size costs nothing", () => {
  const gigabytes = "7fffffff";

  it.each([
    ["a path", `00000001 00000003 ${gigabytes} 2f61`],
    ["data", `00000001 00000005 00000002 2f61 ${gigabytes}`],
    ["an access control list", `00000001 00000007 00000002 2f61 ${gigabytes}`],
    ["watches", `00000001 00000065 0000000000000000 ${gigabytes} 00000000`],
    ["a token", `00000001 00000066 ${gigabytes}`],
    ["data inside a multi", `00000001 0000000e 00000005 00 00000000 00000000 ${gigabytes}`],
  ])("%s of two gigabytes", (_, bodyHex) => {
    const body = hex(bodyHex);
    const bytes = largestAllocation(() => {
      expect(decodeRequest(body)).toMatchObject({
        kind: "undecodable",
        problem: { problem: "truncated" },
      });
    });
    expect(bytes).toBeLessThanOrEqual(body.length);
  });

  it.each([
    ["getChildren", gigabytes],
    ["getACL", gigabytes],
    ["whoAmI", gigabytes],
    ["getEphemerals", gigabytes],
    ["getData", gigabytes],
    ["sasl", gigabytes],
  ] as const)("a reply to %s of two gigabytes", (op, bodyHex) => {
    const body = hex("00000007 000000030000000c 00000000", bodyHex);
    const bytes = largestAllocation(() => {
      const error = attempt(() => decodeServerMessage(body, () => op));
      expect(error?.problem).toBe("truncated");
    });
    expect(bytes).toBe(0);
  });

  it.each([
    ["a path", "02 ffffffffffffff0f"],
    ["data", "03 01 2f ffffffffffffff0f"],
    ["a multi", "07 ffffffffffffff0f"],
    ["an access control list", "06 01 2f ffffffffffffff0f"],
  ])("%s of 2^53 in a transaction", (_, txnHex) => {
    const whole = hex("01 0000000000000001 00 00 01 00 00", txnHex);
    const bytes = largestAllocation(() => {
      expect(attempt(() => decodeTxn(whole))?.problem).toBe("truncated");
    });
    expect(bytes).toBeLessThanOrEqual(whole.length);
  });

  it("a vector of the smallest elements fits exactly, and one more does not", () => {
    const fits = new JuteReader(hex("00000002 00000000 00000000"));
    expect(fits.strings()).toEqual(["", ""]);
    const tooMany = new JuteReader(hex("00000003 00000000 00000000"));
    expect(attempt(() => tooMany.strings())?.problem).toBe("truncated");
    expect(tooMany.remaining).toBe(8);
  });
});
