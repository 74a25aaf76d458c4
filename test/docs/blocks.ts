/** The fenced blocks of README.md, ARCHITECTURE.md and of every page of docs/ that git keeps. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../docs/.vitepress/site/root.ts";
import { MADE, pagesThere } from "../../docs/.vitepress/site/pages.ts";

/** A fenced block. */
export interface PageBlock {
  /** The file, from the root of the repository. */
  readonly page: string;
  /** The heading that it stands below. */
  readonly heading: string;
  /** What stands behind the fence; nothing for what is printed. */
  readonly language: string;
  readonly text: string;
  /** The line of its fence, from 1. */
  readonly line: number;
}

/** The pages that hold blocks, or may. */
export function pagesWithBlocks(): readonly string[] {
  const kept = ["index", ...pagesThere()].filter((page) => !page.startsWith(`${MADE}/`));
  return ["README.md", "ARCHITECTURE.md", ...kept.map((page) => `docs/${page}.md`)];
}

/** The blocks of a page, in their order. Throws where a fence is not closed. */
export function blocksOf(page: string): readonly PageBlock[] {
  return blocksIn(page, readFileSync(join(ROOT, page), "utf8"));
}

/** The same, of a text. */
export function blocksIn(page: string, text: string): readonly PageBlock[] {
  const blocks: PageBlock[] = [];
  let heading = "";
  let open: { readonly language: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (open !== undefined) {
      if (line.trim() !== "```") open.lines.push(line);
      else {
        const { language, lines } = open;
        blocks.push({ page, heading, language, text: `${lines.join("\n")}\n`, line: open.line });
        open = undefined;
      }
    } else if (line.trimStart().startsWith("```")) {
      open = { language: line.trim().slice(3), line: index + 1, lines: [] };
    } else if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: a block that is not closed`);
  return blocks;
}
