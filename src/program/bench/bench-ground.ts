/** The znode that a measurement works below: it is made for that, and goes with all that is below it. */
import { childOf } from "../../base/path.ts";
import { NodeExistsError, NoNodeError, NotEmptyError } from "../../client/errors.ts";
import { ProgramError } from "../exit-code.ts";
import { Progress } from "../progress.ts";
import type { BenchClient } from "./bench-client.ts";

/** Deletes in one transaction, and creates at once. */
const TOGETHER = 100;

/** What the znode holds, for whoever finds it. */
const NOTE = new TextEncoder().encode("of edgekeeper bench, which deletes it at its end");

/** See the file's comment. */
export class BenchGround {
  readonly root: string;
  #isClaimed = false;

  constructor(root: string) {
    this.root = root;
  }

  /** Whether it was made, and is to be deleted. */
  get isClaimed(): boolean {
    return this.#isClaimed;
  }

  /** A znode that is set and read. */
  valuePath(index: number): string {
    return `${this.root}/values/v${index}`;
  }

  /** Where one lane creates: a list of children must fit into a reply, so each parent gets so many and no more. */
  creationParent(lane: number, block: number): string {
    return `${this.root}/created-${lane}-${block}`;
  }

  /** The lock of one lane. */
  lockPath(lane: number): string {
    return `${this.root}/locks/l${lane}`;
  }

  /** Makes it, with the znodes that are set and read. Throws ProgramError where something is there already. */
  async claim(
    client: BenchClient,
    { znodes, data }: { readonly znodes: number; readonly data: Uint8Array },
  ): Promise<void> {
    try {
      await client.create(this.root, NOTE);
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
      throw new ProgramError(
        `${this.root} is there already, and bench writes over nothing: give another --path, or where an earlier ` +
          `bench has left it, edgekeeper deleteall ${this.root}`,
        { code: error.code, cause: error },
      );
    }
    this.#isClaimed = true;
    for (const name of ["values", "locks"]) await client.create(childOf(this.root, name), new Uint8Array(0));
    for (let from = 0; from < znodes; from += TOGETHER) {
      const count = Math.min(TOGETHER, znodes - from);
      const paths = Array.from({ length: count }, (_, at) => this.valuePath(from + at));
      await Promise.all(paths.map(async (path) => await client.create(path, data)));
    }
  }

  /** Deletes it and all below it. Throws the SDK's errors. */
  async leave(client: BenchClient): Promise<void> {
    const progress = new Progress("deleted");
    try {
      await deleteAll(client, this.root, progress);
    } finally {
      progress.end();
    }
  }
}

/** What is gone already is what was wanted: containers go by themselves. */
async function deleteAll(client: BenchClient, path: string, progress: Progress): Promise<void> {
  try {
    const names = await client.children(path);
    for (let from = 0; from < names.length; from += TOGETHER) {
      const paths = names.slice(from, from + TOGETHER).map((name) => childOf(path, name));
      if (!(await isDeletedTogether(client, paths))) {
        for (const one of paths) await deleteAll(client, one, progress);
      }
      progress.add(paths.length);
    }
    await client.delete(path);
  } catch (error) {
    // It is gone.
    if (!(error instanceof NoNodeError)) throw error;
  }
}

/** False where one of them has children, or is gone: then nothing was done. */
async function isDeletedTogether(client: BenchClient, paths: readonly string[]): Promise<boolean> {
  try {
    await client.deleteTogether(paths);
    return true;
  } catch (error) {
    // They are looked at one by one then.
    if (error instanceof NotEmptyError || error instanceof NoNodeError) return false;
    throw error;
  }
}
