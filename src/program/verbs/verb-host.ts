/** Where verbs are run: each as a program of its own, with a session for it, or in the session of the shell. */
import type { Command } from "commander";

import type { Client } from "../../client/client.ts";
import type { Output } from "../output.ts";

/** What a verb works with. */
export interface VerbScope {
  readonly client: Client;
  readonly output: Output;
  /** Told of what a watch saw that the verb left. */
  readonly onWatch: (event: { readonly type: string; readonly path: string }) => void;
}

/** See the file's comment. */
export interface VerbHost {
  /** Whether watches and ephemerals outlive a verb. */
  readonly isShell: boolean;
  /** Begins a command, with the options that all commands have there. */
  command(name: string): Command;
  /** Runs the act of a verb. */
  run(options: object, act: (scope: VerbScope) => Promise<void>): Promise<void>;
}
