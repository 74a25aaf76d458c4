/** What the SDK takes from the world. All of it can be handed in, so that the SDK runs in a simulator unchanged. */
import type { Rng } from "../base/rng.ts";

/** Time, chance, and a way to tell what nobody else would hear of. */
export interface Runtime {
  /** Milliseconds that never go back; only differences mean something. */
  nowMs(): number;
  /** Milliseconds of Unix time, for what people and other machines read; it may be set, and go back. */
  unixMs(): number;
  /** Calls once, so many milliseconds from now, unless the function that it returns is called before. */
  startTimer(delayMs: number, callback: () => void): () => void;
  /** Chance: pauses, and names that must be nobody else's. */
  readonly rng: Rng;
  /** A listener of the program's threw: the SDK goes on, and this is where it is told. */
  report(error: unknown): void;
}

/** The runtime's own clock, timers and random numbers; what listeners throw is written to the console. */
export function defaultRuntime(): Runtime {
  const uint32 = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return {
    nowMs: () => performance.now(),
    unixMs: () => Date.now(),
    startTimer(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    rng: { uint32, below: (bound) => Math.floor((uint32() / 0x1_0000_0000) * bound) },
    // eslint-disable-next-line no-console -- there is nobody else to tell
    report: (error) => console.error("edgekeeper: a listener threw:", error),
  };
}

/** A random UUID (RFC 9562, version 4). */
export function randomUuid(rng: Rng): string {
  const words = [rng.uint32(), rng.uint32(), rng.uint32(), rng.uint32()];
  const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  const variant = "89ab"[Number.parseInt(hex.slice(16, 17), 16) & 3] ?? "8";
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join("-");
}
