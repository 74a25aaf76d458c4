/** Makes wrong bytes of right ones, as corruption and malice would. */
import type { Dice } from "./dice.ts";

const OCTETS = [0, 1, 0x7f, 0x80, 0xff, 0x2f, 0x20];
const LENGTHS = [-1, -2, 0, 1, 0x7fffffff, -0x80000000, 0xfffff, 0x100000, 0x10000, 255];
/** Pieces that decoders take badly: halves of characters, byte order marks, separators. */
const PIECES = [
  "eda080",
  "f09f9880",
  "c0af",
  "efbbbf",
  "ff",
  "2f2e2e2f",
  "00000000",
  "ffffffff",
  "7fffffff",
].map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));

/** A changed copy, never longer by more than 64 bytes. */
export function mutated(bytes: Uint8Array, dice: Dice): Uint8Array {
  let changed = Uint8Array.from(bytes);
  for (let left = dice.once(3) ? dice.between(2, 6) : 1; left > 0; left--) changed = once(changed, dice);
  return changed;
}

function once(bytes: Uint8Array<ArrayBuffer>, dice: Dice): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return Uint8Array.from(dice.bytes(dice.between(1, 12)));
  const at = dice.below(bytes.length);
  switch (dice.below(9)) {
    case 0:
      bytes[at] = dice.pick(OCTETS);
      return bytes;
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
      return bytes;
    case 2:
      bytes[at] = dice.below(256);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return bytes.slice(at);
    case 5:
      return spliced(bytes, at, { remove: 0, insert: dice.pick(PIECES) });
    case 6:
      return spliced(bytes, at, { remove: dice.between(1, 8), insert: new Uint8Array(0) });
    case 7: {
      const piece = bytes.slice(at, at + dice.between(1, 16));
      return spliced(bytes, dice.below(bytes.length), { remove: 0, insert: piece });
    }
    default:
      return lengthAt(bytes, at, dice);
  }
}

/** A number of four bytes where one may stand: lengths, counts, versions. */
function lengthAt(bytes: Uint8Array<ArrayBuffer>, at: number, dice: Dice): Uint8Array<ArrayBuffer> {
  if (bytes.length < 4) return bytes;
  const place = Math.min(dice.once(2) ? at & ~3 : at, bytes.length - 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const small = view.getInt32(place) + dice.between(-2, 2);
  view.setInt32(place, dice.once(3) ? small : dice.pick(LENGTHS));
  return bytes;
}

function spliced(
  bytes: Uint8Array,
  at: number,
  change: { readonly remove: number; readonly insert: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { remove, insert } = change;
  const rest = bytes.subarray(Math.min(bytes.length, at + remove));
  const whole = new Uint8Array(at + insert.length + rest.length);
  whole.set(bytes.subarray(0, at));
  whole.set(insert, at);
  whole.set(rest, at + insert.length);
  return whole;
}
