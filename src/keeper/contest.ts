/**
 * What callers without a connection contend for, and how its znodes stand: a lock, whose queue is its children, an
 * election, which is a lock with a name of its own for its znodes, and a semaphore, whose permits are taken from the
 * head of such a queue. All of it is looked up in the tree, where clients of the wire stand beside callers.
 */
import { OPEN_ACL } from "../base/acl.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import type { CreateRequest, Guard, TransactRequest } from "../base/request.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { contendersOf, delayMark, isPlaceholder, placeOf } from "../tree/lock-queue.ts";
import type { Znode } from "../tree/node-store.ts";
import {
  encodePermits,
  isPending,
  isPermit,
  permitNames,
  permitsAt,
  permitsPath,
  permitsTaken,
  permitsTakenPath,
  waitersPath,
} from "../tree/semaphore.ts";
import type { Tree } from "../tree/tree.ts";
import type { CallRequest, CallResponse, QueuedContender } from "./call.ts";
import { LOCK_QUEUE_SHOWN } from "./limits.ts";

/** A call that contends. */
export type Acquire = CallRequest & { readonly kind: "acquire" };

/** Named as Curator names the znodes of its recipes, behind the prefix that its protection gives them. */
const MARKS: Readonly<Record<Acquire["mode"], string>> = {
  exclusive: "-lock-",
  read: "-__READ__",
  write: "-__WRIT__",
  latch: "-latch-",
  // In the queue of those that wait for one.
  permit: "-lock-",
};

const PERMIT_MARK = "-lease-";

const EPHEMERAL_SEQUENTIAL = 3;

/** One for all: to make one takes longer than all else that an acquire does here. */
const encoder = new TextEncoder();

/** Random bytes, and the password made of them, for the session that an acquire makes. */
export interface Made {
  readonly password: Uint8Array;
  readonly entropy: Uint8Array;
}

/**
 * The transaction that makes a session and its znode: at once as a holder's where that is asked for, or else nothing
 * of it is done; or at the end of the queue.
 */
export function acquireRequest(request: Acquire, made: Made, isAtOnce: boolean): TransactRequest {
  const { path, mode, ttlMs, permits = 0, lockDelayMs = 0, key } = request;
  const newSession = { timeoutMs: ttlMs, password: made.password };
  const name = `_c_${uuidOf(made.entropy.subarray(24, 40))}${delayMark(lockDelayMs)}`;
  const own = (parent: string, mark: string): CreateRequest =>
    contenderCreate(childOf(parent, `${name}${mark}`), request.owner);
  const bare = { op: "transact", newSession, key } as const;
  if (mode !== "permit") {
    const guards: readonly Guard[] = isAtOnce ? [{ kind: "free", path, isShared: mode === "read" }] : [];
    return { ...bare, ensured: path, guards, operations: [own(path, MARKS[mode])] };
  }
  const waiters = waitersPath(path);
  if (!isAtOnce) return { ...bare, ensured: waiters, guards: [], operations: [own(waiters, MARKS[mode])] };
  const agree = {
    op: "ensure",
    path: permitsPath(path),
    data: encodePermits(permits),
    acl: OPEN_ACL,
  } as const;
  return {
    ...bare,
    ensured: permitsTakenPath(path),
    guards: [
      { kind: "room", path, permits },
      { kind: "free", path: waiters, isShared: false },
    ],
    operations: [agree, own(permitsTakenPath(path), PERMIT_MARK)],
  };
}

/** By this the first that waits for a permit takes one: its znode goes from the queue to the permits. */
export function promotion(
  { path, permits = 0, owner }: Acquire,
  waiter: string,
  token: Zxid,
): TransactRequest {
  const taken = permitsTakenPath(path);
  const mark = MARKS.permit;
  const name = nameOf(waiter).replace(/\d+$/, "");
  return {
    op: "transact",
    newSession: undefined,
    ensured: taken,
    guards: [
      { kind: "held", path: waitersPath(path), token },
      { kind: "room", path, permits },
    ],
    operations: [
      { op: "delete", path: waiter, version: -1 },
      contenderCreate(childOf(taken, `${name.slice(0, -mark.length)}${PERMIT_MARK}`), owner),
    ],
    key: undefined,
  };
}

function contenderCreate(path: string, owner: string): CreateRequest {
  const data = encoder.encode(owner);
  return { op: "create2", path, data, acl: OPEN_ACL, flags: EPHEMERAL_SEQUENTIAL, ttlMs: 0 };
}

/** Where a contender stands. */
export interface Standing {
  /** Of its znode, which is another one once a permit is taken. */
  readonly path: string;
  readonly node: Znode;
  /** How many stand before it. */
  readonly ahead: number;
  /** The path of the one that it waits for; undefined for the first. */
  readonly blocker: string | undefined;
  /** It has what it contends for. */
  readonly isHolder: boolean;
}

/** Where a session stands that has entered with the znode `entered`; undefined where it stands there no more. */
export function standingOf(
  tree: Tree,
  { path, mode }: Acquire,
  { session, entered }: { readonly session: SessionId; readonly entered: string },
): Standing | undefined {
  const permit = mode === "permit" ? permitOf(tree, session, path) : undefined;
  if (permit !== undefined) return { ...permit, ahead: 0, blocker: undefined, isHolder: true };
  const node = tree.get(entered);
  const queue = parentOf(entered);
  // Mostly nobody else is there: then nobody need read who is.
  const isAlone = tree.get(queue)?.childCount === 1;
  const names = isAlone ? [nameOf(entered)] : tree.childNames(queue);
  const place = node && placeOf(contendersOf(names), nameOf(entered));
  if (node === undefined || place === undefined) return undefined;
  const blocker = place.blocker === undefined ? undefined : childOf(queue, place.blocker);
  const isHolder = blocker === undefined && mode !== "permit";
  return { path: entered, node, ahead: place.ahead, blocker, isHolder };
}

