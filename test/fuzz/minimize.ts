/** Makes an episode that fails smaller, as long as it goes on to fail. */
import type { Step } from "./episode.ts";

/** Episodes that may be played for it. */
const ATTEMPTS_MAX = 600;

/** `fails` plays an episode and says whether it fails as the whole one did. */
export async function minimized(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let attempts = 0;
  let best = steps;
  const tries = async (candidate: readonly Step[]): Promise<boolean> => {
    if (attempts >= ATTEMPTS_MAX) return false;
    attempts++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.length - size; at > -size; at -= size) {
      const from = Math.max(0, at);
      await tries([...best.slice(0, from), ...best.slice(from + size)]);
    }
  }
  for (let index = 0; index < best.length; index++) await shorten(index);
  return best;

  async function shorten(index: number): Promise<void> {
    for (let size = 64; size >= 1; size = Math.floor(size / 2)) {
      for (;;) {
        const one = best[index];
        if (one === undefined || one.bytes.length < size) break;
        const cut = { ...one, bytes: one.bytes.slice(0, one.bytes.length - size) };
        if (!(await tries(best.with(index, cut)))) break;
      }
    }
  }
}
