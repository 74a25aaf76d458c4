import fc from "fast-check";
import { expect, test } from "vitest";

import { TrunkReader, TrunkWriter } from "../../src/trunk/frames.ts";

type Word =
  | { readonly kind: "open"; readonly connection: number; readonly address: string }
  | { readonly kind: "bytes"; readonly connection: number; readonly bytes: readonly number[] }
  | { readonly kind: "end" | "drop"; readonly connection: number }
  | { readonly kind: "taken"; readonly connection: number; readonly count: number };

const connection = fc.nat({ max: 0xffffffff });
const word: fc.Arbitrary<Word> = fc.oneof(
  fc.record({ kind: fc.constant("open" as const), connection, address: fc.ipV4() }),
  fc.record({
    kind: fc.constant("bytes" as const),
    connection,
    bytes: fc.array(fc.nat({ max: 255 }), { maxLength: 40 }),
  }),
  fc.record({ kind: fc.constantFrom("end" as const, "drop" as const), connection }),
  fc.record({ kind: fc.constant("taken" as const), connection, count: fc.nat({ max: 0xffffffff }) }),
);

function write(words: readonly Word[]): Uint8Array {
  const writer = new TrunkWriter();
  for (const one of words) {
    if (one.kind === "open") writer.open(one.connection, one.address);
    else if (one.kind === "bytes") writer.bytes(one.connection, Uint8Array.from(one.bytes));
    else if (one.kind === "taken") writer.taken(one.connection, one.count);
    else writer[one.kind](one.connection);
  }
  return writer.take();
}

/** What a reader makes of it; pieces of one connection that follow each other are one. */
function read(chunks: readonly Uint8Array[]): readonly Word[] {
  const words: Word[] = [];
  const reader = new TrunkReader({
    opened: (number, address) => words.push({ kind: "open", connection: number, address }),
    received: (number, bytes) => {
      const last = words.at(-1);
      if (last?.kind === "bytes" && last.connection === number) {
        words[words.length - 1] = { ...last, bytes: [...last.bytes, ...bytes] };
      } else words.push({ kind: "bytes", connection: number, bytes: [...bytes] });
    },
    ended: (number) => words.push({ kind: "end", connection: number }),
    dropped: (number) => words.push({ kind: "drop", connection: number }),
    taken: (number, count) => words.push({ kind: "taken", connection: number, count }),
  });
  for (const chunk of chunks) reader.push(chunk);
  return words;
}

/** As a reader tells it: no empty pieces, and those that follow each other as one. */
function told(words: readonly Word[]): readonly Word[] {
  const result: Word[] = [];
  for (const one of words) {
    const last = result.at(-1);
    if (one.kind !== "bytes") result.push(one);
    else if (last?.kind === "bytes" && last.connection === one.connection) {
      result[result.length - 1] = { ...last, bytes: [...last.bytes, ...one.bytes] };
    } else if (one.bytes.length > 0) result.push(one);
  }
  return result;
}

test("what is written is read, wherever the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.array(fc.nat({ max: 2000 })), (words, cuts) => {
      const stream = write(words);
      const places = [...new Set(cuts.map((cut) => Math.min(cut, stream.length)))].toSorted((a, b) => a - b);
      const chunks = [0, ...places].map((from, index) => stream.slice(from, places[index]));
      expect(read(chunks)).toEqual(told(words));
    }),
    { numRuns: 500 },
  );
});

test("what was taken from a writer is not written to again", () => {
  const writer = new TrunkWriter();
  writer.bytes(1, Uint8Array.of(1, 2, 3));
  const first = writer.take();
  const before = [...first];
  writer.bytes(2, Uint8Array.of(9, 9, 9));

  expect([...first]).toEqual(before);
  expect(writer.isEmpty).toBe(false);
  expect(read([first, writer.take()])).toEqual([
    { kind: "bytes", connection: 1, bytes: [1, 2, 3] },
    { kind: "bytes", connection: 2, bytes: [9, 9, 9] },
  ]);
  expect(writer.isEmpty).toBe(true);
});

test("a piece that is larger than all before is written whole", () => {
  const bytes = new Uint8Array(1_000_000).fill(7);
  const writer = new TrunkWriter();
  writer.open(1, "127.0.0.1:1");
  writer.bytes(1, bytes);
  const stream = writer.take();

  expect(stream.length).toBe(1_000_000 + 9 + 9 + 11);
  const [opening, piece] = read([stream]);
  expect(opening).toEqual({ kind: "open", connection: 1, address: "127.0.0.1:1" });
  expect(piece?.kind === "bytes" && piece.bytes.length).toBe(1_000_000);
});

test("a stream that is no trunk's is refused", () => {
  const ignored = (): void => undefined;
  const refused = (bytes: readonly number[]): (() => void) => {
    const listener = {
      opened: ignored,
      received: ignored,
      ended: ignored,
      dropped: ignored,
      taken: ignored,
    };
    return () => new TrunkReader(listener).push(Uint8Array.from(bytes));
  };

  expect(refused([9, 0, 0, 0, 1, 0, 0, 0, 0])).toThrow("a frame of kind 9");
  expect(refused([1, 0, 0, 0, 1, 0, 1, 0, 0])).toThrow("a frame of kind 1 with 65536 bytes");
  expect(refused([5, 0, 0, 0, 1, 0, 0, 0, 1, 7])).toThrow("a count of 1 bytes");
});
