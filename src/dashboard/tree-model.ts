/** What of the tree is loaded and unfolded: pages of children come as they are looked at. */
import { type Signal, signal } from "@preact/signals";

import { type ApiError, asApiError, pathInUrl } from "./api.ts";
import type { Desk } from "./desk.ts";
import type { ChildrenDocument, PastChildrenDocument } from "./documents.ts";
import { type Children, TreeRows } from "./tree-rows.ts";
import { childPath, lastName, parentPath, pathsAbove } from "./znode-paths.ts";

/** The first page is short, so that something stands there soon. */
const FIRST_PAGE = 500;

/** Those behind it, and, where somebody looks far ahead, all that the API gives at a time. */
const PAGE = 2000;
const PAGE_MAX = 10_000;

/** A list of no more than this is read again where it has changed; a longer one says that it has. */
const REREAD_MAX = 2000;

/** Of so many it is looked at once what they have to unfold. */
const PEEKED_MAX = 20;

/** The children of one znode. */
interface Loaded extends Children {
  /** The last name that was told, shown or not: the next page begins behind it. */
  readonly after: string;
  readonly isLast: boolean;
  readonly etag: string;
  readonly isStale: boolean;
  /** Those of the first that have no children. */
  readonly leaves: ReadonlySet<string>;
  readonly error: ApiError | undefined;
}

/** What of it is shown. */
interface Shown {
  /** Which children are, by their names. */
  readonly isShown?: (name: string) => boolean;
  /** As of this zxid, in digits; undefined for now. */
  readonly asOf?: string | undefined;
}

/** See the file's comment. */
export class TreeModel {
  readonly rows: Signal<TreeRows>;
  readonly #desk: Desk;
  readonly #roots: readonly string[];
  readonly #isShown: (name: string) => boolean;
  readonly #asOf: string;
  readonly #lists = new Map<string, Loaded>();
  readonly #unfolded = new Set<string>();
  readonly #loading = new Map<string, Promise<void>>();

