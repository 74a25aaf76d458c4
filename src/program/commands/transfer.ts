/** `edgekeeper export` and `import`: znodes to a file and from one, or from a ZooKeeper. */
import { stat } from "node:fs/promises";

import { type Command, Option } from "commander";

import { pathProblem } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NoNodeError } from "../../client/errors.ts";
import { zxidText } from "../../client/znode.ts";
import { usageError } from "../exit-code.ts";
import { Output } from "../output.ts";
import { counted, Progress } from "../progress.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { zooKeeperSession } from "../zookeeper-session.ts";
import type { CopiedZnode } from "../transfer/copied-znode.ts";
import { EXISTING, put } from "../transfer/put-znodes.ts";
import { znodesOfFile } from "../transfer/snapshot-file.ts";
import { treeOfMoment } from "../transfer/snapshot-command.ts";
import { parentsFirst, readZooKeeperData } from "../transfer/zookeeper-data.ts";
import { checkZnodes, explainFile, readZnodes, writeZnodes } from "../transfer/znode-file.ts";
import { walk } from "../transfer/znode-source.ts";
import type { Existing } from "../transfer/znode-target.ts";
import { zxidShort } from "../znode-text.ts";

interface ExportOptions extends ReachOptions {
  readonly path: string;
  readonly moment?: boolean | undefined;
  readonly zookeeper?: string | undefined;
}

interface ImportOptions extends ReachOptions {
  readonly zookeeper?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly log?: string | undefined;
  readonly path: string;
  readonly into?: string | undefined;
  readonly existing: Existing;
}

/** Adds the commands to the program. */
export function addTransferCommands(program: Command): void {
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
      .option("--moment", "of one moment, with TTLs and containers, which takes the right to do everything")
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
      .option("--snapshot <at>", "version-2 of a ZooKeeper: newest snapshot and log; or one snapshot file")
      .option("--log <directory>", "version-2 of its dataLogDir, where that is another than dataDir")
      .option("--path <path>", "this one and all below it, of what there is", "/")
      .option("--into <path>", "where they are to stand instead of --path; all above it must be there")
      .addOption(
        new Option("--existing <what>", "where a znode is there already").choices(EXISTING).default("fail"),
      ),
  ).action(importZnodes);
}

async function exportZnodes(file: string, asked: ExportOptions): Promise<void> {
  const { zookeeper, path, moment = false, ...options } = asked;
  checkedPath(path);
  if (moment && zookeeper !== undefined)
    throw usageError("--moment is for an ensemble of Edgekeeper: leave out --zookeeper");
  if (moment) return await exportMoment(file, path, options);
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

/** A part of what a backup has. */
async function exportMoment(file: string, root: string, options: ReachOptions): Promise<void> {
  const { zxid, znodes } = await treeOfMoment(await Reach.of(options), undefined);
  const wanted = counted(atOrBelow(root, znodes), new Progress("znodes"));
  const count = await writeZnodes(file, { root, zxid, exact: true }, wanted).catch(explainFile);
  new Output(options).print(
    { file, znodes: count, zxid },
    `${count} znodes in ${file}, as of zxid ${zxidShort(BigInt(zxid))}`,
  );
}

/** Throws where the first is missing, so that no empty file is taken for a whole one. */
async function* atOrBelow(
  root: string,
  znodes: AsyncIterable<CopiedZnode>,
): AsyncGenerator<CopiedZnode, void> {
  let isThere = false;
  for await (const znode of znodes) {
    const isWanted = root === "/" || znode.path === root || znode.path.startsWith(`${root}/`);
    if (isWanted) yield znode;
    isThere ||= isWanted;
  }
  if (!isThere) throw new NoNodeError({ path: root });
}

async function importZnodes(file: string | undefined, options: ImportOptions): Promise<void> {
  const given = [file, options.zookeeper, options.snapshot].filter((one) => one !== undefined);
  if (given.length !== 1) throw usageError("say a file, --zookeeper or --snapshot: one of them");
  checkedPath(options.path);
  if (options.into !== undefined) checkedPath(options.into);
  if (file !== undefined) await importFile(file, options);
  else if (options.snapshot !== undefined) await importSnapshot(options.snapshot, options);
  else {
    const source = await zooKeeperSession(options.zookeeper ?? "");
    try {
      await put(walk(source, options.path), { ...options, from: options.path, total: undefined });
    } finally {
      await source.close();
    }
  }
}

/** Of a directory the log is done again as well: then it is what the server would show, and not fuzzy. */
async function importSnapshot(at: string, options: ImportOptions): Promise<void> {
  if (await isDirectory(at)) {
    const { znodes, snapshot, passedOver, txns } = await readZooKeeperData(at, options.log);
    const output = new Output(options);
    for (const line of passedOver) output.note(line);
    output.note(`${snapshot}, and ${txns} transactions of the log behind it`);
    return await put(each(znodes), { ...options, from: options.path, total: znodes.length });
  }
  if (options.log !== undefined) throw usageError("--log is for a directory as --snapshot");
  const znodes: CopiedZnode[] = [];
  for await (const znode of znodesOfFile(at)) znodes.push(znode);
  await put(each(parentsFirst(znodes)), { ...options, from: options.path, total: znodes.length });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw usageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const { root, znodes } = await checkZnodes(file);
  const from = options.path === "/" ? root : options.path;
  await put(readZnodes(file), { ...options, into: options.into ?? from, from, total: znodes });
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
