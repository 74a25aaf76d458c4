/** Order in time: what was sent after something was answered comes after it. n log n, and needs no log. */
import type { SessionId } from "../../../src/base/ids.ts";
import { parentOf } from "../../../src/base/path.ts";
import { compareZxid, equalZxid, maxZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import {
  acknowledgedWrites,
  type Answered,
  inSendingOrder,
  isAnswered,
  operationLine,
  pathsWritten,
  shownStats,
} from "./told-operations.ts";
import type { Operation } from "./types.ts";

/** Writes: a zxid each, growing with time, as do sequence numbers below one parent. */
export function checkWriteOrder(operations: readonly Operation[]): readonly Violation[] {
  const writes = acknowledgedWrites(operations);
  const found = [
    ...inOrder(
      writes.map((operation) => ({ operation, rank: operation.outcome.zxid })),
      "ZxidsFollowTime",
      compareZxid,
    ),
  ];
  const byZxid = writes.toSorted((a, b) => compareZxid(a.outcome.zxid, b.outcome.zxid));
  for (const [index, write] of byZxid.entries()) {
    const before = byZxid[index - 1];
    if (before === undefined || !equalZxid(before.outcome.zxid, write.outcome.zxid)) continue;
    found.push(new Violation("ZxidGivenOnce", `${operationLine(before)} and ${operationLine(write)}`));
  }
  return [...found, ...checkSequences(operations)];
}

function checkSequences(operations: readonly Operation[]): readonly Violation[] {
  // A parent that is made anew counts anew.
  const deleted = new Set(
    operations.flatMap(({ request }) => (request.op === "delete" ? [request.path] : [])),
  );
  const numbered = operations.filter(isAnswered).flatMap((operation) => {
    return sequentialPaths(operation).map((path) => ({
      operation,
      path,
      parent: parentOf(path),
      rank: Number(path.slice(-10)),
    }));
  });
  const found: Violation[] = [];
  for (const [parent, siblings] of Map.groupBy(numbered, (one) => one.parent)) {
    if (deleted.has(parent)) continue;
    found.push(...inOrder(siblings, "SequencesFollowTime", (a, b) => a - b));
    const owners = new Map<number, string>();
    for (const { rank, path } of siblings) {
      const other = owners.get(rank);
      if (other !== undefined) found.push(new Violation("SequencesFollowTime", `${other} and ${path}`));
      owners.set(rank, path);
    }
  }
  return found;
}

/** The paths that sequential creates of the operation were told. */
function sequentialPaths({ request, outcome }: Answered): readonly string[] {
  const { response, error } = outcome;
  if (error !== 0 || response === undefined) return [];
  if ("flags" in request) return isSequential(request) && "path" in response ? [response.path] : [];
  if (request.op !== "multi" || response.op !== "multi") return [];
  return response.results.flatMap((result, index) => {
    const operation = request.operations[index];
    if (operation === undefined || !("flags" in operation) || !("path" in result)) return [];
    return isSequential(operation) ? [result.path] : [];
  });
}

function isSequential({ flags }: { readonly flags: number }): boolean {
  return flags === 2 || flags === 3;
}

interface Ranked<R> {
  readonly operation: Operation;
  readonly rank: R;
}

/** Each must stand above all that ended before it started; what touches at a moment is concurrent. */
function inOrder<R>(
  items: readonly Ranked<R>[],
  check: string,
  compare: (a: R, b: R) => number,
): readonly Violation[] {
  const found: Violation[] = [];
  for (const { item, highest } of withHighestBefore(items, compare)) {
    if (highest === undefined || compare(item.rank, highest.rank) > 0) continue;
    const lines = `${operationLine(item.operation)} was sent after the answer of ${operationLine(highest.operation)}`;
    found.push(new Violation(check, lines));
  }
  return found;
}

/** Each item with the highest that had ended when it started. */
function* withHighestBefore<T extends Ranked<R>, R>(
  items: readonly T[],
  compare: (a: R, b: R) => number,
): Generator<{ readonly item: T; readonly highest: T | undefined }> {
  const byEnd = items.toSorted((a, b) => a.operation.endMs - b.operation.endMs);
  const byStart = items.toSorted((a, b) => a.operation.startMs - b.operation.startMs);
  let ended = 0;
  let highest: T | undefined;
  for (const item of byStart) {
    for (let next = byEnd[ended]; next !== undefined; next = byEnd[ended]) {
      if (next.operation.endMs >= item.operation.startMs) break;
      if (highest === undefined || compare(next.rank, highest.rank) > 0) highest = next;
      ended++;
    }
    yield { item, highest };
  }
}

/** Reads: a session's time never goes back, it sees its own writes, and after a sync all that anybody was told. */
export function checkReadOrder(operations: readonly Operation[]): readonly Violation[] {
  const found: Violation[] = [];
  const answered = inSendingOrder(operations).filter(isAnswered);
  for (const [, own] of Map.groupBy(answered, (one): SessionId => one.session)) {
    found.push(...checkMonotonic(own), ...checkOwnWrites(own));
  }
  return [...found, ...checkSyncs(answered)];
}

/** `own` are the answered operations of a session, in the order sent. */
function checkMonotonic(own: readonly Answered[]): readonly Violation[] {
  const found: Violation[] = [];
  const ranked = own.map((operation) => ({ operation, rank: operation.outcome.zxid }));
  const onConnection = new Map<number, Answered>();
  for (const { item, highest } of withHighestBefore(ranked, compareZxid)) {
    const { connection, outcome } = item.operation;
    const floors = [onConnection.get(connection), highest?.operation].flatMap((one) => one ?? []);
    const floor = floors.toSorted((a, b) => compareZxid(b.outcome.zxid, a.outcome.zxid))[0];
    if (floor === undefined || compareZxid(outcome.zxid, floor.outcome.zxid) >= 0) {
      onConnection.set(connection, item.operation);
      continue;
    }
    const lines = `${operationLine(item.operation)} after ${operationLine(floor)}`;
    found.push(new Violation("SessionZxidsMonotonic", lines));
  }
  return found;
}

function checkOwnWrites(own: readonly Answered[]): readonly Violation[] {
  const found: Violation[] = [];
  const written = new Map<string, Answered>();
  const writes = new Set<Operation>(acknowledgedWrites(own));
  for (const operation of own) {
    for (const { path, stat } of shownStats(operation)) {
      const write = written.get(path);
      if (write === undefined || compareZxid(stat.mzxid, write.outcome.zxid) >= 0) continue;
      const isBefore = write.connection === operation.connection || write.endMs < operation.startMs;
      if (!isBefore) continue;
      found.push(
        new Violation("ReadYourWrites", `${operationLine(operation)} after ${operationLine(write)}`),
      );
    }
    if (!writes.has(operation)) continue;
    for (const write of acknowledgedWrites([operation])) {
      for (const path of pathsWritten(write)) written.set(path, operation);
    }
  }
  return found;
}

/** What a sync on the connection has promised to reads behind it. */
interface Promised {
  readonly floor: Zxid;
  readonly sync: Answered;
}

/** `answered` is in the order sent. */
function checkSyncs(answered: readonly Answered[]): readonly Violation[] {
  const found: Violation[] = [];
  const byEnd = acknowledgedWrites(answered).toSorted((a, b) => a.endMs - b.endMs);
  const promised = new Map<number, Promised>();
  let ended = 0;
  let highest = ZXID_ZERO;
  for (const operation of answered) {
    for (let next = byEnd[ended]; next !== undefined; next = byEnd[ended]) {
      if (next.endMs >= operation.startMs) break;
      highest = maxZxid(highest, next.outcome.zxid);
      ended++;
    }
    const { connection, request, outcome } = operation;
    if (request.op === "sync" && outcome.error === 0) {
      promised.set(connection, { floor: highest, sync: operation });
    }
    const promise = promised.get(connection);
    if (promise === undefined || compareZxid(outcome.zxid, promise.floor) >= 0) continue;
    const lines = `${operationLine(operation)}: ${zxidText(promise.floor)} was acknowledged before the sync`;
    found.push(new Violation("SyncReadsFresh", `${lines} ${operationLine(promise.sync)}`));
  }
  return found;
}