  /** Nothing is loaded yet. */
  constructor(desk: Desk, roots: readonly string[], { isShown = () => true, asOf }: Shown = {}) {
    this.#desk = desk;
    this.#roots = roots;
    this.#isShown = isShown;
    this.#asOf = asOf === undefined ? "" : `&asOf=${asOf}`;
    this.rows = signal(this.#made());
  }

  /** Whether its children are shown. */
  isUnfolded(path: string): boolean {
    return this.#unfolded.has(path);
  }

  /** What is known of its children; undefined before they were asked for. */
  known(path: string): Loaded | undefined {
    return this.#lists.get(path);
  }

  /** Whether it has nothing to unfold, as far as that is known. */
  isLeaf(path: string): boolean {
    const own = this.#lists.get(path);
    if (own !== undefined) return own.isLast && own.total === 0 && own.error === undefined;
    return this.#lists.get(parentPath(path))?.leaves.has(lastName(path)) === true;
  }

  /** Looks what the first children of a znode have to unfold, where not all of that is shown. */
  async peek(path: string): Promise<void> {
    const list = this.#lists.get(path);
    const unknown = list?.names.slice(0, PEEKED_MAX).filter((name) => !list.leaves.has(name)) ?? [];
    for (const name of unknown) await this.#load(childPath(path, name), FIRST_PAGE);
  }

  /** Shows its children. */
  async unfold(path: string): Promise<void> {
    this.#unfolded.add(path);
    this.#redraw();
    if (this.#lists.get(path) === undefined) await this.#load(path, FIRST_PAGE);
  }

  /** Hides them. */
  fold(path: string): void {
    this.#unfolded.delete(path);
    this.#redraw();
  }

  /** Unfolds all above a path, so that it is shown: its siblings are loaded up to it. */
  async reveal(path: string): Promise<void> {
    const root = this.#roots.find((one) => one === path || path.startsWith(one === "/" ? "/" : `${one}/`));
    if (root === undefined || root === path) return;
    for (const above of pathsAbove(path)) {
      if (above.length < root.length) continue;
      await this.unfold(above);
    }
    const name = lastName(path);
    for (;;) {
      const list = this.#lists.get(parentPath(path));
      const last = list?.names.at(-1);
      if (list === undefined || list.isLast || list.error !== undefined || (last ?? "") >= name) return;
      await this.#load(parentPath(path), PAGE_MAX);
    }
  }

  /** Loads until the child of that number is there. */
  async reach(path: string, at: number): Promise<void> {
    for (;;) {
      const list = this.#lists.get(path);
      if (list === undefined || list.isLast || list.error !== undefined || list.names.length > at) return;
      await this.#load(path, at - list.names.length > PAGE ? PAGE_MAX : PAGE);
    }
  }

  /** Reads the children of a znode again, as many as were there. */
  async reload(path: string): Promise<void> {
    const known = this.#lists.get(path);
    if (known === undefined) return;
    const count = Math.max(FIRST_PAGE, known.names.length);
    let fresh: Loaded = EMPTY;
    while (!fresh.isLast && fresh.error === undefined && fresh.names.length < count) {
      fresh = await this.#page(path, fresh, Math.min(PAGE_MAX, count));
    }
    this.#lists.set(path, fresh);
    this.#redraw();
  }

  /** Looks whether the children have changed: of the lists that are unfolded. */
  async refresh(): Promise<void> {
    // What is over stays as it was.
    if (this.#asOf !== "") return;
    for (const path of this.#unfolded) {
      const known = this.#lists.get(path);
      if (known === undefined || known.isStale) continue;
      if (known.error !== undefined || (await this.#hasChanged(path, known.etag))) {
        if (known.names.length <= REREAD_MAX) await this.reload(path);
        else this.#set(path, { ...known, isStale: true });
      }
    }
  }

  async #hasChanged(path: string, etag: string): Promise<boolean> {
    const url = this.#desk.path(`/nodes${pathInUrl(path)}?children&counts&limit=${FIRST_PAGE}`);
    try {
      const { status } = await this.#desk.api.ask("GET", url, { headers: { "if-none-match": etag } });
      return status !== 304;
    } catch (error) {
      // It is gone, or nobody answers: the first is a change, the second is told by the page's own status.
      return asApiError(error).status === 404;
    }
  }

  async #load(path: string, limit: number): Promise<void> {
    const underWay = this.#loading.get(path);
    if (underWay !== undefined) return await underWay;
    const known = this.#lists.get(path) ?? EMPTY;
    const work = this.#page(path, known, limit).then((list) => this.#set(path, list));
    this.#loading.set(path, work);
    await work.finally(() => this.#loading.delete(path));
  }

  async #page(path: string, known: Loaded, limit: number): Promise<Loaded> {
    // Of the first page alone: only there an arrow is worth a look at each of them.
    const counted = known.after === "" && this.#asOf === "" ? "&counts" : "";
    const behind = known.after === "" ? "" : `&after=${encodeURIComponent(known.after)}`;
    const url = this.#desk.path(
      `/nodes${pathInUrl(path)}?children${counted}&limit=${limit}${behind}${this.#asOf}`,
    );
    try {
      const { value, headers } = await this.#desk.api.ask<ChildrenDocument | PastChildrenDocument>(
        "GET",
        url,
      );
      const children = value?.children ?? [];
      const names = [...known.names, ...children.filter(this.#isShown)];
      const isLast = (value?.next ?? null) === null;
      const total = isLast ? names.length : (value?.stat.numChildren ?? names.length);
      const etag = known.etag === "" ? (headers.get("etag") ?? "") : known.etag;
      const counts = value !== undefined && "counts" in value ? (value.counts ?? []) : [];
      const leaves = counted === "" ? known.leaves : new Set(children.filter((_, at) => counts[at] === 0));
      const after = children.at(-1) ?? known.after;
      return { names, total, isLast, etag, after, leaves, isStale: false, error: undefined };
    } catch (error) {
      return { ...known, total: known.names.length, isLast: true, error: asApiError(error) };
    }
  }

  #set(path: string, list: Loaded): void {
    this.#lists.set(path, list);
    this.#redraw();
  }

  #redraw(): void {
    this.rows.value = this.#made();
  }

  #made(): TreeRows {
    return new TreeRows(this.#roots, this.#unfolded, (path) => this.#lists.get(path));
  }
}

const EMPTY: Loaded = {
  names: [],
  total: 0,
  isLast: false,
  etag: "",
  after: "",
  leaves: new Set(),
  isStale: false,
  error: undefined,
};
