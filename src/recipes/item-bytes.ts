/**
 * The bytes of items in Curator's queues: a version, each item behind its length, and an end. Source: Curator
 * ItemSerializer.
 */
import { RecipeError } from "./recipe-error.ts";

const VERSION = 0x00010001;
const ITEM = 1;
const END = 2;
const INT_BYTES = 4;

/** Several items as one. */
export function itemBytes(items: readonly Uint8Array[]): Uint8Array {
  const length = items.reduce((sum, item) => sum + 1 + INT_BYTES + item.length, INT_BYTES + 1);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, VERSION);
  let at = INT_BYTES;
  for (const item of items) {
    view.setUint8(at, ITEM);
    view.setInt32(at + 1, item.length);
    bytes.set(item, at + 1 + INT_BYTES);
    at += 1 + INT_BYTES + item.length;
  }
  view.setUint8(at, END);
  return bytes;
}

/** Reads them. Throws the fault `badData`; `name` is for its message. */
export function itemsOf(bytes: Uint8Array, name: string): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bad = (what: string): RecipeError => new RecipeError("badData", `the item ${name}: ${what}`);
  if (bytes.length < INT_BYTES) throw bad("it has no version");
  if (view.getInt32(0) !== VERSION) throw bad(`version ${view.getInt32(0)}, not ${VERSION}`);
  const items: Uint8Array[] = [];
  for (let at = INT_BYTES; ;) {
    if (at >= bytes.length) throw bad("it has no end");
    const kind = view.getUint8(at);
    if (kind === END) return items;
    if (kind !== ITEM || at + 1 + INT_BYTES > bytes.length) throw bad(`a part of kind ${kind}`);
    const length = view.getInt32(at + 1);
    const from = at + 1 + INT_BYTES;
    if (length < 0 || from + length > bytes.length) throw bad(`a length of ${length}`);
    items.push(bytes.slice(from, from + length));
    at = from + length;
  }
}
