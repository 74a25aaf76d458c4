/** The program `edgekeeper`: its commands, and what all of them have in common. */
import { Command, CommanderError } from "commander";

import { addBackupCommands } from "./commands/backup.ts";
import { addBenchCommand } from "./commands/bench.ts";
import { addBridgeCommand } from "./commands/bridge.ts";
import { addClusterCommand } from "./commands/cluster.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addDevCommand } from "./commands/dev.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEnsembleCommand } from "./commands/ensemble.ts";
import { addInitCommand } from "./commands/init.ts";
import { addLockCommands } from "./commands/lock.ts";
import { addMirrorCommand } from "./commands/mirror.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addTransferCommands } from "./commands/transfer.ts";
import { addPastCommands } from "./commands/past.ts";
import { addShellCommand } from "./commands/shell.ts";
import { addVerbs } from "./verbs/one-shot.ts";
import { addWatchCommand } from "./commands/watch.ts";
import { addTokenCommand } from "./commands/token.ts";
import { usageError } from "./exit-code.ts";
import { programVersion } from "./version.ts";

const ABOUT =
  "Edgekeeper, ZooKeeper for the edge: look into an ensemble, change it, and work under its locks.\n\n" +
  "Without --url it asks http://127.0.0.1:8787, where npm start serves. What to show a deployment, its secret " +
  "or a token of it, is read from EDGEKEEPER_TOKEN.";

const CODES = `
Exit codes:
  0  done
  1  refused, or failed
  2  bad command line
  3  credential missing, or not enough for that
  4  nobody answers, or the connection was lost
  5  lock or lead not had in time
  6  lock or lead lost while it was held`;

/** Makes the program. Usage errors are thrown as CommanderError. */
export function makeProgram(): Command {
  const program = new Command("edgekeeper")
    .description(ABOUT)
    .version(programVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this text")
    .helpCommand("help [command]", "print the text of a command")
    .addHelpText("after", CODES)
    // --version is the program's before a command, and a verb's behind it.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride()
    // What went wrong is told in one place, by main.
    .configureOutput({ outputError: () => undefined });
  addDevCommand(program);
  addInitCommand(program);
  addBridgeCommand(program);
  addShellCommand(program);
  addVerbs(program);
  addPastCommands(program);
  addWatchCommand(program);
  addLockCommands(program);
  addConfigCommand(program);
  addEnsembleCommand(program);
  addDoctorCommand(program);
  addTransferCommands(program);
  addBackupCommands(program);
  addMirrorCommand(program);
  addClusterCommand(program);
  addBenchCommand(program);
  addPlanCommand(program);
  addTokenCommand(program);
  addCompletionCommand(program);
  return program;
}

/** The error, which for a command that is one elsewhere says where: `edgekeeper ensemble status` for `status`. */
export function pointed(program: Command, error: unknown): unknown {
  if (!(error instanceof CommanderError) || error.code !== "commander.unknownCommand") return error;
  const [word = ""] = program.args;
  const places = program.commands.flatMap((command) => {
    const below = command.commands.filter((one) => one.name() === word || one.aliases().includes(word));
    return below.map((one) => `${program.name()} ${command.name()} ${one.name()}`);
  });
  return places.length === 0
    ? error
    : usageError(`unknown command '${word}': say ${places.join(" or ")}; --help tells more`, error);
}
