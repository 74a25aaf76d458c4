/** `edgekeeper watch`: tells what happens to a znode, or below it, until Ctrl-C. */
import type { Command } from "commander";

import { NoNodeError } from "../../client/errors.ts";
import type { Client } from "../../client/client.ts";
import { zxidText } from "../../client/znode.ts";
import { interruption } from "../interruption.ts";
import { wholeNumber } from "../option-values.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { dataText, znodeDocument } from "../znode-text.ts";

interface WatchOptions extends ReachOptions {
  readonly recursive?: boolean | undefined;
  readonly data?: boolean | undefined;
  readonly count?: number | undefined;
}

const ABOUT =
  "Tell what happens to a znode, there or not, until Ctrl-C. Nothing that lasts is missed over a lost connection, " +
  "but several changes may be told as one; 'resync' says that something below may have changed.";

/** Adds the command to the program. */
export function addWatchCommand(program: Command): void {
  const command = program
    .command("watch")
    .summary("tell what happens to a znode")
    .description(ABOUT)
    .argument("<path>", "the znode")
    .option("-R, --recursive", "and to all below it")
    .option("--data", "read it after each change, and show what it holds then")
    .option("--count <n>", "end after so many events", wholeNumber(1, 1_000_000_000));
  withReach(command).action(watch);
}

async function watch(path: string, options: WatchOptions): Promise<void> {
  const client = await (await Reach.of(options)).session();
  const output = new Output(options);
  const ending = new AbortController();
  const stop = interruption().then(() => ending.abort(new Error("interrupted")));
  let left = options.count ?? Number.POSITIVE_INFINITY;
  try {
    const events = await client.watch(path, { recursive: options.recursive === true, signal: ending.signal });
    output.note(`watching ${path}`);
    for await (const { type, path: where, zxid } of events) {
      const now = options.data === true && type !== "deleted" ? await present(client, where) : undefined;
      const document = { event: type, path: where, zxid: zxid === undefined ? null : zxidText(zxid) };
      output.print(now === undefined ? document : { ...document, now: znodeDocument(now) }, [
        `${type} ${where}${now === undefined ? "" : ` ${dataText(now.data)}`}`,
      ]);
      if (--left <= 0) break;
    }
  } catch (error) {
    // It was asked to end.
    if (!ending.signal.aborted) throw error;
    await stop;
  } finally {
    await client.close();
  }
}

async function present(
  client: Client,
  path: string,
): Promise<Awaited<ReturnType<Client["get"]>> | undefined> {
  try {
    return await client.get(path);
  } catch (error) {
    // It is gone again: that is the next event.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}
