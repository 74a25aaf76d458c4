/** The command lines that pages show: each is one that the program takes, with options that there are. */
import { readFileSync } from "node:fs";

import type { Command } from "commander";
import { describe, expect, test } from "vitest";

import { makeProgram } from "../../src/program/program.ts";
import { wordsOf } from "../../src/program/words.ts";

const PAGES = [
  "docs/cli.md",
  "docs/deploying.md",
  "docs/security.md",
  "docs/kafka.md",
  "docs/hadoop.md",
  "docs/spark.md",
];

/** What stands behind the program's name in the lines of a page's shell blocks, without what is the shell's. */
function linesOf(page: string): readonly string[] {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```(?:sh|bash)\n(.*?)^```$/gms)];
  const lines = blocks.flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"));
  return lines.flatMap((line) => {
    const [, words] =
      /(?:npx edgekeeper|<\(edgekeeper|^edgekeeper|dist\/edgekeeper\.js) (.*)$/.exec(line) ?? [];
    return words === undefined ? [] : [words.replace(/\)$|\s(?:>|\||#|&).*$/g, "")];
  });
}

/** Takes the same words, and does nothing. */
function harmless(command: Command): Command {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  if (command.commands.length === 0) command.action(() => undefined);
  for (const one of command.commands) harmless(one);
  return command;
}

describe.each(PAGES)("%s", (page) => {
  const lines = linesOf(page);

  test.each(lines.length === 0 ? ["--help"] : lines)(
    "shows a line that the program takes: %s",
    async (line) => {
      const told = await harmless(makeProgram())
        .parseAsync([...wordsOf(line)], { from: "user" })
        .then(() => "taken")
        .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));

      expect(told).toBe(line === "--help" ? "(outputHelp)" : "taken");
    },
  );
});

test("the page of the program shows lines", () => {
  expect(linesOf("docs/cli.md").length).toBeGreaterThan(20);
});
