/**
 * What a transact comes to: guards are asked, and the operations prepared, against one state, and what was done is
 * remembered under the caller's key in the same transaction.
 */
import { OPEN_ACL } from "../base/acl.ts";
import { assertNever, must } from "../base/assert.ts";
import { ERROR_CODES, KeeperError } from "../base/error-code.ts";
import { KEYS_MAX } from "../base/limits.ts";
import { childOf, parentOf, pathProblem } from "../base/path.ts";
import type { Guard, TransactRequest } from "../base/request.ts";
import type { CreateTxn, OperationTxn, Outcome, Txn } from "../base/txn.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { KEYS_ACL, KEYS_PATH, keyPathOf, readRemembered, rememberTxn } from "./call-keys.ts";
import { decodeCounter } from "./counter.ts";
import { contendersOf, placeOf } from "./lock-queue.ts";
import type { NodeView, Znode } from "./node-store.ts";
import { type PreparableOperation, type PrepareContext, prepareOperation } from "./prepare-operation.ts";
import { archiveOperations, checkAbsent, preparable } from "./own-operations.ts";
import { checkScope, mayTouch, UNBOUNDED } from "./scope.ts";
import { isPermitHeld, permitsAt, permitsTaken } from "./semaphore.ts";
import { applyOperation, type Moment } from "./transition.ts";
import { TxnRoom } from "./txn-size.ts";

/**
 * The transaction, whose changes are made in the context's view, which the caller drops where it is an error or changes
 * nothing. What was done before under the same key is not done again: then it is a barrier that names where it is
 * remembered, or sets that to the same, where a session was made. Throws KeeperError where a guard does not hold or the
 * key stands for something else.
 */
export function prepareTransact(context: PrepareContext, request: TransactRequest, moment: Moment): Txn {
  const { view } = context;
  const { key, newSession } = request;
  const known = key === undefined ? undefined : view.get(keyPathOf(key));
  if (key !== undefined && known !== undefined) {
    if (readRemembered(known.data).fingerprint !== key.fingerprint) throw new KeeperError("keyReused");
    return repetition(context, request, { path: keyPathOf(key), node: known, moment });
  }
  for (const guard of request.guards) {
    // It tells whether something is there, or whose it is.
    if (!mayTouch(context.scope, "write", guard.path)) checkScope(context.scope, "read", guard.path);
    checkGuard(context, guard);
  }
  const transaction = new Transaction(context, moment);
  // What was not asked for comes first, and the key last: so it is told apart by its place.
  const parentCreates = key === undefined ? 0 : transaction.makeRoomForKey();
  if (request.ensured !== undefined) transaction.ensure(request.ensured);
  for (const operation of request.archived === undefined
    ? []
    : archiveOperations(context, request.archived)) {
    transaction.do(operation);
  }
  const outcomes: Outcome[] = [];
  for (const operation of request.operations) {
    try {
      const prepared = preparable(context, operation);
      outcomes.push("kind" in prepared ? transaction.add(prepared) : transaction.do(prepared));
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      return failedMulti({ failedIndex: outcomes.length, count: request.operations.length, error });
    }
  }
  if (key !== undefined) {
    const { fingerprint } = key;
    const value = countOf(view, request);
    const remembered = { fingerprint, session: context.session, outcomes, value };
    transaction.add(rememberTxn(key, parentCreates, remembered));
  }
  const { operations } = transaction;
  if (newSession === undefined) return { kind: "multi", operations };
  return { kind: "sessionMulti", ...newSession, operations };
}

/** What the counter stands at that the request adds to, once that is done; undefined where it adds to none. */
export function countOf(view: Pick<NodeView, "get">, { operations }: TransactRequest): string | undefined {
  const add = operations.find(({ op }) => op === "add");
  return add === undefined ? undefined : decodeCounter(view.get(add.path)?.data ?? null)?.toString();
}

/**
 * What it comes to where it was done before. Where it made a session, who asks again claims it by setting what is
 * remembered, to the same: the latest claim is the version of that znode.
 */
function repetition(
  { view }: PrepareContext,
  { newSession }: TransactRequest,
  { path, node, moment }: { readonly path: string; readonly node: Znode; readonly moment: Moment },
): Txn {
  if (newSession === undefined) return { kind: "barrier", path };
  const claim = { kind: "setData", path, data: node.data, version: (node.version + 1) | 0 } as const;
  applyOperation(view, moment, claim, []);
  return claim;
}

