/** What a page tells its readers to type, and to expect: taken from the page itself, so that it can't go stale. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A fenced block. */
export interface Block {
  /** What stands behind the fence: `sh` for commands, nothing for what they print. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks below a heading of a page, up to the next heading, in their order. Throws where it has none. */
export function blocksBelow(page: string, heading: string): readonly Block[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), "utf8");
  const blocks: Block[] = [];
  let isBelow = false;
  let fence: { readonly language: string; readonly lines: string[] } | undefined;
  for (const line of text.split("\n")) {
    if (fence !== undefined) {
      if (line === "```") {
        if (isBelow) blocks.push({ language: fence.language, text: `${fence.lines.join("\n")}\n` });
        fence = undefined;
      } else fence.lines.push(line);
    } else if (line.startsWith("```")) fence = { language: line.slice(3), lines: [] };
    else if (line.startsWith("#")) isBelow = line.replace(/^#+ /, "") === heading;
  }
  if (blocks.length === 0) throw new Error(`${page} has no block below "${heading}"`);
  return blocks;
}

/**
 * A pattern for what is printed: a line of it stands for a line that has the same words, where digits and what is in
 * quotes behind a colon may be others. `...` within it stands for anything.
 */
export function linePatterns(expected: string): readonly RegExp[] {
  return expected
    .trimEnd()
    .split("\n")
    .map((line) => {
      const escaped = line.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
      return new RegExp(`^${escaped.replaceAll("\\.\\.\\.", ".*").replaceAll(/\d{4,}/g, "[0-9a-f]+")}$`);
    });
}
