/**
 * `edgekeeper mirror`: keeps a part of the ensemble the same as that of a running ZooKeeper, until Ctrl-C: to move
 * there without downtime. Every change is told by a recursive watch, and what it tells of is read and made the same: so
 * it does not matter how many changes are told as one, or what came first.
 */
import type { Command } from "commander";

import { childOf, parentOf, pathProblem } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NoNodeError, NodeExistsError, NotEmptyError } from "../../client/errors.ts";
import { usageError } from "../exit-code.ts";
import { interruption } from "../interruption.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { zooKeeperSession } from "../tcp-transport.ts";
import { type CopiedZnode, isOwn, modeOfOwner, sameAcl, sameData } from "../transfer/copied-znode.ts";
import { readCopied } from "../transfer/znode-source.ts";

const ABOUT =
  "Keep the ensemble the same as a running ZooKeeper (3.6 or later), until Ctrl-C: first all that is there, then " +
  "each change as it comes. Ephemerals stay where they are. What is below --path here and not there is deleted.";

interface MirrorOptions extends ReachOptions {
  readonly zookeeper: string;
  readonly path: string;
}

/** Paths that are made the same at a time. */
const PATHS_MAX = 64;

/** Adds the command to the program. */
export function addMirrorCommand(program: Command): void {
  const command = program
    .command("mirror")
    .summary("follow a running ZooKeeper")
    .description(ABOUT)
    .requiredOption("--zookeeper <hosts>", "host:port,host:port of the ZooKeeper to follow")
    .requiredOption("--path <path>", "what is mirrored: this znode and all below it");
  withReach(command).action(mirror);
}

async function mirror({ zookeeper, path, ...options }: MirrorOptions): Promise<void> {
  const problem = pathProblem(path);
  if (problem !== undefined) throw usageError(`"${path}": ${problem}`);
  const source = await zooKeeperSession(zookeeper);
  const target = await (await Reach.of(options)).session();
  const output = new Output(options);
  const ending = new AbortController();
  const stopped = interruption().then(() => ending.abort());
  try {
    const work = new Mirror({ source, target, root: path });
    await work.follow(ending.signal, (count) => {
      output.print(
        { event: "same", path, changed: count },
        `${path} is the same; ${count} znodes were changed`,
      );
    });
    await stopped;
  } finally {
    await target.close();
    await source.close();
  }
}

/** See the file's comment. */
class Mirror {
  readonly #source: Client;
  readonly #target: Client;
  readonly #root: string;
  /** What may differ. */
  #dirty = new Set<string>();
  /** Of these all that is below may differ as well. */
  #dirtyTrees = new Set<string>();
  #wake: () => void = () => undefined;

  constructor({
    source,
    target,
    root,
  }: {
    readonly source: Client;
    readonly target: Client;
    readonly root: string;
  }) {
    this.#source = source;
    this.#target = target;
    this.#root = root;
  }

