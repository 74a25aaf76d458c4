/** What recipes did in a run, and what must hold of it in the end. */
import type { SessionId } from "../../../src/base/ids.ts";
import { parentOf, nameOf } from "../../../src/base/path.ts";
import type { OperationTxn } from "../../../src/base/txn.ts";
import { zxidFromBigInt, zxidText } from "../../../src/base/zxid.ts";
import type { Hold } from "../../../src/recipes/hold.ts";
import type { OpenHold, Recorder } from "../clients/recorder.ts";
import type { Committed, LockHold } from "../history/types.ts";
import { Violation } from "../verdict.ts";

/** What is done by the recipes of a run, by kind: how often each came to an end as it should. */
export type Progress = Map<string, number>;

/** See the file's comment. */
export class RecipeBook {
  readonly progress: Progress = new Map();
  /** Added to the counter: known to be done, and where nobody knows. */
  readonly added = { known: 0n, unknown: 0n };
  /** Entries of the queue: put for certain, perhaps put, taken, perhaps taken. */
  readonly put: { readonly known: Set<string>; readonly unknown: Set<string> } = {
    known: new Set(),
    unknown: new Set(),
  };
  readonly taken: string[] = [];
  takesUnknown = 0;
  readonly leases: OpenHold[] = [];
  readonly #given = new Set<bigint>();
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** A number that was to be given to nobody else. Throws a Violation where it was. */
  giveNumber(number: bigint): void {
    if (this.#given.has(number)) throw new Violation("NumberGivenOnce", String(number));
    this.#given.add(number);
  }

  /** Something has come to an end as it should. */
  count(kind: string): void {
    this.progress.set(kind, (this.progress.get(kind) ?? 0) + 1);
  }

  /**
   * Somebody holds a lock, and says so until the returned function is called, or its signal tells that it is lost.
   */
  holds(lock: string, client: string, hold: Hold): () => void {
    const record = this.#recorder.beginHold(this.#partsOf(lock, client, hold));
    return this.#untilOver(record, hold);
  }

  /** The same for one of several leases, which are judged apart. */
  holdsLease(lock: string, client: string, hold: Hold): () => void {
    const moment = this.#recorder.moment();
    const record = { ...this.#partsOf(lock, client, hold), fromMs: moment, toMs: Number.POSITIVE_INFINITY };
    this.leases.push(record);
    return this.#untilOver(record, hold);
  }

  #partsOf(lock: string, client: string, hold: Hold): Omit<LockHold, "fromMs" | "toMs"> {
    const token = zxidFromBigInt(BigInt(hold.token));
    return { lock, client, session: hold.znode.session.id, token };
  }

  #untilOver(record: { toMs: number }, { signal }: Hold): () => void {
    const over = (): void => {
      if (record.toMs === Number.POSITIVE_INFINITY) record.toMs = this.#recorder.moment();
    };
    signal.addEventListener("abort", over, { once: true });
    return over;
  }

  /** Throws what is wrong with the sums and the queue; `left` are the entries that nobody has taken. */
  judgeSums(count: bigint, left: readonly string[]): void {
    const { known, unknown } = this.added;
    if (count < known || count > known + unknown)
      throw new Violation("CounterIsSum", `${count} where ${known} was added, and perhaps ${unknown} more`);
    const taken = new Set(this.taken);
    if (taken.size !== this.taken.length)
      throw new Violation("EntryTakenOnce", this.taken.toSorted().join(" "));
    for (const entry of [...this.taken, ...left]) {
      const isPut = this.put.known.has(entry) || this.put.unknown.has(entry);
      if (!isPut || (taken.has(entry) && left.includes(entry))) throw new Violation("EntryTakenOnce", entry);
    }
    if (new Set(left).size !== left.length) throw new Violation("EntryPutOnce", left.join(" "));
    const missing = [...this.put.known].filter((entry) => !taken.has(entry) && !left.includes(entry));
    if (missing.length > this.takesUnknown) throw new Violation("EntryNotLost", missing.join(" "));
  }

  /** No more leases at once than there may be, those of sessions that are over not counted. */
  judgeLeases(leasesMax: number, committed: readonly Committed[]): void {
    const ends = endsOf(committed);
    const overMs = ({ session, toMs }: LockHold): number => Math.min(toMs, ends.get(session) ?? Infinity);
    for (const lease of this.leases) {
      const atOnce = this.leases.filter(
        (other) => other.fromMs <= lease.fromMs && overMs(other) > lease.fromMs,
      );
      if (atOnce.length > leasesMax) {
        const who = atOnce.map(({ client, token }) => `${client} ${zxidText(token)}`).join(", ");
        throw new Violation("LeasesAtOnce", `${who} at ${lease.fromMs}`);
      }
    }
  }
}

/** When each session was over, by the log. */
function endsOf(committed: readonly Committed[]): ReadonlyMap<SessionId, number> {
  const ends = new Map<SessionId, number>();
  for (const { header, txn, atMs } of committed)
    if (txn.kind === "closeSession") ends.set(header.session, atMs);
  return ends;
}

/** A double barrier never opens early: whenever its `ready` is made, as many members stand there as are needed. */
export function judgeBarrier(path: string, memberCount: number, committed: readonly Committed[]): void {
  const members = new Map<string, SessionId>();
  const apply = (txn: OperationTxn, zxid: string): void => {
    if (txn.kind === "delete" && parentOf(txn.path) === path) members.delete(nameOf(txn.path));
    if (txn.kind !== "create" || parentOf(txn.path) !== path) return;
    if (txn.owner.mode === "ephemeral") members.set(nameOf(txn.path), txn.owner.session);
    else if (members.size < memberCount)
      throw new Violation("BarrierOpensEarly", `${zxid}: ready is made with ${members.size} members`);
  };
  for (const { txn, header, zxid } of committed) {
    if (txn.kind === "closeSession") {
      for (const [name, session] of members) if (session === header.session) members.delete(name);
    } else if (txn.kind === "multi") {
      const isDone = !txn.operations.some(({ kind }) => kind === "error");
      if (isDone) for (const operation of txn.operations) apply(operation, zxidText(zxid));
    } else if (txn.kind === "create" || txn.kind === "delete") apply(txn, zxidText(zxid));
  }
}
