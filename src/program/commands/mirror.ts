/**
 * `edgekeeper mirror`: keeps a part of the ensemble the same as that of a running ZooKeeper, until Ctrl-C: to move
 * there without downtime. Where a session of it ends, as this program or a server stood still for too long, it begins
 * again with another one, which compares all.
 */
import type { Command } from "commander";

import { pathProblem } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { ConnectionLossError, OperationTimeoutError, SessionExpiredError } from "../../client/errors.ts";
import { usageError } from "../exit-code.ts";
import { interruption } from "../interruption.ts";
import { durationOption } from "../option-values.ts";
import { Output } from "../output.ts";
import { Progress } from "../progress.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { zooKeeperSession } from "../zookeeper-session.ts";
import { Mirror, type Same } from "../transfer/mirror.ts";

const ABOUT =
  "Keep the ensemble the same as a running ZooKeeper (3.6 or later): first all that is there, then each change as it " +
  "comes. Ctrl-C ends it, once all has been compared a last time; twice ends it at once. Ephemerals stay where they " +
  "are. What is below --path here and not there is deleted.";

interface MirrorCommandOptions extends ReachOptions {
  readonly zookeeper: string;
  readonly path: string;
  readonly compare: number;
  readonly session: number;
}

const COMPARE_DEFAULT = "5m";

const SESSION_DEFAULT = "30s";

/** Between attempts to reach both sides again. */
const PAUSE_MS = 1000;

/** Adds the command to the program. */
export function addMirrorCommand(program: Command): void {
  const command = program
    .command("mirror")
    .summary("follow a running ZooKeeper")
    .description(ABOUT)
    .requiredOption("--zookeeper <hosts>", "host:port,host:port of the ZooKeeper to follow")
    .requiredOption("--path <path>", "what is mirrored: this znode and all below it")
    .addOption(
      durationOption(
        "--compare <time>",
        "compare all so often, for what no watch tells: changed lists",
        COMPARE_DEFAULT,
      ),
    )
    .addOption(
      durationOption("--session <time>", "sessions of it live for so long without a word", SESSION_DEFAULT),
    );
  withReach(command).action(mirror);
}

async function mirror(asked: MirrorCommandOptions): Promise<void> {
  const { zookeeper, path, compare, session, ...options } = asked;
  const problem = pathProblem(path);
  if (problem !== undefined) throw usageError(`"${path}": ${problem}`);
  const output = new Output(options);
  const reach = await Reach.of(options);
  const ending = new AbortController();
  const onSame = ({ changed, blocked }: Same): void => {
    output.print(
      { event: "same", path, changed, ...(blocked.length === 0 ? {} : { blocked }) },
      `${path} is the same; ${changed} znodes were changed`,
    );
    for (const one of blocked)
      output.note(`${one} is not the same: an ephemeral of a client here is in its way`);
  };
  const both = async (): Promise<Sides> => await bothSides(zookeeper, reach, session);
  let sides: Sides | undefined = await both();
  const stopped = interruption().then(() => ending.abort());
  for (;;) {
    const [source, target] = sides ?? (await sidesAgain(both));
    try {
      const work = new Mirror({ source, target, root: path });
      const progress = new Progress("compared");
      const onCompared = (waiting: number): void => {
        progress.end();
        const told = waiting === 0 ? "" : `; ${waiting} changes have come meanwhile`;
        output.print({ event: "compared", path, waiting }, `${path} was compared${told}`);
      };
      const onLook = (): void => progress.add();
      await work.follow({ signal: ending.signal, compareMs: compare, onSame, onCompared, onLook });
      return await stopped;
    } catch (error) {
      if (!isOfSession(error)) throw error;
      output.note(`begins again: ${error.message}`);
      sides = undefined;
    } finally {
      await Promise.all([target.close(), source.close()]);
    }
  }
}

/** Who is followed, and who follows. */
type Sides = readonly [Client, Client];

async function bothSides(zookeeper: string, reach: Reach, timeoutMs: number): Promise<Sides> {
  const source = await zooKeeperSession(zookeeper, { timeoutMs });
  try {
    return [source, await reach.session({ timeoutMs })];
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Both were there before: they are waited for. */
async function sidesAgain(both: () => Promise<Sides>): Promise<Sides> {
  for (;;) {
    try {
      return await both();
    } catch (error) {
      // Somebody is still away.
      if (!isOfSession(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Nothing is wrong but that somebody was away. */
function isOfSession(error: unknown): error is Error {
  const kinds = [SessionExpiredError, ConnectionLossError, OperationTimeoutError];
  return kinds.some((kind) => error instanceof kind);
}