  /** Goes on until the signal fires; tells whenever nothing is left to do. */
  async follow(signal: AbortSignal, onSame: (changed: number) => void): Promise<void> {
    await this.#source.addWatch(this.#root, (event) => this.#onEvent(event), { recursive: true });
    for (const one of [signal, this.#source.ended, this.#target.ended]) {
      one.addEventListener("abort", () => this.#wake(), { once: true });
    }
    await this.#makeParents();
    this.#dirtyTrees.add(this.#root);
    for (let changed = 0; !signal.aborted;) {
      this.#source.ended.throwIfAborted();
      this.#target.ended.throwIfAborted();
      if (this.#dirtyTrees.size > 0) changed += await this.#mendTrees();
      else if (this.#dirty.size > 0) changed += await this.#mendPaths();
      else {
        onSame(changed);
        changed = 0;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (signal.aborted || this.#dirty.size + this.#dirtyTrees.size > 0) resolve();
        });
      }
    }
  }

  #onEvent({ type, path }: { readonly type: string; readonly path: string }): void {
    if (type === "resync") this.#dirtyTrees.add(path === "" ? this.#root : path);
    else if (type === "created" || type === "dataChanged" || type === "deleted") this.#dirty.add(path);
    this.#wake();
  }

  async #makeParents(): Promise<void> {
    const parent = parentOf(this.#root);
    if (this.#root === "/" || parent === "/") return;
    try {
      await this.#target.create(parent, "", { parents: "persistent" });
    } catch (error) {
      // It is there, as it is to be.
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  async #mendPaths(): Promise<number> {
    const paths = [...this.#dirty];
    this.#dirty = new Set();
    const depths = [...new Set(paths.map(depthOf))].toSorted((a, b) => a - b);
    let changed = 0;
    // Parents first: what is created below one that is not there yet would fail.
    for (const depth of depths) {
      changed += (await this.#mendAll(paths.filter((path) => depthOf(path) === depth))).changed;
    }
    return changed;
  }

  async #mendTrees(): Promise<number> {
    let level: readonly string[] = [...this.#dirtyTrees];
    this.#dirtyTrees = new Set();
    let changed = 0;
    while (level.length > 0) {
      const mended = await this.#mendAll(level);
      changed += mended.changed;
      level = mended.children;
    }
    return changed;
  }

  async #mendAll(paths: readonly string[]): Promise<Mended> {
    const children: string[] = [];
    let changed = 0;
    for (let from = 0; from < paths.length; from += PATHS_MAX) {
      const batch = paths.slice(from, from + PATHS_MAX);
      for (const mended of await Promise.all(batch.map((path) => this.#mend(path)))) {
        changed += mended.changed;
        children.push(...mended.children);
      }
    }
    return { changed, children };
  }

  /** Makes one znode the same; its children are those of both sides. */
  async #mend(path: string): Promise<Mended> {
    if (isOwn(path)) return { changed: 0, children: [] };
    const [there, here] = await Promise.all([readCopied(this.#source, path), readCopied(this.#target, path)]);
    if (there === undefined) return { changed: await this.#remove(path), children: [] };
    const names = new Set([...there.children, ...(here?.children ?? [])]);
    const children = [...names].map((name) => childOf(path, name)).filter((child) => !isOwn(child));
    return { changed: await this.#same(there.znode, here?.znode), children };
  }

  /** Gives 1 where something was done. */
  async #same(wanted: CopiedZnode, here: CopiedZnode | undefined): Promise<number> {
    const { path, data, acl, mode, ttlMs } = wanted;
    try {
      if (here === undefined) {
        await this.#target.create(path, data, { mode, acl, ttlMs });
        return 1;
      }
      const [isSameData, isSameAcl] = [sameData(here.data, data), sameAcl(here.acl, acl)];
      if (!isSameData) await this.#target.set(path, data);
      if (!isSameAcl) await this.#target.setAcl(path, acl);
      return isSameData && isSameAcl ? 0 : 1;
    } catch (error) {
      // Its parent is on its way, or an ephemeral of this ensemble has its name; or it has just gone here.
      if (error instanceof NoNodeError || error instanceof NodeExistsError) return 0;
      throw error;
    }
  }

  async #remove(path: string): Promise<number> {
    const stat = await this.#target.exists(path);
    // What goes with a session here is not of the other's making.
    if (stat === undefined || path === "/" || modeOfOwner(stat.ephemeralOwner) === undefined) return 0;
    try {
      await this.#target.delete(path, { recursive: true });
      return 1;
    } catch (error) {
      // Gone by itself, or something has come below it meanwhile: the next look tells.
      if (error instanceof NoNodeError || error instanceof NotEmptyError) return 0;
      throw error;
    }
  }
}

/** What became of some znodes. */
interface Mended {
  readonly changed: number;
  readonly children: readonly string[];
}

function depthOf(path: string): number {
  return path.split("/").length;
}
