/**
 * Runs everything that was committed through the reference tree, with the requests that it was made for, and holds what
 * clients were told against it. What it learns on the way (changes, ends of sessions) other checks build on.
 */
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import { parentOf } from "../../../src/base/path.ts";
import type { Txn } from "../../../src/base/txn.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import { foreseen, isWrite, readNow } from "./reference-requests.ts";
import {
  MisfitError,
  reasonToStay,
  type ReferenceReply,
  ReferenceTree,
  type TreeChange,
} from "./reference-tree.ts";
import { same, told } from "./same.ts";
import {
  type Answered,
  inSendingOrder,
  isAnswered,
  isWriteOperation,
  operationLine,
  positionText,
  Proofs,
  type Write,
} from "./told-operations.ts";
import type { CallBook } from "./check-calls.ts";
import { type Committed, type Operation, SLEPT_OVER } from "./types.ts";

/** What the service proposes for itself. */
const OWN_KINDS: ReadonlySet<Txn["kind"]> = new Set<Txn["kind"]>([
  "config",
  "settled",
  "dormant",
  "barrier",
  "closeSession",
]);

/** A change of the tree, and when. */
export interface ChangeAt extends TreeChange {
  readonly zxid: Zxid;
}

/** What was at a path from a zxid on: the zxids of its last changes, or nothing. */
export interface PathFact {
  readonly zxid: Zxid;
  readonly node: { readonly mzxid: Zxid; readonly pzxid: Zxid } | undefined;
}

/** How a session ended by the log. */
export interface SessionEnd {
  readonly zxid: Zxid;
  readonly atMs: number;
  /** By the leader, not by its client's wish. */
  readonly isExpiry: boolean;
}

/** A znode that the service removed by itself. */
export interface Sweep {
  readonly path: string;
  /** Of the creation of the znode. */
  readonly czxid: Zxid;
  readonly atMs: number;
}

/** What a replay found. */
export interface Replay {
  readonly violations: readonly Violation[];
  /** False where the replay stopped at something that it could not follow: what comes after it is not known. */
  readonly isWhole: boolean;
  readonly changes: readonly ChangeAt[];
  readonly facts: ReadonlyMap<string, readonly PathFact[]>;
  /** All sessions that ever were. */
  readonly opened: ReadonlyMap<SessionId, { readonly timeoutMs: number; readonly atMs: number }>;
  readonly ended: ReadonlyMap<SessionId, SessionEnd>;
  readonly sweeps: readonly Sweep[];
}

/** Runs through all of it. */
export function replay(
  operations: readonly Operation[],
  committed: readonly Committed[],
  calls?: CallBook,
): Replay {
  const run = new Run(operations, committed, calls);
  run.judgeAcknowledged();
  run.readsAt(ZXID_ZERO);
  for (const one of committed) if (!run.step(one)) break;
  return run;
}

/**
 * The writes of one session, connection by connection and there in the order sent; all up to `position` are done with.
 * What is sent by a connection that the session has left is done before all that came by a younger one, or never.
 */
interface Sent {
  readonly writes: readonly Write[];
  position: number;
}

class Run implements Replay {
  readonly violations: Violation[] = [];
  readonly changes: ChangeAt[] = [];
  readonly facts = new Map<string, PathFact[]>();
  readonly opened = new Map<SessionId, { readonly timeoutMs: number; readonly atMs: number }>();
  readonly ended = new Map<SessionId, SessionEnd>();
  readonly sweeps: Sweep[] = [];
  isWhole = true;
  readonly #tree = new ReferenceTree();
  readonly #proofs: Proofs;
  readonly #committed: ReadonlyMap<string, Committed>;
  readonly #answered = new Map<string, Answered & Write>();
  readonly #reads = new Map<string, Answered[]>();
  readonly #sent = new Map<SessionId, Sent>();
  readonly #origins = new Set<string>();

  readonly #calls: CallBook | undefined;

  constructor(operations: readonly Operation[], committed: readonly Committed[], calls?: CallBook) {
    this.#calls = calls;
    this.#proofs = new Proofs(operations);
    this.#committed = new Map(committed.map((one) => [zxidText(one.zxid), one]));
    const writes = inSendingOrder(operations).filter(isWriteOperation);
    for (const [session, own] of Map.groupBy(writes, (write) => write.session)) {
      this.#sent.set(session, { writes: own.toSorted((a, b) => a.connection - b.connection), position: 0 });
    }
    for (const operation of operations.filter(isAnswered)) {
      const at = zxidText(operation.outcome.zxid);
      if (isWriteOperation(operation)) this.#answered.set(at, operation);
      else this.#reads.set(at, [...(this.#reads.get(at) ?? []), operation]);
    }
  }

