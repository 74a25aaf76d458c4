/** Trees: at one zxid all are equal, however they came to it. */
import type { Sid } from "../../../src/base/ids.ts";
import { zxidText } from "../../../src/base/zxid.ts";
import { digestText } from "../../../src/tree/digest.ts";
import { recomputeDigest } from "../../../src/tree/tree.ts";
import type { InvariantName } from "./names.ts";
import { broken, type Watched } from "./view.ts";

/** A tree in a few numbers, and who showed it first. */
interface Shown {
  readonly hi: number;
  readonly lo: number;
  readonly dataBytes: number;
  readonly ephemerals: number;
  readonly sessions: number;
  readonly by: string;
}

/** Znodes whose digests are computed anew in one run, at starts and at its end: each costs some microseconds. */
const RECOMPUTED_ZNODES_MAX = 4000;

/** See the file's comment. */
export class DigestBook {
  readonly #shown = new Map<string, Shown>();
  /** Disks that were damaged on purpose, until a snapshot replaces them. */
  readonly #damaged = new Set<Sid>();
  #recomputed = 0;

  /** Zxids at which some tree was seen. */
  get count(): number {
    return this.#shown.size;
  }

  /** The disk was damaged, or is no longer. */
  setDamaged(sid: Sid, isDamaged: boolean): void {
    if (isDamaged) this.#damaged.add(sid);
    else this.#damaged.delete(sid);
  }

  isDamaged(sid: Sid): boolean {
    return this.#damaged.has(sid);
  }

  /** A tree as it is now; told under this name where another was another at its zxid. */
  show(machine: Watched, name: InvariantName): void {
    if (this.#damaged.has(machine.sid)) return;
    const { digest, totals, sessions, lastApplied } = machine.tree;
    const key = zxidText(lastApplied);
    const known = this.#shown.get(key);
    if (known === undefined) {
      this.#shown.set(key, { ...digest, ...totals, sessions: sessions.count, by: machine.name });
      return;
    }
    const isEqual =
      known.hi === digest.hi &&
      known.lo === digest.lo &&
      known.dataBytes === totals.dataBytes &&
      known.ephemerals === totals.ephemerals &&
      known.sessions === sessions.count;
    if (isEqual) return;
    const own: Shown = { ...digest, ...totals, sessions: sessions.count, by: machine.name };
    broken(name, `at ${key} ${shownText(own)}, ${shownText(known)}`);
  }

  /** Whether the sum that a tree carries along is that of its znodes and sessions. */
  recompute(machine: Watched, name: InvariantName): void {
    if (this.#damaged.has(machine.sid) || this.#recomputed >= RECOMPUTED_ZNODES_MAX) return;
    const { tree } = machine;
    const store = {
      get: (path: string) => {
        this.#recomputed++;
        return tree.get(path);
      },
      childNames: (path: string) => tree.childNames(path),
    };
    const actual = recomputeDigest(store, tree.sessions);
    if (actual.hi === tree.digest.hi && actual.lo === tree.digest.lo) return;
    const [claimed, found] = [tree.digest, actual].map(digestText);
    broken(
      name,
      `${machine.name} at ${zxidText(tree.lastApplied)}: the digest is ${claimed}, its znodes sum up to ${found}`,
    );
  }
}

function shownText({ by, hi, lo, dataBytes, ephemerals, sessions }: Shown): string {
  const totals = `${dataBytes} bytes, ${ephemerals} ephemerals, ${sessions} sessions`;
  return `${by} has ${digestText({ hi, lo })} (${totals})`;
}
