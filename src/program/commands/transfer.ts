/** `edgekeeper export`, `import`, `backup` and `restore`: znodes to a file and from one, or from a ZooKeeper. */
import { type Command, Option } from "commander";

import { pathProblem } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { zxidText } from "../../client/znode.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { Output } from "../output.ts";
import { counted, Progress } from "../progress.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { zooKeeperSession } from "../tcp-transport.ts";
import { type CopiedZnode, movedPath } from "../transfer/copied-znode.ts";
import { readSnapshot } from "../transfer/snapshot-file.ts";
import { checkZnodes, readZnodes, writeZnodes } from "../transfer/znode-file.ts";
import { walk } from "../transfer/znode-source.ts";
import { type Existing, ZnodeTarget } from "../transfer/znode-target.ts";

interface ExportOptions extends ReachOptions {
  readonly path: string;
  readonly zookeeper?: string | undefined;
}

interface ImportOptions extends ReachOptions {
  readonly zookeeper?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly path: string;
  readonly into?: string | undefined;
  readonly existing: Existing;
}

const EXISTING: readonly Existing[] = ["fail", "skip", "replace"];

/** Adds the commands to the program. */
export function addTransferCommands(program: Command): void {
  const existing = (): Option =>
    new Option("--existing <what>", "where a znode is there already").choices(EXISTING).default("fail");
  const hosts = "--zookeeper <hosts>";
  withReach(
    program
      .command("export")
      .summary("write znodes to a file")
      .description(
        "Write znodes to a file, a line of JSON each. Ephemerals are left out: they go with their sessions.",
      )
      .argument("<file>", "it must not be there yet; .gz is compressed")
      .option("--path <path>", "this one and all below it", "/")
      .option(hosts, "host:port,host:port of a ZooKeeper to export from instead"),
  ).action(exportZnodes);
  withReach(
    program
      .command("import")
      .summary("create znodes from a file, or from a ZooKeeper")
      .description(
        "Create znodes from a file of export, from a running ZooKeeper, or from its snapshot file.",
      )
      .argument("[file]", "of edgekeeper export or backup")
      .option(hosts, "host:port,host:port of a ZooKeeper to import from")
      .option("--snapshot <file>", "a snapshot file of ZooKeeper's")
      .option("--path <path>", "this one and all below it, of what there is", "/")
      .option("--into <path>", "where they are to stand instead of --path; all above it must be there")
      .addOption(existing()),
  ).action(importZnodes);
  withReach(
    program
      .command("backup")
      .summary("write the whole tree to a file")
      .description(
        "Write the whole tree to a file with a checksum: znode by znode, not of one moment, without ephemerals.",
      )
      .argument("<file>", "it must not be there yet; .gz is compressed"),
  ).action(
    async (file: string, options: ReachOptions) => await exportZnodes(file, { ...options, path: "/" }),
  );
  withReach(
    program
      .command("restore")
      .summary("create the tree of a backup")
      .description(
        "Create the tree of a backup in an ensemble of any size. Refused where fencing tokens would fall below those " +
          "that the backed up one had issued.",
      )
      .argument("<file>", "of edgekeeper backup")
      .addOption(existing()),
  ).action(restore);
}

async function exportZnodes(file: string, { zookeeper, path, ...options }: ExportOptions): Promise<void> {
  checkedPath(path);
  const client = await sourceOf(zookeeper, options);
  try {
    await client.sync(path);
    const header = { root: path, zxid: zxidText(client.lastZxid) };
    const znodes = counted(walk(client, path), new Progress("znodes"));
    const count = await writeZnodes(file, header, znodes).catch(explainFile);
    new Output(options).print({ file, znodes: count, zxid: header.zxid }, `${count} znodes in ${file}`);
  } finally {
    await client.close();
  }
}

async function importZnodes(file: string | undefined, options: ImportOptions): Promise<void> {
  const given = [file, options.zookeeper, options.snapshot].filter((one) => one !== undefined);
  if (given.length !== 1) throw usageError("say a file, --zookeeper or --snapshot: one of them");
  checkedPath(options.path);
  if (options.into !== undefined) checkedPath(options.into);
  if (file !== undefined) await importFile(file, options);
  else if (options.snapshot !== undefined) {
    const { znodes } = await readSnapshot(options.snapshot);
    await put(each(znodes), { ...options, from: options.path, total: undefined });
  } else {
    const source = await zooKeeperSession(options.zookeeper ?? "");
    try {
      await put(walk(source, options.path), { ...options, from: options.path, total: undefined });
    } finally {
      await source.close();
    }
  }
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const { root, znodes } = await checkZnodes(file);
  const from = options.path === "/" ? root : options.path;
  await put(readZnodes(file), { ...options, into: options.into ?? from, from, total: znodes });
}

async function restore(file: string, options: ReachOptions & { readonly existing: Existing }): Promise<void> {
  const { zxid, znodes } = await checkZnodes(file);
  await put(readZnodes(file), { ...options, from: "/", into: "/", total: znodes, above: zxid });
}

/** Puts those that are at or below `from`; with `above` only into an ensemble whose zxids are larger. */
async function put(
  znodes: AsyncIterable<CopiedZnode>,
  options: ReachOptions & {
    readonly existing: Existing;
    readonly from: string;
    readonly into?: string | undefined;
    readonly total: number | undefined;
    readonly above?: string;
  },
): Promise<void> {
  const { existing, from, into = from, total, above } = options;
  const client = await (await Reach.of(options)).session();
  try {
    await client.sync("/");
    if (above !== undefined && zxidText(client.lastZxid) <= above) {
      throw new ProgramError(
        `the ensemble is at zxid ${zxidText(client.lastZxid)}, and the backup was made at ${above}: fencing tokens ` +
          "would fall. Start the ensemble anew, which begins above the present minute, and restore into that",
        { code: "tokens-would-fall" },
      );
    }
    const target = new ZnodeTarget(client, existing);
    const isWanted = (path: string): boolean => from === "/" || path === from || path.startsWith(`${from}/`);
    for await (const znode of counted(znodes, new Progress("znodes", total))) {
      if (isWanted(znode.path)) await target.put({ ...znode, path: movedPath(znode.path, from, into) });
    }
    await target.flush();
    const { created, replaced, skipped } = target.counts;
    new Output(options).print({ ...target.counts, into }, [
      `${created} znodes created, ${replaced} were there and are the same now, ${skipped} left as they were`,
    ]);
  } finally {
    await client.close();
  }
}

async function sourceOf(zookeeper: string | undefined, options: ReachOptions): Promise<Client> {
  return zookeeper === undefined
    ? await (await Reach.of(options)).session()
    : await zooKeeperSession(zookeeper);
}

function checkedPath(path: string): void {
  const problem = pathProblem(path);
  if (problem !== undefined) throw usageError(`"${path}": ${problem}`);
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}

function explainFile(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EEXIST") throw new ProgramError(`${String(error)}: choose another name`, { cause: error });
  if (code === "ENOENT" || code === "EACCES" || code === "ENOSPC")
    throw new ProgramError(String(error), { cause: error });
  throw error;
}
