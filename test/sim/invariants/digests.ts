/** Trees: at one zxid all are equal, however they came to it. */
import { zxidText } from "../../../src/base/zxid.ts";
import { digestText } from "../../../src/tree/digest.ts";
import { recomputeDigest } from "../../../src/tree/tree.ts";
import type { Entry } from "./histories.ts";
import type { InvariantName } from "./names.ts";
import type { Run } from "./runs.ts";
import { broken } from "./view.ts";

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
  /** By what was delivered: a zxid alone may be another's, where a leader's disk never had what it proposed. */
  readonly #shown = new Map<Entry, Shown>();
  #recomputed = 0;

  /** A tree as it is now; told under this name where another was another at its zxid. */
  show({ machine, delivered, isTainted }: Run, name: InvariantName): void {
    if (isTainted) return;
    const { digest, totals, sessions } = machine.tree;
    const known = this.#shown.get(delivered);
    if (known === undefined) {
      this.#shown.set(delivered, { ...digest, ...totals, sessions: sessions.count, by: machine.name });
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
    broken(name, `at ${zxidText(delivered.zxid)} ${shownText(own)}, ${shownText(known)}`);
  }

  /** Whether the sum that a tree carries along is that of its znodes and sessions. */
  recompute({ machine, isTainted }: Run, name: InvariantName): void {
    if (isTainted || this.#recomputed >= RECOMPUTED_ZNODES_MAX) return;
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
