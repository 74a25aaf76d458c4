/** What the program says of itself: every command, on the page and on the terminal. */
import { readFileSync } from "node:fs";

import type { Command } from "commander";
import { describe, expect, test } from "vitest";

import { endingOf, EXIT } from "../../src/program/exit-code.ts";
import { makeProgram } from "../../src/program/program.ts";
import { runProgram } from "./run-program.ts";

const PAGE = readFileSync("docs/cli.md", "utf8");

const WIDTH = 80;

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function all(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(all)];
}

const commands = all(makeProgram()).map((command) => [pathOf(command), command] as const);

describe.each(commands)("%s", (path, command) => {
  test("has a help that says what it does, and what each of its options and arguments is", () => {
    command.configureOutput({ getOutHelpWidth: () => WIDTH });
    const help = command.helpInformation();

    expect(help).toContain(`Usage: ${path}`);
    expect(command.description()).not.toBe("");
    expect(command.options.filter(({ description }) => description === "")).toEqual([]);
    expect(command.registeredArguments.filter(({ description }) => description === "")).toEqual([]);
    expect(help).not.toContain("undefined");
    const wide = help.split("\n").filter((line) => line.length > WIDTH && !line.startsWith("Usage:"));
    expect(wide).toEqual([]);
  });

  test("stands on the page of the program", () => {
    expect(PAGE).toContain(path);
  });
});

test("every exit code stands on the page, and in the help", () => {
  const rows = [...PAGE.matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));

  expect(rows).toEqual(Object.values(EXIT));
});

test.each([
  ["an unknown command", ["tokens"]],
  ["a command of another place", ["status"]],
  ["an unknown option", ["token", "list", "--verbose"]],
  ["a missing argument", ["token", "revoke"]],
  ["no command at all", []],
])("%s is a bad command line", async (_, words) => {
  const program = makeProgram();
  for (const command of all(program)) command.configureOutput({ writeErr: () => undefined });

  const error: unknown = await program
    .parseAsync(words, { from: "user" })
    .then(() => undefined)
    .catch((thrown: unknown) => thrown);

  expect(endingOf(error)).toMatchObject({ exitCode: EXIT.usage, code: "usage" });
});

test.each([
  ["status", "edgekeeper ensemble status"],
  ["move-leader", "edgekeeper ensemble move-leader"],
  ["history", "edgekeeper config history"],
  ["tokens", "edgekeeper: unknown command 'tokens': did you mean token? --help tells more\n"],
  ["lss", "edgekeeper: unknown command 'lss': did you mean ls? --help tells more\n"],
])("who says %s is told of %s", async (word, told) => {
  const { code, stderr } = await runProgram([word]);

  expect(stderr).toContain(`edgekeeper: unknown command '${word}'`);
  expect(stderr).toContain(told);
  expect(code).toBe(EXIT.usage);
});

test("times are shown as they are typed", () => {
  const times = commands.flatMap(([, command]) =>
    command.options.filter(({ flags }) => flags.endsWith("<time>")),
  );
  const numbers = times.filter(({ defaultValue, defaultValueDescription }) => {
    return typeof defaultValue === "number" && defaultValueDescription === undefined;
  });

  expect(times).not.toEqual([]);
  expect(numbers.map(({ flags }) => flags)).toEqual([]);
});
