/**
 * Episodes that are kept: what a defect was found by, and what reaches each place worth reaching. A file is read by
 * people too: lines with # say why it is there, `== NAME` begins an episode, and a step is a line.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSteps, type Step, stepsText } from "./episode.ts";

const FOLDER = new URL("corpus/", import.meta.url);

/** One kept episode. */
export interface Kept {
  readonly file: string;
  readonly name: string;
  readonly steps: readonly Step[];
}

/** All that is kept for a target. */
export function keptFor(target: string): readonly Kept[] {
  const folder = new URL(`${target}/`, FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) => readKept(fileURLToPath(new URL(file, folder))));
}

/** The episodes of one file. */
export function readKept(file: string): readonly Kept[] {
  const [first = "", ...rest] = readFileSync(file, "utf8").split(/^== /m);
  const named = rest.map((text) => {
    const end = text.indexOf("\n");
    return { file, name: text.slice(0, end), steps: readSteps(text.slice(end + 1)) };
  });
  const alone = readSteps(first);
  return alone.length === 0 ? named : [{ file, name: "it", steps: alone }, ...named];
}

/** Keeps what was found; gives the file, from where the tests play it for ever. */
export function keepFinding(target: string, reason: string, steps: readonly Step[]): string {
  const folder = new URL(`${target}/`, FOLDER);
  mkdirSync(folder, { recursive: true });
  const name = `found-${createHash("sha1").update(reason).digest("hex").slice(0, 8)}.txt`;
  const file = fileURLToPath(new URL(name, folder));
  const why = reason
    .split("\n")
    .slice(0, 3)
    .map(
      (line) =>
        `# ${line
          .trim()
          .replace(/file:\S*\/(?=(?:src|test)\/)/, "")
          .slice(0, 110)}\n`,
    );
  writeFileSync(file, why.join("") + stepsText(steps));
  return file;
}

/** Keeps what reaches each place worth reaching; what was kept before is replaced. */
export function keepReaching(target: string, reached: ReadonlyMap<string, readonly Step[]>): string {
  const folder = new URL(`${target}/`, FOLDER);
  mkdirSync(folder, { recursive: true });
  const file = fileURLToPath(new URL("reaches.txt", folder));
  const byName = [...reached].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const why = "# What makes each of these come about, made as small as it goes: npm run fuzz -- --collect\n";
  writeFileSync(file, why + byName.map(([name, steps]) => `== ${name}\n${stepsText(steps)}`).join(""));
  return file;
}
