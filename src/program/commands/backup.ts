/**
 * `edgekeeper backup` and `restore`: the whole tree, of one moment, in a file, and from it into an ensemble of
 * any size.
 */
import { type Command, Option } from "commander";

import { SID_MAX } from "../../base/limits.ts";
import { ProgramError } from "../exit-code.ts";
import { wholeNumber } from "../option-values.ts";
import { Output } from "../output.ts";
import { counted, Progress } from "../progress.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { EXISTING, put } from "../transfer/put-znodes.ts";
import { treeOfMoment } from "../transfer/snapshot-command.ts";
import { checkZnodes, explainFile, readZnodes, writeZnodes } from "../transfer/znode-file.ts";
import type { Existing } from "../transfer/znode-target.ts";
import { zxidShort } from "../znode-text.ts";

interface BackupOptions extends ReachOptions {
  readonly sid?: number | undefined;
}

const EPOCH_BITS = 32n;

const MINUTE_MS = 60_000;

/** Adds the commands to the program. */
export function addBackupCommands(program: Command): void {
  withReach(
    program
      .command("backup")
      .summary("write the whole tree to a file")
      .description(
        "Write the whole tree, as it is at one moment, to a file with a checksum. Ephemerals are left out: they go " +
          "with their sessions. It takes the right to do everything.",
      )
      .argument("<file>", "it must not be there yet; .gz is compressed")
      .option("--sid <sid>", "the replica to take it from (default: who leads)", wholeNumber(1, SID_MAX)),
  ).action(backup);
  withReach(
    program
      .command("restore")
      .summary("create the tree of a backup")
      .description(
        "Create the tree of a backup in an ensemble of any size. Refused where fencing tokens would fall below those " +
          "that the backed up one had issued.",
      )
      .argument("<file>", "of edgekeeper backup")
      .addOption(
        new Option("--existing <what>", "where a znode is there already").choices(EXISTING).default("fail"),
      ),
  ).action(restore);
}

async function backup(file: string, { sid, ...options }: BackupOptions): Promise<void> {
  const { zxid, znodes } = await treeOfMoment(await Reach.of(options), sid);
  const header = { root: "/", zxid, exact: true };
  const count = await writeZnodes(file, header, counted(znodes, new Progress("znodes"))).catch(explainFile);
  new Output(options).print(
    { file, znodes: count, zxid },
    `${count} znodes in ${file}, as of zxid ${zxidShort(BigInt(zxid))}`,
  );
}

async function restore(file: string, options: ReachOptions & { readonly existing: Existing }): Promise<void> {
  const { newest, znodes } = await checkZnodes(file);
  const check = ({ lastZxid }: { readonly lastZxid: bigint }): void => {
    if (lastZxid <= BigInt(newest)) throw wouldFall(lastZxid, BigInt(newest));
  };
  await put(readZnodes(file), { ...options, from: "/", into: "/", total: znodes, check });
}

/**
 * An ensemble's first epoch is above the minute it is made in; each start and each change of its leader is one
 * more.
 */
function wouldFall(present: bigint, backedUp: bigint): ProgramError {
  const epoch = backedUp >> EPOCH_BITS;
  const missing = epoch + 1n - (present >> EPOCH_BITS);
  const above = new Date(Number(epoch) * MINUTE_MS).toISOString();
  return new ProgramError(
    `the ensemble is at zxid ${zxidShort(present)}, and the backup was made at ${zxidShort(backedUp)}: ` +
      "fencing tokens would fall below those that were issued there. Nothing was written. Restore into an ensemble " +
      `that is made after ${above}, or let this one begin ${missing} more epochs: each of its starts is one, and ` +
      "each edgekeeper ensemble move-leader",
    { code: "tokens-would-fall" },
  );
}
