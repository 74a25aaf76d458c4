/** How often servers sync a file: a library that is preloaded into them counts. It needs Linux and gcc. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const COUNT_BYTES = 8;

/** Counts for one ensemble. */
export class SyncCount {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws where gcc is missing. */
  static async make(): Promise<SyncCount> {
    const directory = await mkdtemp(join(tmpdir(), "bench-syncs-"));
    const source = join(import.meta.dirname, "sync-count.c");
    const library = join(directory, "sync-count.so");
    await promisify(execFile)("gcc", ["-shared", "-fPIC", "-O2", "-o", library, source]);
    await writeFile(join(directory, "count"), new Uint8Array(COUNT_BYTES));
    return new SyncCount(directory);
  }

  /** What the servers are to be started with. */
  get environment(): Readonly<Record<string, string>> {
    const [library, count] = [join(this.#directory, "sync-count.so"), join(this.#directory, "count")];
    return { LD_PRELOAD: library, SYNC_COUNT_FILE: count };
  }

  /** Syncs so far. */
  async read(): Promise<number> {
    return Number((await readFile(join(this.#directory, "count"))).readBigUInt64LE());
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
