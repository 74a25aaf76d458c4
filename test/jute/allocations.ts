/** How much is allocated at once: a claim of size must cost nothing before its bytes have come. */

/** The largest Uint8Array, in bytes, that is made from a length while `act` runs; 0 if none. */
export function largestAllocation(act: () => void): number {
  let largest = 0;
  const Plain = globalThis.Uint8Array;
  const Recorded = new Proxy(Plain, {
    construct(plain, [first, ...rest]: [number, ...unknown[]]) {
      if (typeof first === "number") largest = Math.max(largest, first);
      return Reflect.construct(plain, [first, ...rest]) as object;
    },
  });
  globalThis.Uint8Array = Recorded;
  try {
    act();
  } finally {
    globalThis.Uint8Array = Plain;
  }
  return largest;
}
