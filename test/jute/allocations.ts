import { vi } from "vitest";

/** The largest Uint8Array, in bytes, that is made from a length while `act` runs; 0 if none. */
export function largestAllocation(act: () => void): number {
  let largest = 0;
  const Plain = Uint8Array;
  class Recorded extends Uint8Array {
    /** Views and copies of a recorded array are made by other arguments: they are plain. */
    static get [Symbol.species](): Uint8ArrayConstructor {
      return Plain;
    }

    constructor(length: number) {
      super(length);
      largest = Math.max(largest, length);
    }
  }
  vi.stubGlobal("Uint8Array", Recorded);
  try {
    act();
  } finally {
    vi.unstubAllGlobals();
  }
  return largest;
}
