/** Output that nobody reads: `edgekeeper --help | head -1`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../packaging/build.ts";
import { MAIN } from "./run-program.ts";

test.each([
  ["edgekeeper", MAIN, ["--help"], 0],
  ["edgekeeper, whose command line is bad,", MAIN, ["no-such-command"], 2],
  ["npm start", join(ROOT, "src/cli/start.ts"), ["--help"], 0],
])("%s ends without a word where nobody reads it, with its code", async (_, program, words, expected) => {
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  // Before it has begun to write.
  const [unread, read] = expected === 0 ? [child.stdout, child.stderr] : [child.stderr, child.stdout];
  unread.destroy();
  let printed = "";
  read.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, printed }).toEqual({ code: expected, printed: "" });
});
