#!/usr/bin/env node
/** The bin of the package: runs the command line, and says in one line what went wrong. */
import { endQuietlyWhenUnread } from "../cli/quiet-end.ts";
import { endingOf } from "./exit-code.ts";
import { jsonText } from "./output.ts";
import { makeProgram, pointed } from "./program.ts";

process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  endQuietlyWhenUnread();
  const program = makeProgram();
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const ending = endingOf(pointed(program, error));
    if (ending === undefined) throw error;
    // Where nobody reads that either, this is what is left to tell.
    process.exitCode = ending.exitCode;
    if (ending.message !== "") process.stderr.write(`${told(ending, asksForJson(argv))}\n`);
    return ending.exitCode;
  }
}

function told(ending: { readonly code: string; readonly message: string }, isJson: boolean): string {
  return isJson ? jsonText({ error: ending }) : `edgekeeper: ${ending.message}`;
}

/** What stands behind two dashes is another program's. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).includes("--json");
}
