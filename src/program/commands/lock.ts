/** `edgekeeper lock` and `edgekeeper elect`: a command that runs while it holds a lock, or while it leads. */
import type { Command } from "commander";

import { durationMs, durationOption } from "../option-values.ts";
import { elect, type HoldingOptions, lock } from "../holding.ts";
import { withReach } from "../reach.ts";

const LOCK_ABOUT =
  "Run a command while it holds a lock. It finds the fencing token in EDGEKEEPER_FENCING_TOKEN, and what If-Held " +
  "takes in EDGEKEEPER_IF_HELD; it is stopped where the lock is lost. The lock NAME is the znode /locks/NAME, which " +
  "HTTP's callers, Curator and kazoo contend for as well; a name that begins with a slash is a path of its own.";

const ELECT_ABOUT =
  "Stand for election, and run a command while it leads: as a lock, but at /elections/NAME, which HTTP's callers and " +
  "Curator's LeaderLatch share. Without a command it tells when it leads and when not, until Ctrl-C.";

/** Adds both commands to the program. */
export function addLockCommands(program: Command): void {
  const lockCommand = program.command("lock").summary("run a command under a lock").description(LOCK_ABOUT);
  withHolding(lockCommand, {
    name: "the lock's name; NAME is the znode /locks/NAME",
    owner: "whom the queue shows",
  })
    .option("--try", "give up where it is not free at once")
    .action(
      async (name: string, words: string[], options: HoldingOptions) => await lock(name, words, options),
    );
  const electCommand = program
    .command("elect")
    .summary("run a command while it leads")
    .description(ELECT_ABOUT);
  withHolding(electCommand, {
    name: "the election's name; NAME is the znode /elections/NAME",
    owner: "what others see of the leader",
  }).action(
    async (name: string, words: string[], options: HoldingOptions) => await elect(name, words, options),
  );
}

function withHolding(
  command: Command,
  { name, owner }: { readonly name: string; readonly owner: string },
): Command {
  return withReach(
    command
      .argument("<name>", name)
      .argument("[command...]", "the command to run while it is held, behind two dashes")
      .option("--wait <time>", "give up after so long, such as 30s (default: never)", durationMs)
      .addOption(durationOption("--session <time>", "it is free so long after this program has died", "15s"))
      .addOption(durationOption("--grace <time>", "between SIGTERM and SIGKILL where it is lost", "5s"))
      .option("--owner <text>", owner)
      .option("--list", "show who has it and who waits, and end"),
  );
}