/** Whether the first that waits for a permit may find one, or find out that another number of them is agreed upon. */
export function mayHaveRoom(tree: Tree, { path, permits = 0 }: Acquire): boolean {
  const agreed = permitsAt(tree, path) ?? permits;
  return agreed !== permits || permitsTaken(tree, path) < permits;
}

/** What it waits for that is first in the queue of a semaphore: the parent of permits, and what says how many. */
export function roomPaths({ path }: Acquire): readonly string[] {
  return [permitsTakenPath(path), permitsPath(path)];
}

/** By this what is held under the token is free again; undefined where nothing is that is known here. */
export function forcedRelease(tree: Tree, path: string, token: Zxid): TransactRequest | undefined {
  const place = heldPath(tree, path, token);
  if (place === undefined) return undefined;
  return {
    op: "transact",
    newSession: undefined,
    ensured: undefined,
    guards: [{ kind: "held", path, token }],
    operations: [{ op: "delete", path: place, version: -1 }],
    key: undefined,
  };
}

function heldPath(tree: Tree, path: string, token: Zxid): string | undefined {
  // What they stand below may be as old as they are.
  const contenders = contendersOf(tree.childNames(path)).map(({ name }) => childOf(path, name));
  const permits = permitNames(tree, path).map((name) => childOf(permitsTakenPath(path), name));
  return [...contenders, ...permits].find((one) => {
    const node = tree.get(one);
    return node !== undefined && equalZxid(node.czxid, token);
  });
}

/** The znode of a session's lease at the path: it came with the session, so who knows the one knows the other. */
export function leaseNodeOf(
  tree: Tree,
  session: SessionId,
  path: string,
): Pick<Standing, "path" | "node"> | undefined {
  const own = ephemeralIn(tree, session, path, (name) => contendersOf([name]).length > 0);
  return own ?? permitOf(tree, session, path);
}

function permitOf(tree: Tree, session: SessionId, path: string): Pick<Standing, "path" | "node"> | undefined {
  return ephemeralIn(tree, session, permitsTakenPath(path), isPermit);
}

function ephemeralIn(
  tree: Tree,
  session: SessionId,
  parent: string,
  isOne: (name: string) => boolean,
): Pick<Standing, "path" | "node"> | undefined {
  const path = tree.ephemeralsOf(session).find((one) => parentOf(one) === parent && isOne(nameOf(one)));
  const node = path === undefined ? undefined : tree.get(path);
  return path === undefined || node === undefined ? undefined : { path, node };
}

/** Who holds the lock at the path and who waits, the holder first. */
export function lockQueue(tree: Tree, path: string): CallResponse & { readonly op: "queue" } {
  const contenders = contendersOf(tree.childNames(path));
  const shown = contenders.slice(0, LOCK_QUEUE_SHOWN).flatMap(({ name, isShared }) => {
    const isHolder = placeOf(contenders, name)?.blocker === undefined;
    return contenderAt(tree, childOf(path, name), { isShared, isHolder });
  });
  return { op: "queue", contenders: shown, count: contenders.length, permits: undefined };
}

/** Whether a queue shows what is known of it: who stands first, by the write that set its data last. */
export function isKnownQueue(
  { contenders: [first] }: CallResponse & { readonly op: "queue" },
  known: Zxid | undefined,
): boolean {
  if (first === undefined || known === undefined) return first === undefined && known === undefined;
  return equalZxid(first.mzxid, known);
}

/** Who has permits of the semaphore at the path and who waits, the oldest first. */
export function semaphoreQueue(tree: Tree, path: string): CallResponse & { readonly op: "queue" } {
  const names = permitNames(tree, path);
  const taken = names.slice(0, LOCK_QUEUE_SHOWN).flatMap((name, at) => {
    const isHolder = at < names.length - 1 || !isPending(tree, path, name);
    return contenderAt(tree, childOf(permitsTakenPath(path), name), { isShared: true, isHolder });
  });
  const waiting = lockQueue(tree, waitersPath(path));
  const waiters = waiting.contenders.map((one) => ({ ...one, isHolder: false }));
  const permits = permitsAt(tree, path);
  return { op: "queue", contenders: [...taken, ...waiters], count: names.length + waiting.count, permits };
}

function contenderAt(
  tree: Tree,
  path: string,
  seen: Pick<QueuedContender, "isShared" | "isHolder">,
): readonly QueuedContender[] {
  const node = tree.get(path);
  if (node === undefined) return [];
  const { czxid, mzxid, ctime, owner, data } = node;
  const session = owner.mode === "ephemeral" ? owner.session : NO_SESSION;
  const name = nameOf(path);
  const isClosing = isPlaceholder(name);
  const isHolder = seen.isHolder && !isClosing;
  const { isShared } = seen;
  return [{ name, isShared, isHolder, isPlaceholder: isClosing, token: czxid, mzxid, session, ctime, data }];
}

/** Sixteen random bytes as a UUID's text. */
function uuidOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
