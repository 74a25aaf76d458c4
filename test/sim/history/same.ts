/** Whether two records say the same: numbers, texts, bytes, lists and plain objects, each by value. */

export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return false;
    return a.length === b.length && a.every((octet, index) => octet === b[index]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const ours = Object.entries(a);
  const theirs = new Map(Object.entries(b));
  return ours.length === theirs.size && ours.every(([name, value]) => same(value, theirs.get(name)));
}

/** For people: a record on one line, bytes as text. */
export function told(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `0x${part.toString(16)}`;
    return part instanceof Uint8Array ? new TextDecoder().decode(part) : part;
  });
}
