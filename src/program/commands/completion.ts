/** `edgekeeper completion`: scripts by which shells complete the words of the program. */
import { Argument, type Command } from "commander";

import { candidatesOf } from "../completion/candidates.ts";
import { SCRIPTS, type Shell, SHELLS } from "../completion/scripts.ts";

const ABOUT =
  "Print a script by which a shell completes commands, options and their values when the tab key is pressed. In " +
  "~/.bashrc: source <(edgekeeper completion bash), in ~/.zshrc the same with zsh; for fish: edgekeeper completion " +
  "fish > ~/.config/fish/completions/edgekeeper.fish. The shell must find edgekeeper on its PATH.";

/** Characters of what a shell shows beside a word. */
const ABOUT_MAX = 70;

/** Adds the command, and the one that the scripts run. */
export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .summary("print a script that completes commands in a shell")
    .description(ABOUT)
    .addArgument(new Argument("<shell>", "whose").choices(SHELLS))
    .action((shell: Shell) => void process.stdout.write(SCRIPTS[shell]));
  program
    .command("complete", { hidden: true })
    .description("What the scripts of completion run.")
    .argument("[words...]", "the words so far, behind two dashes")
    .action((words: readonly string[]) => {
      for (const { word, about } of candidatesOf(program, words)) {
        process.stdout.write(`${word}\t${short(about)}\n`);
      }
    });
}

function short(text: string): string {
  return text.length <= ABOUT_MAX ? text : `${text.slice(0, ABOUT_MAX - 3)}...`;
}
