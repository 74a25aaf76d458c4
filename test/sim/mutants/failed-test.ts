/** What a run of tests says of a defect: the test that saw it, that none did, or nothing at all. */
import type { Ended } from "./execute.ts";

/** vitest's words where a test, or what goes before it, has used up its time. */
const TIMED_OUT = /\b(?:Test|Hook) timed out in \d+ ?ms/;

/** Tests came to no end in their time. That says as much of the machine as of the defect, so it is no catch. */
export class OutOfTime extends Error {
  override readonly name = "OutOfTime";
}

/** The first test that failed; undefined where all passed. Throws OutOfTime where one ran out of time, or hung. */
export function failedTest({ code, tail }: Ended): string | undefined {
  if (code === 0) return undefined;
  const [failed] = tail.flatMap((line) => /\bFAIL\s+(.*)$/.exec(line)?.[1] ?? []);
  if (code === undefined) throw new OutOfTime("the tests said nothing for too long, and were ended");
  if (tail.some((line) => TIMED_OUT.test(line))) throw new OutOfTime(`out of time: ${failed ?? "a test"}`);
  if (failed === undefined)
    throw new Error(`the tests ended with ${code}, and named none: ${tail.slice(-3).join(" ")}`);
  return failed;
}
