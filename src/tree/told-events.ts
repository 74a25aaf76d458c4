/**
 * What happened to znodes, told from the history of transactions instead of while they are applied. A transaction says
 * which znodes it creates, sets and deletes, in what order; it does not say whom the znodes' access control lists let
 * read them, nor what closing a session deletes. So a replica keeps, beside its history, a note of each transaction
 * whose events are other than a reader of history would take them to be: the events of every close that deletes
 * something, and of all that concerns a znode which not everybody may read. Where all may read, as most let them,
 * nothing is noted.
 *
 * By construction eventsOf(txn, noteOf(txn, events)) is `events`, but for lists that let everybody read: those
 * become OPEN_ACL.
 */
import { type Acl, OPEN_ACL, PERMS } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { parentOf } from "../base/path.ts";
import type { OperationTxn, Txn } from "../base/txn.ts";
import { isAllowed } from "./access.ts";
import { KEYS_ACL, KEYS_PATH } from "./call-keys.ts";
import { CONFIG_PATH } from "./reserved.ts";
import type { TreeEvent } from "./transition.ts";
import { HOOKS_ACL, HOOKS_PATH } from "./webhooks.ts";

/** The events of one transaction, as they were. */
export type EventNote = readonly TreeEvent[];

/** The events of a transaction of the history, in their order; `note` is what noteOf gave when it was applied. */
export function eventsOf(txn: Txn, note: EventNote | undefined): readonly TreeEvent[] {
  if (note !== undefined) return note;
  switch (txn.kind) {
    case "create":
    case "delete":
    case "setData":
    case "check":
    case "error":
      return eventsOfOperation(txn);
    case "multi":
    case "sessionMulti":
      return txn.operations.flatMap(eventsOfOperation);
    case "config":
      return [{ kind: "dataChanged", path: CONFIG_PATH, acl: OPEN_ACL }];
    case "setAcl":
    case "createSession":
    case "closeSession":
    case "settled":
    case "dormant":
    case "restore":
    case "barrier":
      return [];
    default:
      return assertNever(txn);
  }
}

/** What is to be kept of a transaction that led to these events; undefined where the transaction tells them. */
export function noteOf(txn: Txn, events: readonly TreeEvent[]): EventNote | undefined {
  if (events.length === 0) return undefined;
  const told = eventsOf(txn, undefined);
  const isTold = told.length === events.length && told.every((event, at) => isSame(event, events[at]));
  return isTold ? undefined : events.map(simplified);
}

/** As the history alone tells it: whoever is not kept from reading may read. */
function eventsOfOperation(txn: OperationTxn): readonly TreeEvent[] {
  switch (txn.kind) {
    case "create": {
      const { path } = txn;
      return [{ kind: "created", path, acl: readersOf(txn.acl), parentAcl: usualReadersOf(parentOf(path)) }];
    }
    case "delete": {
      const { path } = txn;
      const parentAcl = usualReadersOf(parentOf(path));
      return [{ kind: "deleted", path, acl: usualReadersOf(path), parentAcl }];
    }
    case "setData":
      return [{ kind: "dataChanged", path: txn.path, acl: usualReadersOf(txn.path) }];
    case "check":
    case "error":
      return [];
    default:
      return assertNever(txn);
  }
}

/** Who may read what stands there, unless a note says otherwise: everybody, but what the service keeps nobody. */
function usualReadersOf(path: string): readonly Acl[] {
  if (path === KEYS_PATH || path.startsWith(`${KEYS_PATH}/`)) return KEYS_ACL;
  return path === HOOKS_PATH || path.startsWith(`${HOOKS_PATH}/`) ? HOOKS_ACL : OPEN_ACL;
}

/** Lists that let everybody read are all the same to whoever asks who may. */
function readersOf(acl: readonly Acl[]): readonly Acl[] {
  return isAllowed(acl, PERMS.read, []) ? OPEN_ACL : acl;
}

function simplified(event: TreeEvent): TreeEvent {
  const acl = readersOf(event.acl);
  return event.kind === "dataChanged"
    ? { ...event, acl }
    : { ...event, acl, parentAcl: readersOf(event.parentAcl) };
}

/** Once simplified. */
function isSame(a: TreeEvent, b: TreeEvent | undefined): boolean {
  if (b === undefined || a.kind !== b.kind || a.path !== b.path || !isSameToReaders(a.acl, b.acl))
    return false;
  return a.kind === "dataChanged" || b.kind === "dataChanged" || isSameToReaders(a.parentAcl, b.parentAcl);
}

function isSameToReaders(one: readonly Acl[], other: readonly Acl[]): boolean {
  if (one === other) return true;
  const [a, b] = [readersOf(one), readersOf(other)];
  return (
    a === b ||
    (a.length === b.length &&
      a.every(({ perms, scheme, id }, at) => {
        const there = b[at];
        return there?.perms === perms && there.scheme === scheme && there.id === id;
      }))
  );
}
