/** Whether two records say the same: numbers, texts, bytes, lists and plain objects, each by value. */

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => same(item, b[index]));
  }
  let count = 0;
  for (const name in a) {
    if (!same(Reflect.get(a, name), Reflect.get(b, name))) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** For people: a record on one line, bytes as text. */
export function told(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `0x${part.toString(16)}`;
    return part instanceof Uint8Array ? new TextDecoder().decode(part) : part;
  });
}