  /** Whatever zxid a client was shown was committed, its own writes under the zxid that it was told. */
  judgeAcknowledged(): void {
    for (const operation of this.#answered.values()) {
      const { zxid } = operation.outcome;
      const found = this.#committed.get(zxidText(zxid));
      if (found?.header.session === operation.session && found.header.origin.serial !== 0) continue;
      const there =
        found === undefined ? "nothing" : `${told(found.txn)} of ${positionText(zxid, found.header.session)}`;
      this.#report("AcknowledgedIsCommitted", `${operationLine(operation)}, but there is ${there}`);
    }
    for (const [at, reads] of this.#reads) {
      const [first] = reads;
      if (this.#committed.has(at) || at === zxidText(ZXID_ZERO) || first === undefined) continue;
      this.#report(
        "AcknowledgedIsCommitted",
        `${operationLine(first)} shows a zxid that was never committed`,
      );
    }
  }

  /** One more transaction; false where what follows cannot be judged. */
  step(one: Committed): boolean {
    const { txn } = one;
    if (txn.kind === "delete" && isOwn(one)) this.#judgeSweep(one, txn.path);
    const operation = this.#asked(one);
    if (operation !== undefined && !this.#isAsAsked(operation, one)) this.isWhole = false;
    if (!this.isWhole) return false;
    let reply: ReferenceReply;
    try {
      reply = this.#tree.apply(one.zxid, one.header, one.txn);
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      this.#report("EffectsAsAsked", `${committedText(one)}: ${error.message}`);
      this.isWhole = false;
      return false;
    }
    this.#note(one);
    this.#calls?.applied(one, this.#tree);
    if (operation !== undefined && isAnswered(operation)) this.#judgeReply(operation, reply);
    this.readsAt(one.zxid);
    return true;
  }

  /** Reads that were answered at the zxid show the tree as it is now. */
  readsAt(zxid: Zxid): void {
    for (const read of this.#reads.get(zxidText(zxid)) ?? []) {
      const { request, session, outcome } = read;
      if (isWrite(request) || request.op === "ping" || request.op === "auth" || request.op === "sasl")
        continue;
      const expected = readNow(this.#tree, request, { session, identities: this.#proofs.of(read) });
      if (expected === undefined || isReply(outcome, expected)) continue;
      this.#report("ReadsShowAState", `${operationLine(read)}, where there was ${told(expected)}`);
    }
  }

  /** The client's request that it was made for; undefined where it is the service's own, or nobody asked. */
  #asked(one: Committed): Write | undefined {
    const { header, txn, zxid } = one;
    const { sid, instance, serial } = header.origin;
    if (isOwn(one) || txn.kind === "createSession") return undefined;
    const sent = this.#sent.get(header.session);
    // A session that was not let come about.
    if (sent === undefined && txn.kind === "error" && !this.opened.has(header.session)) return undefined;
    const origin = `${sid} ${instance} ${serial}`;
    if (serial !== 0 && this.#origins.has(origin)) {
      this.#report("CommittedOnce", `${committedText(one)} is there a second time`);
      return undefined;
    }
    this.#origins.add(origin);
    if (sent === undefined && this.#calls !== undefined) {
      this.#calls.judge(one, this.#tree);
      return undefined;
    }
    const answered = this.#answered.get(zxidText(zxid));
    const found = answered?.session === header.session ? answered : this.#unanswered(one, sent);
    if (found === undefined || sent === undefined) {
      if (txn.kind === "error" && this.#mayBeRefused(one, sent)) return undefined;
      this.#report("CommittedWasAsked", `nobody asked for ${committedText(one)}`);
      return undefined;
    }
    const position = sent.writes.indexOf(found);
    if (position < sent.position && !this.#isRefusedAsOver(one)) {
      const later = sent.writes[sent.position - 1];
      const behind = later === undefined ? "" : `, behind ${operationLine(later)}`;
      this.#report("SessionOrder", `${committedText(one)} is done${behind}`);
    }
    sent.position = Math.max(sent.position, position + 1);
    return found;
  }

  /** The first request without an answer, in the session's order, that comes to this now. */
  #unanswered(one: Committed, sent: Sent | undefined): Write | undefined {
    if (sent === undefined) return undefined;
    const fits = (write: Write): boolean => {
      if (write.outcome.kind === "answered" || write.outcome.reason === SLEPT_OVER) return false;
      const expected = this.#foreseen(write, one);
      return expected === undefined || same(expected, one.txn);
    };
    const { writes, position } = sent;
    return writes.slice(position).find(fits) ?? writes.slice(0, position).find(fits);
  }

  /** A session that moved on, a full disk: refused for what a history does not tell. It changes nothing. */
  #mayBeRefused({ txn }: Committed, sent: Sent | undefined): boolean {
    if (txn.kind !== "error" || sent === undefined) return false;
    if (txn.code !== ERROR_CODES.sessionMoved && txn.code !== ERROR_CODES.quotaExceeded) return false;
    return sent.writes.some(({ outcome }) => outcome.kind === "unknown");
  }

