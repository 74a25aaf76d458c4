/**
 * Keeps a part of an ensemble the same as that of a running ZooKeeper. Every change is told by a recursive watch, and
 * what it tells of is read and made the same: so it does not matter how many changes are told as one, or what came
 * first.
 *
 * What is never told is found by comparing all of it, now and then and in the end: ZooKeeper tells nobody of a changed
 * access control list. What no client can see cannot be mirrored: containers and TTL znodes look like others. They go
 * here when they go there; those that stand here already stay what they are.
 */
import { childOf, parentOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import {
  EdgekeeperError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
} from "../../client/errors.ts";
import { ProgramError } from "../exit-code.ts";
import { type CopiedZnode, isEphemeral, isOwn, sameAcl, sameData } from "./copied-znode.ts";
import { pipelined, pipelinedFrom } from "./pipelined.ts";
import { createTogether, ZnodeBatch } from "./znode-batch.ts";
import { readCopied, READS_MAX } from "./znode-source.ts";

/** Paths that are made the same at a time, each for itself. */
const PATHS_MAX = 64;

/** Changes under way while all is compared, each of one znode, or a transaction that creates some of them. */
const CHANGES_MAX = 32;

/** How often a path is tried whose connection is lost: each waits for the next one. */
const ATTEMPTS_MAX = 10;

/** After all has been compared a last time, changes are followed so often: without writers the first is the last. */
const LAST_ROUNDS_MAX = 20;

/** Who follows whom. */
export interface MirrorParts {
  readonly source: Client;
  readonly target: Client;
  readonly root: string;
}

/** When nothing is left to do. */
export interface Same {
  /** Znodes that were changed since it was told last. */
  readonly changed: number;
  /** What could not be made the same, as an ephemeral of a client here has the name, or is its parent. */
  readonly blocked: readonly string[];
}

/** How it goes on. */
export interface MirrorOptions {
  /** Fires when it is to end, after all has been compared once more. */
  readonly signal: AbortSignal;
  /** All is compared when so long nothing was; 0 for never but at both ends. */
  readonly compareMs: number;
  readonly onSame: (same: Same) => void;
  /** All was compared, and what was different is the same; so many paths have changed meanwhile. */
  readonly onCompared: (waiting: number) => void;
  /** Another znode was looked at in comparing. */
  readonly onLook: () => void;
}

/** See the file's comment. It lives as long as both sessions do. */
export class Mirror {
  readonly #source: Client;
  readonly #target: Client;
  readonly #root: string;
  /** What may differ. */
  #dirty = new Set<string>();
  /** Of these all that is below may differ as well. */
  #dirtyTrees = new Set<string>();
  /** How often a path's connection was lost. */
  readonly #attempts = new Map<string, number>();
  /** What was set, to whatever: a TTL znode's time begins anew with that, and nobody sees which one is a TTL znode. */
  readonly #set = new Set<string>();
  readonly #blocked = new Set<string>();
  #wake: () => void = () => undefined;

  constructor({ source, target, root }: MirrorParts) {
    this.#source = source;
    this.#target = target;
    this.#root = root;
  }

  /** Goes on until the signal fires. Throws what ended a session of it, and what no new attempt will mend. */
  async follow({ signal, compareMs, onSame, onCompared, onLook }: MirrorOptions): Promise<void> {
    await this.#source.addWatch(this.#root, (event) => this.#onEvent(event), { recursive: true });
    for (const one of [signal, this.#source.ended, this.#target.ended]) {
      one.addEventListener("abort", () => this.#wake(), { once: true });
    }
    await this.#makeParents();
    this.#compareAll();
    let comparedAtMs = performance.now();
    let roundsLeft = LAST_ROUNDS_MAX;
    let isLast = false;
    for (let changed = 0; ;) {
      this.#source.ended.throwIfAborted();
      this.#target.ended.throwIfAborted();
      if (signal.aborted && !isLast) {
        isLast = true;
        this.#compareAll();
      }
      if (this.#dirtyTrees.size > 0) {
        changed += await this.#mendTrees(onLook);
        if (this.#dirtyTrees.size > 0) continue;
        comparedAtMs = performance.now();
        onCompared(this.#dirty.size);
      } else if (!isLast && compareMs > 0 && performance.now() - comparedAtMs >= compareMs) {
        this.#compareAll();
      } else if (this.#dirty.size > 0) {
        if (isLast && roundsLeft-- === 0) throw stillWritten(this.#root, this.#dirty.size);
        changed += await this.#mendPaths();
      } else {
        this.#attempts.clear();
        onSame({ changed, blocked: [...this.#blocked] });
        if (isLast) return;
        changed = 0;
        const leftMs = compareMs === 0 ? undefined : compareMs - (performance.now() - comparedAtMs);
        await this.#untilWoken(signal, leftMs);
      }
    }
  }

  #compareAll(): void {
    this.#blocked.clear();
    this.#dirtyTrees.add(this.#root);
  }

  /** Until something may differ, the signal fires, a session is over, or the time is. */
  async #untilWoken(signal: AbortSignal, leftMs: number | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (leftMs !== undefined) timer = setTimeout(resolve, Math.max(leftMs, 0));
      const isOver = this.#source.ended.aborted || this.#target.ended.aborted;
      if (signal.aborted || isOver || this.#dirty.size + this.#dirtyTrees.size > 0) resolve();
    });
    clearTimeout(timer);
  }

  #onEvent({ type, path }: { readonly type: string; readonly path: string }): void {
    if (type === "resync") this.#dirtyTrees.add(path === "" ? this.#root : path);
    else if (type === "created" || type === "dataChanged" || type === "deleted") this.#dirty.add(path);
    if (type === "dataChanged") this.#set.add(path);
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
      const level = paths.filter((path) => depthOf(path) === depth);
      changed += (await this.#mendAll(level, this.#dirty)).changed;
    }
    return changed;
  }

  async #mendTrees(onLook: () => void): Promise<number> {
    let level: readonly string[] = [...this.#dirtyTrees];
    this.#dirtyTrees = new Set();
    let changed = 0;
    while (level.length > 0) {
      const mended = await this.#mendAll(level, this.#dirtyTrees, onLook);
      changed += mended.changed;
      level = mended.children;
    }
    return changed;
  }

  /**
   * Looks at all of them, some at a time, and makes them the same: what is not here yet goes in transactions. What
   * comes to nothing as its connection is lost goes to `again`.
   */
  async #mendAll(
    paths: readonly string[],
    again: Set<string>,
    onLook: () => void = () => undefined,
  ): Promise<Mended> {
    const children: string[] = [];
    let changed = 0;
    const isHurried = paths.length < READS_MAX;
    const look = async (path: string): Promise<Look | undefined> => {
      const seen = await this.#tryTo(path, again, async () => await this.#look(path, isHurried));
      onLook();
      return seen;
    };
    const looks = pipelined(paths, { countMax: READS_MAX, work: look });
    const work = async (change: Change): Promise<Mended> => await this.#change(change, again);
    for await (const mended of pipelinedFrom(changesOf(looks), { countMax: CHANGES_MAX, work })) {
      changed += mended.changed;
      for (const child of mended.children) children.push(child);
    }
    return { changed, children };
  }

  /** undefined where it comes to nothing, and is to be tried again. */
  async #tryTo<Result>(
    path: string,
    again: Set<string>,
    act: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await act();
    } catch (error) {
      const attempts = (this.#attempts.get(path) ?? 0) + 1;
      this.#attempts.set(path, attempts);
      const isOver = this.#source.ended.aborted || this.#target.ended.aborted;
      const isAgain = error instanceof EdgekeeperError && error.isRetryable && attempts < ATTEMPTS_MAX;
      // The next attempt waits for a connection.
      if (isOver || !isAgain) throw error;
      again.add(path);
      return undefined;
    }
  }

  async #look(path: string, isHurried = true): Promise<Look> {
    if (isOwn(path)) return { path, there: undefined, here: undefined, children: [] };
    const sides = [this.#source, this.#target];
    const [there, here] = await Promise.all(
      sides.map(async (side) => await readCopied(side, path, isHurried)),
    );
    // What is gone there takes with it what is below it here.
    const names = there === undefined ? [] : [...there.children, ...(here?.children ?? [])];
    const children = [...new Set(names)].map((name) => childOf(path, name)).filter((child) => !isOwn(child));
    return { path, there: there?.znode, here: here?.znode, children };
  }

  async #change(change: Change, again: Set<string>): Promise<Mended> {
    if (change.kind === "one") {
      const { look } = change;
      return (await this.#tryTo(look.path, again, async () => await this.#mend(look))) ?? NOTHING;
    }
    const { creates, children } = change;
    if (await this.#createAll(creates)) return { changed: creates.length, children };
    // One of them is in the way of all: each for itself, as it is by now.
    const work = async ({ path }: CopiedZnode): Promise<Mended | undefined> =>
      await this.#tryTo(path, again, async () => await this.#mend(await this.#look(path)));
    let changed = 0;
    for await (const mended of pipelined(creates, { countMax: PATHS_MAX, work })) {
      changed += mended?.changed ?? 0;
    }
    return { changed, children };
  }

  /** Whether all of them were made; none were where it was refused. */
  async #createAll(creates: readonly CopiedZnode[]): Promise<boolean> {
    const sets = creates.filter(({ path }) => this.#set.delete(path));
    try {
      await createTogether(this.#target, creates);
      return true;
    } catch (error) {
      for (const { path } of sets) this.#set.add(path);
      if (!(error instanceof EdgekeeperError) || this.#target.ended.aborted) throw error;
      // Each of them is looked at anew: what is wrong with one is told then.
      return false;
    }
  }

  /** Makes one znode the same; its children are those of both sides. */
  async #mend({ path, there, here, children }: Look): Promise<Mended> {
    if (isOwn(path)) return NOTHING;
    if (there === undefined) return { changed: await this.#remove(path), children };
    return { changed: await this.#same(there, here), children };
  }

  /** Gives 1 where something was done. */
  async #same(wanted: CopiedZnode, here: CopiedZnode | undefined): Promise<number> {
    const { path, data, acl, mode, ttlMs } = wanted;
    const wasSet = this.#set.delete(path);
    try {
      if (here === undefined) {
        await this.#target.create(path, data, { mode, acl, ttlMs });
        return 1;
      }
      const [isSameData, isSameAcl] = [sameData(here.data, data), sameAcl(here.acl, acl)];
      if (!isSameData || wasSet) await this.#target.set(path, data);
      if (!isSameAcl) await this.#target.setAcl(path, acl);
      return isSameData && isSameAcl ? 0 : 1;
    } catch (error) {
      if (wasSet) this.#set.add(path);
      if (error instanceof NoNodeError && this.#blocked.has(parentOf(path))) {
        this.#blocked.add(path);
        return 0;
      }
      if (error instanceof NoNodeError) {
        // It has just gone here, or its parent has: a container that stood empty for a moment.
        this.#lookAgain(path);
        this.#lookAgain(parentOf(path));
        return 0;
      }
      const isInTheWay = error instanceof NodeExistsError || error instanceof NoChildrenForEphemeralsError;
      if (!isInTheWay) throw error;
      await this.#standAside(path);
      return 0;
    }
  }

  /** Something else has come there: an ephemeral, which stays, or what the next look makes the same. */
  async #standAside(path: string): Promise<void> {
    const stats = await Promise.all([path, parentOf(path)].map((one) => this.#target.exists(one)));
    if (stats.some((stat) => stat !== undefined && isEphemeral(stat))) {
      this.#blocked.add(path);
    } else this.#lookAgain(path);
  }

  #lookAgain(path: string): void {
    const isInside = this.#root === "/" || path === this.#root || path.startsWith(`${this.#root}/`);
    if (isInside) this.#dirty.add(path);
  }

  async #remove(path: string): Promise<number> {
    this.#set.delete(path);
    const stat = await this.#target.exists(path);
    // What goes with a session here is not of the other's making.
    if (stat === undefined || path === "/" || isEphemeral(stat)) return 0;
    try {
      await this.#target.delete(path, { recursive: true });
      return 1;
    } catch (error) {
      // Gone by itself.
      if (error instanceof NoNodeError) return 0;
      if (!(error instanceof NotEmptyError)) throw error;
      // Something has come below it meanwhile.
      this.#lookAgain(path);
      return 0;
    }
  }
}

function stillWritten(root: string, waiting: number): ProgramError {
  return new ProgramError(
    `${root} is still written to there: ${waiting} changes wait, and both sides are not the same. Stop the writers, ` +
      "run it once more, and end it when it says that they are",
    { code: "still-written" },
  );
}

/** What was seen of a path on both sides. */
interface Look {
  readonly path: string;
  /** undefined where nothing is to be copied: it is gone, or goes with a session. */
  readonly there: CopiedZnode | undefined;
  readonly here: CopiedZnode | undefined;
  /** The paths of both sides' children; none where it is gone there. */
  readonly children: readonly string[];
}

/** What is done at a time. */
type Change =
  | { readonly kind: "one"; readonly look: Look }
  | {
      readonly kind: "creates";
      readonly creates: readonly CopiedZnode[];
      readonly children: readonly string[];
    };

/** What is there and not here is gathered; none of them is below another. */
async function* changesOf(looks: AsyncIterable<Look | undefined>): AsyncGenerator<Change, void> {
  const batch = new ZnodeBatch();
  let children: string[] = [];
  const gathered = (creates: readonly CopiedZnode[]): Change => {
    const change = { kind: "creates", creates, children } as const;
    children = [];
    return change;
  };
  for await (const look of looks) {
    if (look?.there !== undefined && look.here === undefined) {
      const before = batch.add(look.there);
      if (before.length > 0) yield gathered(before);
      for (const child of look.children) children.push(child);
    } else if (look !== undefined) yield { kind: "one", look };
  }
  const left = batch.take();
  if (left.length > 0) yield gathered(left);
}

/** What became of some znodes. */
interface Mended {
  readonly changed: number;
  readonly children: readonly string[];
}

const NOTHING: Mended = { changed: 0, children: [] };

function depthOf(path: string): number {
  return path.split("/").length;
}
