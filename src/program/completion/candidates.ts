/** What may stand next on a command line, by the program's own tree of commands. */
import type { Command, Option } from "commander";

/** A word that may stand there, and what it is. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/**
 * What may take the place of the last of the words, which may be empty; they are those behind the program's name.
 * Nothing where anything may stand there: the shell offers files then.
 */
export function candidatesOf(program: Command, words: readonly string[]): readonly Candidate[] {
  const current = words.at(-1) ?? "";
  const { command, pending, isFree, count } = walked(program, words.slice(0, -1));
  if (isFree) return [];
  const found = pending === undefined ? wordsOf(command, current, count) : choicesOf(pending.argChoices);
  return found.filter(({ word }) => word.startsWith(current));
}

/** Where the words before lead. */
interface Place {
  readonly command: Command;
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  /** Whether two dashes were there: what is behind them is another program's. */
  readonly isFree: boolean;
  /** How many arguments the command has already. */
  readonly count: number;
}

function walked(program: Command, words: readonly string[]): Place {
  let command = program;
  let pending: Option | undefined;
  let count = 0;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (word === "--") return { command, pending, isFree: true, count };
    else if (word.startsWith("-")) pending = optionWithValue(command, word);
    else {
      const next = visible(command).find((one) => one.name() === word || one.aliases().includes(word));
      if (next === undefined) count++;
      else command = next;
    }
  }
  return { command, pending, isFree: false, count };
}

function optionWithValue(command: Command, word: string): Option | undefined {
  return command.options.find((one) => (one.long === word || one.short === word) && one.required);
}

function wordsOf(command: Command, current: string, count: number): readonly Candidate[] {
  if (current.startsWith("-")) {
    const options = command.createHelp().visibleOptions(command);
    return options.map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description }));
  }
  const args = command.registeredArguments;
  const argument = args[count] ?? args.filter((one) => one.variadic).at(-1);
  const below = count === 0 ? visible(command) : [];
  return [
    ...below.map((one) => ({ word: one.name(), about: one.summary() || one.description() })),
    ...choicesOf(argument?.argChoices),
  ];
}

function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function choicesOf(choices: readonly string[] | undefined): readonly Candidate[] {
  return (choices ?? []).map((word) => ({ word, about: "" }));
}
