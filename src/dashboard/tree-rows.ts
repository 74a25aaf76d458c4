/**
 * The rows of the tree as it is unfolded, of which there may be hundreds of thousands: only which stretch of whose
 * children stands where is kept, and a row is made when it is drawn. What is not loaded yet has its place all the same.
 */
import { childPath } from "./znode-paths.ts";

/** The children of one znode, as far as they are loaded. */
export interface Children {
  readonly names: readonly string[];
  /** How many there are in all, as of the latest page. */
  readonly total: number;
}

/** A stretch of rows. */
type Stretch =
  | { readonly kind: "root"; readonly path: string }
  | {
      readonly kind: "names";
      readonly parent: string;
      readonly names: readonly string[];
      readonly from: number;
      readonly total: number;
      readonly depth: number;
    }
  | { readonly kind: "gap"; readonly parent: string; readonly from: number; readonly depth: number };

/** A row. */
export type Row =
  | {
      readonly kind: "znode";
      readonly path: string;
      readonly name: string;
      readonly depth: number;
      /** Among its siblings, from 1 on, and how many these are. */
      readonly position: number;
      readonly siblings: number;
    }
  /** One that is not loaded: the child of that number, from 0 on. */
  | { readonly kind: "gap"; readonly parent: string; readonly at: number; readonly depth: number };

/** See the file's comment. */
export class TreeRows {
  readonly #stretches: Stretch[] = [];
  /** Of each stretch: the first row behind it. */
  readonly #ends: number[] = [];
  #count = 0;

  /** `unfolded` are the paths that show their children. */
  constructor(
    roots: readonly string[],
    unfolded: ReadonlySet<string>,
    childrenOf: (path: string) => Children | undefined,
  ) {
    const inner = [...unfolded];
    for (const root of roots) {
      this.#add({ kind: "root", path: root }, 1);
      if (unfolded.has(root)) this.#unfold({ parent: root, depth: 1 }, { inner, childrenOf });
    }
  }

  /** How many rows there are. */
  get count(): number {
    return this.#count;
  }

  /** The row at an index; undefined outside. */
  at(index: number): Row | undefined {
    if (index < 0 || index >= this.#count) return undefined;
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] ?? 0) > index) high = middle;
      else low = middle + 1;
    }
    const stretch = this.#stretches[low];
    const within = index - (this.#ends[low - 1] ?? 0);
    return stretch === undefined ? undefined : rowOf(stretch, within);
  }

  /** The index of a path's row; undefined where it is not shown. */
  indexOf(path: string): number | undefined {
    let start = 0;
    for (const [at, stretch] of this.#stretches.entries()) {
      if (stretch.kind === "root" && stretch.path === path) return start;
      if (stretch.kind === "names" && path.startsWith(childPath(stretch.parent, ""))) {
        const name = path.slice(childPath(stretch.parent, "").length);
        const count = (this.#ends[at] ?? 0) - start;
        const found = placeOf(stretch.names, name);
        const within = found - stretch.from;
        if (stretch.names[found] === name && within >= 0 && within < count) return start + within;
      }
      start = this.#ends[at] ?? 0;
    }
    return undefined;
  }

  #add(stretch: Stretch, count: number): void {
    if (count <= 0) return;
    this.#count += count;
    this.#stretches.push(stretch);
    this.#ends.push(this.#count);
  }

  #unfold(
    { parent, depth }: { readonly parent: string; readonly depth: number },
    known: {
      readonly inner: readonly string[];
      readonly childrenOf: (path: string) => Children | undefined;
    },
  ): void {
    const children = known.childrenOf(parent);
    if (children === undefined) return;
    const { names } = children;
    const total = Math.max(children.total, names.length);
    const prefix = childPath(parent, "");
    const places = known.inner
      .filter(
        (path) => path.startsWith(prefix) && path !== parent && !path.slice(prefix.length).includes("/"),
      )
      .map((path) => placeOf(names, path.slice(prefix.length)))
      .filter((place, at, all) => place < names.length && all.indexOf(place) === at)
      .filter((place) => known.inner.includes(prefix + (names[place] ?? "")))
      .toSorted((a, b) => a - b);
    let from = 0;
    for (const place of places) {
      this.#add({ kind: "names", parent, names, from, total, depth }, place + 1 - from);
      this.#unfold({ parent: prefix + (names[place] ?? ""), depth: depth + 1 }, known);
      from = place + 1;
    }
    this.#add({ kind: "names", parent, names, from, total, depth }, names.length - from);
    this.#add({ kind: "gap", parent, from: names.length, depth }, total - names.length);
  }
}

function rowOf(stretch: Stretch, within: number): Row {
  switch (stretch.kind) {
    case "root":
      return {
        kind: "znode",
        path: stretch.path,
        name: stretch.path,
        depth: 0,
        position: 1,
        siblings: 1,
      };
    case "names": {
      const at = stretch.from + within;
      const name = stretch.names[at] ?? "";
      return {
        kind: "znode",
        path: childPath(stretch.parent, name),
        name,
        depth: stretch.depth,
        position: at + 1,
        siblings: stretch.total,
      };
    }
    case "gap":
      return { kind: "gap", parent: stretch.parent, at: stretch.from + within, depth: stretch.depth };
  }
}

/** Where a name stands, or would stand, among sorted ones. */
function placeOf(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
