/**
 * All histories of a run as one tree: an entry stands for a proposal together with everything before it. So two
 * histories are equal where they end in the same entry, and whether one holds the end of another is a question of
 * descent. What was delivered anywhere is one path of it, from the root: the order. Beside it everything is short.
 */
import { equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import { type DecodedTxn, decodeTxn } from "../../../src/jute/txn.ts";
import type { Proposal } from "../../../src/zab/message.ts";

/** A proposal by zxid and content: the same object wherever it turns up. */
export class Known {
  readonly zxid: Zxid;
  readonly payload: Uint8Array;
  /** Names it: `3:12`, with a mark where another proposal has the same zxid. */
  readonly text: string;
  #decoded: DecodedTxn | undefined;

  constructor({ zxid, payload }: Proposal, text: string) {
    this.zxid = zxid;
    this.payload = payload;
    this.text = text;
  }

  /** The transaction: read once. */
  get decoded(): DecodedTxn {
    this.#decoded ??= decodeTxn(this.payload);
    return this.#decoded;
  }
}

/** A proposal with all that comes before it. */
export interface Entry {
  /** Undefined for the empty history alone. */
  readonly known: Known | undefined;
  readonly zxid: Zxid;
  readonly parent: Entry | undefined;
  /** How many proposals there are up to this one. */
  readonly depth: number;
  /** What follows it in some history. */
  readonly children: Entry[];
}

/** See the file's comment. */
export class Histories {
  readonly root: Entry = {
    known: undefined,
    zxid: ZXID_ZERO,
    parent: undefined,
    depth: 0,
    children: [],
  };
  /** What was delivered anywhere, in order: the entry at index n is of depth n + 1. */
  readonly order: Entry[] = [];
  readonly #delivered = new Map<string, Entry>();
  readonly #known = new Map<string, Known[]>();

  /** The last entry of the order. */
  get end(): Entry {
    return this.order.at(-1) ?? this.root;
  }

  /** The order grows by this entry, which stands behind its end. */
  deliver(entry: Entry): void {
    this.order.push(entry);
    this.#delivered.set(zxidText(entry.zxid), entry);
  }

  /** The delivered entry with this zxid. */
  deliveredAt(zxid: Zxid): Entry | undefined {
    return equalZxid(zxid, ZXID_ZERO) ? this.root : this.#delivered.get(zxidText(zxid));
  }

  /** The history that is `parent` and then this proposal. */
  extend(parent: Entry, proposal: Proposal): Entry {
    const { zxid } = proposal;
    for (const child of parent.children) {
      if (!equalZxid(child.zxid, zxid)) continue;
      if (child.known !== undefined && sameBytes(child.known.payload, proposal.payload)) return child;
    }
    const known = this.#intern(proposal);
    const entry: Entry = { known, zxid, parent, depth: parent.depth + 1, children: [] };
    parent.children.push(entry);
    return entry;
  }

  /** Whether a history that ends in `history` holds the entry: costs as much as it is beside the order. */
  holds(history: Entry, entry: Entry): boolean {
    if (entry.depth === 0) return true;
    for (let at: Entry | undefined = history; at !== undefined; at = at.parent) {
      if (at.depth <= entry.depth) return at === entry;
      if (this.order[at.depth - 1] === at) return this.order[entry.depth - 1] === entry;
    }
    return false;
  }

  /** The entry with this zxid in a history: the order's own is found at once, others by going back. */
  find(history: Entry, zxid: Zxid): Entry | undefined {
    const delivered = this.deliveredAt(zxid);
    if (delivered !== undefined && this.holds(history, delivered)) return delivered;
    for (let at: Entry | undefined = history; at !== undefined; at = at.parent) {
      if (equalZxid(at.zxid, zxid)) return at;
    }
    return undefined;
  }

  /** What comes after `after` up to `upTo`, oldest first; undefined where that does not lie behind it. */
  between(after: Entry, upTo: Entry): readonly Entry[] | undefined {
    const path: Entry[] = [];
    for (let at: Entry | undefined = upTo; at !== undefined && at.depth > after.depth; at = at.parent)
      path.push(at);
    const first = path.at(-1);
    if (first === undefined ? after !== upTo : first.parent !== after) return undefined;
    return path.toReversed();
  }

  #intern(proposal: Proposal): Known {
    const zxid = zxidText(proposal.zxid);
    const alike = this.#known.get(zxid);
    const found = alike?.find(({ payload }) => sameBytes(payload, proposal.payload));
    if (found !== undefined) return found;
    const known = new Known(proposal, alike === undefined ? zxid : `${zxid} (${alike.length + 1})`);
    if (alike === undefined) this.#known.set(zxid, [known]);
    else alike.push(known);
    return known;
  }
}

/** The proposals of a history from its beginning on, oldest first. */
export function proposalsOf(history: Entry): readonly Known[] {
  const path: Known[] = [];
  for (let at: Entry | undefined = history; at !== undefined; at = at.parent)
    if (at.known !== undefined) path.push(at.known);
  return path.toReversed();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
