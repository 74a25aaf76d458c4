/** The command lines that pages show: each is one that the program takes, with options that there are. */
import { readFileSync } from "node:fs";

import type { Command } from "commander";
import { describe, expect, test } from "vitest";

import { makeProgram } from "../../src/program/program.ts";
import { wordsOf } from "../../src/program/words.ts";
import { claimsOf } from "./block-claims.ts";
import { blocksOf } from "./blocks.ts";

const PAGES = [
  "docs/cli.md",
  "docs/deploying.md",
  "docs/security.md",
  "docs/kafka.md",
  "docs/hadoop.md",
  "docs/spark.md",
];

/** Lines that a page shows for what is said of them. */
const MISTAKEN: ReadonlySet<string> = new Set(["get"]);

/** What stands behind the program's name in the lines of a page's shell blocks, without what is the shell's. */
function linesOf(page: string): readonly string[] {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```(?:sh|bash)\n(.*?)^```$/gms)];
  const lines = blocks.flatMap(([, block = ""]) => block.replaceAll("\\\n", " ").split("\n"));
  return lines.flatMap((line) => {
    const [, words] =
      /(?:npx edgekeeper|<\(edgekeeper|^edgekeeper|dist\/edgekeeper\.js) (.*)$/.exec(line) ?? [];
    return words === undefined ? [] : [words.replace(/\)$|; echo .*$|\s(?:>|\||#|&|<<).*$/g, "")];
  });
}

/** Which command of the program a line is of, such as `ensemble status`. */
function commandOf(line: string): string {
  let command = makeProgram();
  const path: string[] = [];
  for (const word of wordsOf(line)) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
    path.push(word);
  }
  return path.join(" ");
}

function commandsBelow(command: Command, path: readonly string[] = []): readonly string[] {
  if (command.commands.length === 0) return [path.join(" ")];
  return command.commands.flatMap((one) => commandsBelow(one, [...path, one.name()]));
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

      const expected = line === "--help" ? "(outputHelp)" : MISTAKEN.has(line) ? /missing/ : /^taken$/;
      expect(told).toMatch(expected);
    },
  );
});

test("the page of the program, every line of which is run, has a line of each command", () => {
  const shown = new Set(linesOf("docs/cli.md").map(commandOf));
  const all = commandsBelow(makeProgram());
  expect(all.length).toBeGreaterThan(40);
  expect(all.filter((command) => !shown.has(command))).toEqual([]);
  const run = blocksOf("docs/cli.md").filter(({ language }) => language === "sh");
  expect(run.filter((block) => !claimsOf(block).includes("test/system/docs-blocks.test.ts"))).toEqual([]);
});
