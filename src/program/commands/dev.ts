/** `edgekeeper dev`: what `npm start` is in a clone, from the package alone. */
import type { Command } from "commander";

import { asEnsembleCommand } from "../../cli/ensemble-command.ts";
import { ProgramError } from "../exit-code.ts";
import { ownFile } from "../own-file.ts";

/** Adds the command to the program. */
export function addDevCommand(program: Command): void {
  const command = program.command("dev").summary("run an ensemble on this machine");
  asEnsembleCommand(command, { command: "npx edgekeeper dev", configFile });
}

function configFile(): string {
  const file = ownFile("wrangler.toml");
  if (file !== undefined) return file;
  throw new ProgramError("the package has lost its wrangler.toml: install it anew");
}
