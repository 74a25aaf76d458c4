import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JuteError } from "../../src/jute/jute-error.ts";
import {
  decodeSnapshotPart,
  decodeSummary,
  encodeSnapshotPart,
  encodeSummary,
} from "../../src/keeper/snapshot-codec.ts";
import type { SnapshotEntry, StateSummary } from "../../src/tree/tree-snapshot.ts";

const uint32 = fc.nat({ max: 0xffffffff });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const zxid = fc.record({ epoch: fc.nat({ max: 2 ** 31 - 1 }), counter: uint32 });
const session = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const path = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => `/${text}`);
const bytes = fc.uint8Array({ maxLength: 300 });
const perms = fc.integer({ min: 0, max: 31 });
const acl = fc.array(fc.record({ perms, scheme: fc.string(), id: fc.string() }), { maxLength: 3 });
const timeMs = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const node = fc.record({
  data: fc.option(bytes),
  acl,
  owner: fc.oneof(
    fc.constant({ mode: "persistent" as const }),
    fc.constant({ mode: "container" as const }),
    fc.record({ mode: fc.constant("ephemeral" as const), session }),
    fc.record({ mode: fc.constant("ttl" as const), ttlMs: fc.nat() }),
  ),
  czxid: zxid,
  mzxid: zxid,
  pzxid: zxid,
  ctime: timeMs,
  mtime: timeMs,
  version: int32,
  aversion: int32,
  childCreates: int32,
  childCount: int32,
});

const entry: fc.Arbitrary<SnapshotEntry> = fc.oneof(
  fc.record({ kind: fc.constant("znode" as const), path, node: fc.option(node, { nil: undefined }) }),
  session.map((id) => ({ kind: "session" as const, id, session: undefined })),
  fc
    .record({ id: session, timeoutMs: fc.nat({ max: 2 ** 31 - 1 }), password: bytes })
    .map((record) => ({ kind: "session" as const, id: record.id, session: record })),
);

const entries = fc.array(entry, { maxLength: 8 });

const summary: fc.Arbitrary<StateSummary> = fc.record({
  digest: fc.record({ hi: uint32, lo: uint32 }),
  totals: fc.record({ dataBytes: timeMs, ephemerals: timeMs }),
  znodes: timeMs,
  sessions: timeMs,
});

/** Decodes, or says that it is malformed; whatever else is thrown goes on. */
function attempt(decode: () => unknown): "decoded" | "malformed" {
  try {
    decode();
    return "decoded";
  } catch (error) {
    if (error instanceof JuteError) return "malformed";
    throw error;
  }
}

describe("a part of a snapshot", () => {
  it("comes back as it was, null and empty data apart", () => {
    fc.assert(
      fc.property(entries, (all) => {
        expect(decodeSnapshotPart(encodeSnapshotPart(all))).toEqual(all);
      }),
    );
  });

  it("cut short or made longer is malformed", () => {
    fc.assert(
      fc.property(entries, fc.nat(), (all, at) => {
        const whole = encodeSnapshotPart(all);
        expect(attempt(() => decodeSnapshotPart(whole.subarray(0, at % whole.length)))).toBe("malformed");
        expect(attempt(() => decodeSnapshotPart(Uint8Array.of(...whole, 0)))).toBe("malformed");
      }),
    );
  });

  it("with a byte changed, or of any bytes at all, is decoded or malformed, and nothing else", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(entries, fc.nat(), fc.nat({ max: 255 }), bytes, (all, at, byte, noise) => {
        const changed = encodeSnapshotPart(all).slice();
        changed[at % changed.length] = byte;
        seen.add(attempt(() => decodeSnapshotPart(changed)));
        seen.add(attempt(() => decodeSnapshotPart(noise)));
        seen.add(attempt(() => decodeSnapshotPart(Uint8Array.of(1, ...noise))));
      }),
      { numRuns: 500 },
    );
    expect([...seen].sort()).toEqual(["decoded", "malformed"]);
  });
});

describe("what a snapshot sums up to", () => {
  it("comes back as it was, and cut short or of another format is malformed", () => {
    fc.assert(
      fc.property(summary, fc.nat(), (sums, at) => {
        const whole = encodeSummary(sums);
        expect(decodeSummary(whole)).toEqual(sums);
        expect(attempt(() => decodeSummary(whole.subarray(0, at % whole.length)))).toBe("malformed");
        expect(attempt(() => decodeSummary(Uint8Array.of(2, ...whole.subarray(1))))).toBe("malformed");
      }),
    );
  });
});