  /** What an old connection still brings when the session is over: it is refused, and changes nothing. */
  #isRefusedAsOver({ header, txn }: Committed): boolean {
    if (!this.ended.has(header.session)) return false;
    if (txn.kind === "error") return txn.code === ERROR_CODES.sessionExpired;
    return txn.kind === "multi" && txn.operations.every(({ kind }) => kind === "error");
  }

  #foreseen(write: Write, { zxid, header }: Committed): ReturnType<typeof foreseen> {
    const asker = { session: write.session, identities: this.#proofs.of(write) };
    return foreseen(this.#tree, write.request, asker, { zxid, timeMs: header.timeMs });
  }

  #isAsAsked(write: Write, one: Committed): boolean {
    const expected = this.#foreseen(write, one);
    if (expected === undefined || same(expected, one.txn)) return true;
    if (one.txn.kind === "error" && one.txn.code === ERROR_CODES.quotaExceeded) return true;
    this.#report(
      "EffectsAsAsked",
      `${operationLine(write)} came to ${told(one.txn)}, not to ${told(expected)}`,
    );
    return false;
  }

  #judgeSweep({ zxid, header, atMs }: Committed, path: string): void {
    const reason = reasonToStay(this.#tree, path, header.timeMs);
    const czxid = this.#tree.nodes.get(path)?.czxid ?? zxid;
    this.sweeps.push({ path, czxid, atMs });
    if (reason === undefined) return;
    this.#report("SweptWhenDue", `${zxidText(zxid)}: the service removes ${path}, and ${reason}`);
  }

  #judgeReply(operation: Answered, expected: ReferenceReply): void {
    if (isReply(operation.outcome, expected)) return;
    this.#report("RepliesAsModelled", `${operationLine(operation)}, where ${told(expected)} was due`);
  }

  #note({ zxid, header, txn, atMs }: Committed): void {
    if (txn.kind === "createSession" || txn.kind === "sessionMulti") {
      this.opened.set(header.session, { timeoutMs: txn.timeoutMs, atMs });
    }
    if (txn.kind === "closeSession") {
      this.ended.set(header.session, { zxid, atMs, isExpiry: header.origin.serial === 0 });
    }
    for (const change of this.#tree.changes) {
      this.changes.push({ ...change, zxid });
      this.#noteFact(change.path, zxid);
      if (change.kind !== "dataChanged") this.#noteFact(parentOf(change.path), zxid);
    }
  }

  #noteFact(path: string, zxid: Zxid): void {
    const node = this.#tree.nodes.get(path);
    const fact = { zxid, node: node === undefined ? undefined : { mzxid: node.mzxid, pzxid: node.pzxid } };
    const known = this.facts.get(path);
    if (known === undefined) this.facts.set(path, [fact]);
    else known.push(fact);
  }

  #report(check: string, what: string): void {
    this.violations.push(new Violation(check, what));
  }
}

/** What was at the path when all up to the zxid was applied; undefined where the log never touched it. */
export function factAt(facts: Replay["facts"], path: string, zxid: Zxid): PathFact | undefined {
  const known = facts.get(path) ?? [];
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = must(known[middle], "the middle lies within");
    if (compareZxid(at.zxid, zxid) <= 0) low = middle + 1;
    else high = middle;
  }
  return known[low - 1];
}

/** Whether the service wrote it by itself: of a znode that it looks at, it removes it or finds that it must not. */
function isOwn({ header, txn }: Committed): boolean {
  if (header.origin.serial !== 0) return false;
  if (txn.kind === "delete" || txn.kind === "error") return header.session === NO_SESSION;
  return OWN_KINDS.has(txn.kind);
}

/** A reply with an error has no body. */
function isReply(outcome: Answered["outcome"], expected: ReferenceReply): boolean {
  if (outcome.error !== expected.error) return false;
  if (outcome.error !== 0) return true;
  if (expected.response.op === "empty")
    return outcome.response === undefined || outcome.response.op === "empty";
  return same(outcome.response, expected.response);
}

function committedText({ zxid, header, txn }: Committed): string {
  return `${positionText(zxid, header.session)}: ${told(txn)}`;
}
