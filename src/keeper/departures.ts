/**
 * How a znode went, and who has left the queue that it is or was, gathered from the history, which is read backwards.
 * So the end of each is met first, and later its beginning, which tells since when it stood there, for whom, and under
 * which token: where the history does not lead back so far, that is not known.
 *
 * Who held it is who had nobody before it when it went, of those that went later or stand there still. Where the parent
 * of a queue went, which it does when nobody is left, its sequence numbers begin anew in the next of that name.
 */
import { type Acl, PERMS } from "../base/acl.ts";
import { nameOf, parentOf } from "../base/path.ts";
import type { CreateTxn, NodeOwner, OperationTxn, Txn } from "../base/txn.ts";
import { isAllowed } from "../tree/access.ts";
import { type Contender, contendersOf, isPlaceholder } from "../tree/lock-queue.ts";
import { mayTouch } from "../tree/scope.ts";
import { isPermit, permitsTakenPath, waitersPath } from "../tree/semaphore.ts";
import { eventsOf } from "../tree/told-events.ts";
import type { TreeEvent } from "../tree/transition.ts";
import { HeldSince, type Holding } from "./held-since.ts";
import type { Met } from "./history-walks.ts";
import { EXPLAIN_HEAD_BYTES_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import type { Cause, Departure } from "./past-requests.ts";

/** What is looked for. */
export interface Sought {
  readonly path: string;
  /** The names of its children now; undefined where it is not there: then how it went is looked for as well. */
  readonly names: readonly string[] | undefined;
  /** Who holds it now, or the lock in whose queue it stands: since when is looked for. */
  readonly holders: readonly string[];
  /** So many that have left its queue, at the most. */
  readonly leftMax: number;
  /** Who asks, who is told what it may read. */
  readonly open: Pick<OpenCall, "identities" | "scope">;
}

/** One that went, whose beginning may not have been met yet. */
type Draft = { -readonly [Field in keyof Departure]: Departure[Field] };

/** See the file's comment. */
export class Departures {
  readonly #sought: Sought;
  readonly #left: Draft[] = [];
  #gone: Draft | undefined;
  /** Those that went, by path, until their beginning is met. */
  readonly #unbegun = new Map<string, Draft>();
  readonly #heldSince = new HeldSince();
  /** Of those that hold, and of those that did, by what is told of them. */
  readonly #holders: ReadonlyMap<string, Holding>;
  readonly #held = new Map<Draft, Holding>();
  /** The lowest sequence numbers of those that were still there, or came, later in the same life of the queue. */
  #lowest = lowestOf([]);

  constructor(sought: Sought) {
    this.#sought = sought;
    this.#lowest = lowestOf(contendersOf(sought.names ?? []));
    this.#holders = new Map(sought.holders.map((path) => [path, this.#heldSince.seek(path)]));
  }

  /** How the last of that name went; undefined where it is there, or that was not met. */
  get gone(): Departure | undefined {
    return this.#gone;
  }

  /** Who has left the queue, the latest first. */
  get left(): readonly Departure[] {
    return this.#left.map((draft) => ({ ...draft, heldSinceMs: this.#held.get(draft)?.sinceMs }));
  }

  /** Since when one that holds does so, in Unix milliseconds; undefined where that is not known. */
  heldSinceMs(holder: string): number | undefined {
    return this.#holders.get(holder)?.sinceMs;
  }

  /** Whether all that is looked for was met: of what is gone and was no queue, when it was made. */
  get isEnough(): boolean {
    const { names, leftMax } = this.#sought;
    if (!this.#heldSince.isEnough) return false;
    if (names === undefined) {
      if (this.#gone?.createdBy === undefined) return false;
      if (this.#left.length === 0) return true;
    }
    return this.#left.length >= leftMax && this.#left.every(({ createdBy }) => createdBy !== undefined);
  }

  /** The transaction before the last that was taken. */
  take(met: Met): void {
    for (const event of backwards(met)) {
      if (event.kind === "deleted") this.#noteEnd(event, met);
      else this.#noteBeginning(event, met);
    }
  }

  #noteEnd({ path, acl }: TreeEvent, met: Met): void {
    const { path: sought, leftMax, names, open } = this.#sought;
    const isTold = mayKnow(open, path, acl);
    if (path === sought) {
      this.#lowest = lowestOf([]);
      if (isTold && names === undefined && this.#gone === undefined) {
        this.#gone = this.#begin(path, met, undefined);
      }
      return;
    }
    this.#heldSince.noteEnd(path, met.header.timeMs);
    const held = this.#hasHeld(path);
    if (held !== undefined && isTold && this.#left.length < leftMax) {
      const draft = this.#begin(path, met, held);
      this.#left.push(draft);
      if (held) this.#held.set(draft, this.#heldSince.seek(path));
    }
  }

  #begin(path: string, met: Met, held: boolean | undefined): Draft {
    const by = causeOf(met);
    const draft: Draft = {
      path,
      why: whyOf(met.txn, by),
      by,
      held,
      createdBy: undefined,
      mode: undefined,
      head: undefined,
    };
    this.#unbegun.set(path, draft);
    return draft;
  }

  #noteBeginning({ kind, path, acl }: TreeEvent, { txn, ...met }: Met): void {
    if (kind === "created") this.#heldSince.noteBeginning(path, txn, met.header.timeMs);
    const draft = this.#unbegun.get(path);
    if (draft === undefined) return;
    // What it held last: what was set before that is of no interest.
    if (draft.head === undefined && isAllowed(acl, PERMS.read, this.#sought.open.identities)) {
      draft.head = dataOf(txn, path)?.subarray(0, EXPLAIN_HEAD_BYTES_MAX);
    }
    if (kind !== "created") return;
    draft.createdBy = causeOf(met);
    draft.mode = modeOf(txn, path);
    this.#unbegun.delete(path);
  }

  /** Whether what went held what the path sought is; undefined where it never stood in its queue. */
  #hasHeld(path: string): boolean | undefined {
    const { path: queue } = this.#sought;
    const parent = parentOf(path);
    const name = nameOf(path);
    if (parent === permitsTakenPath(queue)) return isPermit(name) ? true : undefined;
    const [contender] = contendersOf([name]);
    if (contender === undefined) return undefined;
    if (parent === waitersPath(queue)) return false;
    if (parent !== queue) return undefined;
    const { any, exclusive } = this.#lowest;
    const isFirst = contender.sequence <= (contender.isShared ? exclusive : any);
    const own = lowestOf([contender]);
    this.#lowest = { any: Math.min(any, own.any), exclusive: Math.min(exclusive, own.exclusive) };
    return isFirst && !isPlaceholder(name);
  }
}

/** How a transaction came about. */
export function causeOf({ zxid, header }: Pick<Met, "zxid" | "header">): Cause {
  const { session, timeMs, origin } = header;
  return { zxid, timeMs, session, replica: origin.sid, isOwn: origin.serial === 0 };
}

function lowestOf(contenders: readonly Contender[]): { readonly any: number; readonly exclusive: number } {
  const lowest = (some: readonly Contender[]): number =>
    some.reduce((least, { sequence }) => Math.min(least, sequence), Number.POSITIVE_INFINITY);
  return { any: lowest(contenders), exclusive: lowest(contenders.filter(({ isShared }) => !isShared)) };
}

/** The events of a transaction, the last first; of a session's end, in which all went at once, by their sequence. */
function backwards({ txn, note }: Met): readonly TreeEvent[] {
  const events = eventsOf(txn, note);
  if (events.length < 2) return events;
  if (txn.kind !== "closeSession") return events.toReversed();
  const sequenceOf = ({ path }: TreeEvent): number => contendersOf([nameOf(path)])[0]?.sequence ?? 0;
  return events.toSorted((a, b) => sequenceOf(a) - sequenceOf(b));
}

function mayKnow({ identities, scope }: Sought["open"], path: string, acl: readonly Acl[]): boolean {
  return isAllowed(acl, PERMS.read, identities) && mayTouch(scope, "read", path);
}

function whyOf({ kind }: Txn, { isOwn }: Cause): Departure["why"] {
  if (kind === "closeSession") return isOwn ? "session-expired" : "session-closed";
  return isOwn ? "removed-by-itself" : "deleted";
}

/** How what a transaction created at a path was to end. */
function modeOf(txn: Txn, path: string): NodeOwner["mode"] | undefined {
  const creator = operationsOf(txn).findLast(
    (one): one is CreateTxn => one.kind === "create" && one.path === path,
  );
  return creator?.owner.mode;
}

function operationsOf(txn: Txn): readonly Txn[] {
  return "operations" in txn ? txn.operations : [txn];
}

/** What a transaction leaves at a path that it created or set. */
function dataOf(txn: Txn, path: string): Uint8Array | undefined {
  const setter = operationsOf(txn).findLast(
    (one): one is OperationTxn & { readonly kind: "create" | "setData" } =>
      (one.kind === "create" || one.kind === "setData") && one.path === path,
  );
  return setter?.data ?? undefined;
}
