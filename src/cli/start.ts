/** `npm start`: what `edgekeeper dev` is, in a clone, with no more loaded than it needs. */
import { Command, CommanderError } from "commander";

import { asEnsembleCommand } from "./ensemble-command.ts";
import { endQuietlyWhenUnread } from "./quiet-end.ts";
import { StartError } from "./start-error.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  endQuietlyWhenUnread();
  const command = new Command("npm start --")
    .helpOption("-h, --help", "print this text")
    .allowExcessArguments(false)
    .exitOverride()
    // What went wrong is told below.
    .configureOutput({ outputError: () => undefined });
  try {
    const host = { command: "npm start --", configFile: () => "wrangler.toml" };
    await asEnsembleCommand(command, host).parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (!(error instanceof CommanderError || error instanceof StartError)) throw error;
    const told = error instanceof CommanderError ? slip(error, command.args) : error.message;
    console.error(`edgekeeper: ${told}`);
    return 1;
  }
}

/** What is wrong with the command line. */
function slip(error: CommanderError, [word = ""]: readonly string[]): string {
  if (error.code === "commander.excessArguments") {
    return `no option takes "${word}"; options stand behind two dashes: npm start -- --port 8787`;
  }
  const reason = error.message.replace(/^error: /, "").replace(/\.$/, "");
  return `${reason}; see npm start -- --help`;
}
