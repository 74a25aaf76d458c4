/** Znodes put into an ensemble, where they are wanted and how that is shown. */
import type { Client } from "../../client/client.ts";
import { Output } from "../output.ts";
import { counted, Progress } from "../progress.ts";
import { Reach, type ReachOptions } from "../reach.ts";
import { type CopiedZnode, movedPath } from "./copied-znode.ts";
import { type Existing, ZnodeTarget } from "./znode-target.ts";

/** What --existing takes. */
export const EXISTING: readonly Existing[] = ["fail", "skip", "replace"];

/** Which of them, and where to. */
export interface PutOptions extends ReachOptions {
  readonly existing: Existing;
  /** Those at or below this path. */
  readonly from: string;
  /** Where that is to stand. */
  readonly into?: string | undefined;
  /** How many there are, where that is known. */
  readonly total: number | undefined;
  /** Asked before anything is put. Throws where it must not be. */
  readonly check?: (client: Client) => void;
}

/** Puts them, shows how far it is, and prints what became of them. */
export async function put(znodes: AsyncIterable<CopiedZnode>, options: PutOptions): Promise<void> {
  const { existing, from, into = from, total, check } = options;
  const client = await (await Reach.of(options)).session();
  try {
    await client.sync("/");
    check?.(client);
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