/** 0 before the operation that failed, its code there, runtimeInconsistency after it. */
export function failedMulti(failure: {
  readonly failedIndex: number;
  readonly count: number;
  readonly error: KeeperError;
}): Txn {
  const { failedIndex, count, error } = failure;
  const codes = Array.from({ length: count }, (_, index) => {
    if (index < failedIndex) return ERROR_CODES.ok;
    return index === failedIndex ? error.code : ERROR_CODES.runtimeInconsistency;
  });
  return { kind: "multi", operations: codes.map((code) => ({ kind: "error", code })) };
}

/** The operations so far, each of which sees those before it. */
class Transaction {
  readonly operations: OperationTxn[] = [];
  readonly #context: PrepareContext;
  readonly #moment: Moment;
  readonly #room = new TxnRoom();

  constructor(context: PrepareContext, moment: Moment) {
    this.#context = context;
    this.#moment = moment;
  }

  do(operation: PreparableOperation): Outcome {
    return this.add(prepareOperation(this.#context, operation));
  }

  add(txn: OperationTxn): Outcome {
    this.#room.take(txn);
    this.operations.push(txn);
    return applyOperation(this.#context.view, this.#moment, txn, []);
  }

  /** Makes containers down to the path; those above its prefix are no more than the way to what is in scope. */
  ensure(path: string): void {
    if (this.#context.view.get(path) !== undefined) return;
    checkScope(this.#context.scope, "write", path);
    const problem = pathProblem(path);
    if (problem !== undefined) throw new KeeperError("badArguments", problem);
    const { view } = this.#context;
    const missing: string[] = [];
    for (let at = path; view.get(at) === undefined; at = parentOf(at)) missing.push(at);
    for (const at of missing.toReversed()) {
      const flags = CONTAINER_FLAG;
      const create = { op: "createContainer", path: at, data: null, acl: OPEN_ACL, flags, ttlMs: 0 } as const;
      this.add(prepareOperation({ ...this.#context, scope: UNBOUNDED }, create));
    }
  }

  /** Says how many keys were ever remembered, the next one included. Throws KeeperError where it is one too many. */
  makeRoomForKey(): number {
    const { view } = this.#context;
    if (view.get(KEYS_PATH) === undefined) this.add(keysParent(view));
    const parent = must(view.get(KEYS_PATH), "keys have a parent");
    if (parent.childCount >= KEYS_MAX) throw new KeeperError("tooManyKeys");
    return (parent.childCreates + 1) | 0;
  }
}

const CONTAINER_FLAG = 4;

function keysParent(view: NodeView): CreateTxn {
  const above = must(view.get(parentOf(KEYS_PATH)), "the reserved znodes are there");
  return {
    kind: "create",
    path: KEYS_PATH,
    data: new Uint8Array(0),
    acl: KEYS_ACL,
    owner: { mode: "persistent" },
    parentCreates: (above.childCreates + 1) | 0,
    withStat: false,
  };
}

function checkGuard(context: PrepareContext, guard: Guard): void {
  const { view } = context;
  const { path } = guard;
  switch (guard.kind) {
    case "same": {
      const node = view.get(path);
      if (node === undefined) throw new KeeperError("noNode", path);
      if (!equalZxid(node.czxid, guard.czxid)) throw new KeeperError("badVersion", `${path} was made anew`);
      return;
    }
    case "free":
      if ((view.get(path)?.childCount ?? 0) === 0) return;
      if (contendersOf(view.childNames(path)).some(({ isShared }) => !(isShared && guard.isShared)))
        throw new KeeperError("lockHeld", path);
      return;
    case "absent":
      return checkAbsent(context, path);
    case "room":
      return checkRoom(view, path, guard.permits);
    case "held":
      if (!isHeld(view, path, guard.token)) throw new KeeperError("notHeld", path);
      return;
    default:
      assertNever(guard);
  }
}

function checkRoom(view: NodeView, path: string, permits: number): void {
  const agreed = permitsAt(view, path) ?? permits;
  if (agreed !== permits) throw new KeeperError("permitsDiffer", `${agreed} at ${path}`);
  if (permitsTaken(view, path) >= permits) throw new KeeperError("lockHeld", path);
}

/** Those whose sessions are closing are gone from the view already. */
function isHeld(view: NodeView, path: string, token: Zxid): boolean {
  const contenders = contendersOf(view.childNames(path));
  const holder = contenders.find(({ name }) => {
    const node = view.get(childOf(path, name));
    return node !== undefined && equalZxid(node.czxid, token);
  });
  if (holder === undefined) return isPermitHeld(view, path, token);
  return placeOf(contenders, holder.name)?.blocker === undefined;
}
