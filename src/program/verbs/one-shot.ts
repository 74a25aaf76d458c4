/** Verbs as commands of the program: each has a session of its own, which ends with it. */
import type { Command } from "commander";

import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { addReadingVerbs } from "./reading-verbs.ts";
import { addQuotaVerbs } from "./quota-verbs.ts";
import type { VerbHost } from "./verb-host.ts";
import { addWritingVerbs } from "./writing-verbs.ts";

/** Adds them to the program. */
export function addVerbs(program: Command): void {
  const host: VerbHost = {
    isShell: false,
    command: (name) => withReach(program.command(name)),
    async run(options, act) {
      // Commander has read them as withReach declares them.
      const reachOptions = options as ReachOptions;
      const client = await (await Reach.of(reachOptions)).session();
      try {
        await act({ client, output: new Output(reachOptions), onWatch: () => undefined });
      } finally {
        await client.close();
      }
    },
  };
  addReadingVerbs(host);
  addWritingVerbs(host);
  addQuotaVerbs(host);
}
