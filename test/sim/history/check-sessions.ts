/** Sessions: whose they are, when they end, and that their ephemerals live exactly as long. */
import { type SessionId, sessionText, type Sid } from "../../../src/base/ids.ts";
import { compareZxid, zxidText } from "../../../src/base/zxid.ts";
import { SESSION_CLOCK_STEP_MS_MAX } from "../../../src/keeper/limits.ts";
import { DEFAULT_TIMING } from "../../../src/zab/config.ts";
import { Violation } from "../verdict.ts";
import type { Replay } from "./replay.ts";
import {
  type Answered,
  isAnswered,
  isWriteOperation,
  operationLine,
  pathsWritten,
  shownStats,
} from "./told-operations.ts";
import type { Operation, SessionRecord } from "./types.ts";

/** A stretch in which nothing went wrong, and the ensemble served. */
export interface Calm {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A replica's clock jumped ahead. */
export interface JumpAhead {
  readonly sid: Sid;
  readonly atMs: number;
}

/** By what sessions are judged. */
export interface SessionBounds {
  /** How much faster than the clients' clock the leader's may run: 1 for not at all. */
  readonly clockRateMax: number;
  /** Each moves the session's clock of a leader by one step at most (SESSION_CLOCK_STEP_MS_MAX). */
  readonly jumpsAhead: readonly JumpAhead[];
  /** How long after its timeout a silent session may still be there, in calm times. */
  readonly expiryLateMs: number;
  readonly calm: readonly Calm[];
}

const NO_NODE = -101;

/** A leader that stood still when its clock jumped learns of it so much later at most, or is none any more. */
const JUMP_UNNOTICED_MS_MAX = DEFAULT_TIMING.heartbeatLimitMs;

/** `replay` where the log is known. */
export function checkSessions(
  sessions: readonly SessionRecord[],
  operations: readonly Operation[],
  bounds: SessionBounds,
  replay: Replay | undefined,
): readonly Violation[] {
  const answered = operations.filter(isAnswered);
  return [
    ...sessions.flatMap((record) => judgeEnd(record, bounds, replay)),
    ...(replay?.isWhole === true ? checkLate(sessions, bounds, replay) : []),
    ...checkOwners(sessions),
    ...checkAfterEnd(sessions, answered, replay),
    ...checkMoves(sessions, answered),
    ...checkEphemerals(sessions, answered, operations, replay),
  ];
}

/** Never early; and told only where it is so. */
function judgeEnd(
  record: SessionRecord,
  { clockRateMax, jumpsAhead }: SessionBounds,
  replay: Replay | undefined,
): readonly Violation[] {
  const { session, timeoutMs, lastHeardMs, expiredMs, closedMs } = record;
  const found: Violation[] = [];
  const end = replay?.ended.get(session);
  const name = `${sessionText(session)} of ${record.client}`;
  const endedMs = replay === undefined ? expiredMs : end?.isExpiry === true ? end.atMs : undefined;
  const silentMs = endedMs === undefined ? Infinity : endedMs - lastHeardMs;
  const stepsMs = jumpsWithin(jumpsAhead, lastHeardMs, endedMs ?? Infinity) * SESSION_CLOCK_STEP_MS_MAX;
  if (silentMs * clockRateMax + stepsMs < timeoutMs) {
    const what = `${name} after ${silentMs.toFixed(1)} ms of silence, its timeout is ${timeoutMs} ms`;
    found.push(new Violation("SessionNotEarly", what));
  }
  const toldMs = expiredMs ?? closedMs;
  if (replay?.isWhole === true && toldMs !== undefined && (end === undefined || end.atMs > toldMs)) {
    found.push(new Violation("SessionEndsByLog", `${name} was told that it is over, and it is not`));
  }
  return found;
}

/** Of one replica, the one with the most: a new leader counts anew. */
export function jumpsWithin(jumps: readonly JumpAhead[], fromMs: number, toMs: number): number {
  const counts = new Map<Sid, number>();
  for (const { sid, atMs } of jumps) {
    if (atMs < fromMs - JUMP_UNNOTICED_MS_MAX || atMs > toMs) continue;
    counts.set(sid, (counts.get(sid) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** A session whose client is gone ends in time, also one whose client never learned of it. */
function checkLate(
  sessions: readonly SessionRecord[],
  { expiryLateMs, calm }: SessionBounds,
  { opened, ended }: Replay,
): readonly Violation[] {
  const goneMs = new Map<SessionId, number>();
  for (const { session, attachments } of sessions) {
    goneMs.set(session, Math.max(0, ...attachments.map(({ toMs }) => toMs)));
  }
  const found: Violation[] = [];
  for (const [session, { timeoutMs, atMs }] of opened) {
    const silentMs = Math.max(atMs, goneMs.get(session) ?? 0);
    const endMs = ended.get(session)?.atMs ?? Infinity;
    const late = calm.find(({ fromMs, toMs }) => {
      const dueMs = Math.max(silentMs, fromMs) + timeoutMs + expiryLateMs;
      return dueMs <= toMs && endMs > dueMs;
    });
    if (late === undefined) continue;
    const there = endMs === Infinity ? "is still there" : `ended at ${endMs.toFixed(1)} ms`;
    const since = `silent since ${silentMs.toFixed(1)} ms, all was well from ${late.fromMs.toFixed(1)} ms on`;
    const what = `${sessionText(session)} ${there}, ${since}, timeout ${timeoutMs} ms`;
    found.push(new Violation("SessionNotLate", what));
  }
  return found;
}

/** A session is one client's. */
function checkOwners(sessions: readonly SessionRecord[]): readonly Violation[] {
  const owners = new Map<SessionId, string>();
  return sessions.flatMap(({ session, client }) => {
    const other = owners.get(session);
    owners.set(session, client);
    if (other === undefined || other === client) return [];
    return [new Violation("SessionIsOneClients", `${sessionText(session)}: ${other} and ${client}`)];
  });
}

/** After its end a session does nothing. */
function checkAfterEnd(
  sessions: readonly SessionRecord[],
  answered: readonly Answered[],
  replay: Replay | undefined,
): readonly Violation[] {
  const toldMs = new Map<SessionId, number>();
  for (const { session, expiredMs, closedMs } of sessions) {
    const endMs = expiredMs ?? closedMs;
    if (endMs !== undefined) toldMs.set(session, endMs);
  }
  const found: Violation[] = [];
  for (const operation of answered) {
    const { session, startMs, outcome } = operation;
    const endMs = toldMs.get(session) ?? Infinity;
    const end = replay?.ended.get(session);
    const isLateWrite =
      end !== undefined && isWriteOperation(operation) && compareZxid(outcome.zxid, end.zxid) > 0;
    if (outcome.error !== 0 || (startMs <= endMs && !isLateWrite)) continue;
    found.push(new Violation("SessionEndsByLog", `${operationLine(operation)}, after its session's end`));
  }
  return found;
}

/** Once a session has a new connection, nothing that is sent by an older one is done. */
function checkMoves(sessions: readonly SessionRecord[], answered: readonly Answered[]): readonly Violation[] {
  const attached = new Map<number, number>();
  for (const { attachments } of sessions) {
    const inOrder = attachments.toSorted((a, b) => a.fromMs - b.fromMs);
    for (const [index, { connection }] of inOrder.entries()) {
      const younger = inOrder[index + 1];
      if (younger !== undefined) attached.set(connection, younger.fromMs);
    }
  }
  return answered.flatMap((operation) => {
    const leftMs = attached.get(operation.connection);
    if (leftMs === undefined || operation.startMs <= leftMs || !isWriteOperation(operation)) return [];
    return [
      new Violation(
        "SessionMoved",
        `${operationLine(operation)}: its session left at ${leftMs.toFixed(2)} ms`,
      ),
    ];
  });
}

/** Ephemerals live exactly as long as their sessions. */
function checkEphemerals(
  sessions: readonly SessionRecord[],
  answered: readonly Answered[],
  operations: readonly Operation[],
  replay: Replay | undefined,
): readonly Violation[] {
  const records = new Map(sessions.map((record) => [record.session, record]));
  const found: Violation[] = [];
  for (const operation of answered) {
    for (const { path, stat } of shownStats(operation)) {
      const end = replay?.ended.get(stat.ephemeralOwner);
      if (end === undefined || compareZxid(operation.outcome.zxid, end.zxid) < 0) continue;
      const what = `${operationLine(operation)} shows ${path}, whose session ended at ${zxidText(end.zxid)}`;
      found.push(new Violation("EphemeralsAsSessions", what));
    }
  }
  const synced = syncedReads(answered);
  const deleted = deletedPaths(operations);
  for (const { operation, syncMs } of synced) {
    for (const { path, stat } of shownStats(operation)) {
      const record = records.get(stat.ephemeralOwner);
      const toldMs = record?.expiredMs ?? record?.closedMs ?? Infinity;
      if (toldMs >= syncMs) continue;
      found.push(
        new Violation(
          "EphemeralsAsSessions",
          `${operationLine(operation)} shows ${path} of an ended session`,
        ),
      );
    }
  }
  return [...found, ...checkVanished(answered, deleted)];
}

/** An ephemeral that nobody deletes is there as long as its session is served. */
function checkVanished(answered: readonly Answered[], deleted: ReadonlySet<string>): readonly Violation[] {
  const created = new Map<string, Answered>();
  const lastMs = new Map<SessionId, number>();
  for (const operation of answered) {
    if (operation.outcome.error === 0 && operation.request.op !== "closeSession") {
      lastMs.set(operation.session, Math.max(operation.startMs, lastMs.get(operation.session) ?? 0));
    }
    const { request } = operation;
    if (!("flags" in request) || (request.flags !== 1 && request.flags !== 3)) continue;
    if (isWriteOperation(operation)) for (const path of pathsWritten(operation)) created.set(path, operation);
  }
  return answered.flatMap((operation) => {
    const { request, outcome, startMs, endMs } = operation;
    if (outcome.error !== NO_NODE || (request.op !== "exists" && request.op !== "getData")) return [];
    const create = created.get(request.path);
    if (create === undefined || deleted.has(request.path)) return [];
    // It was there at the zxid of its create, and its session is served after this read.
    if (compareZxid(outcome.zxid, create.outcome.zxid) < 0 || create.endMs >= startMs) return [];
    if ((lastMs.get(create.session) ?? 0) <= endMs) return [];
    return [
      new Violation("EphemeralsAsSessions", `${operationLine(operation)} misses ${operationLine(create)}`),
    ];
  });
}

/** Reads behind a sync on their connection, and when that was sent. */
function syncedReads(answered: readonly Answered[]): readonly { operation: Answered; syncMs: number }[] {
  const syncMs = new Map<number, number>();
  const found: { operation: Answered; syncMs: number }[] = [];
  for (const operation of answered.toSorted((a, b) => a.startMs - b.startMs || a.id - b.id)) {
    const { connection, request, outcome, startMs } = operation;
    if (request.op === "sync" && outcome.error === 0) syncMs.set(connection, startMs);
    const sentMs = syncMs.get(connection);
    if (sentMs !== undefined) found.push({ operation, syncMs: sentMs });
  }
  return found;
}

/** Whatever anybody asked to delete. */
function deletedPaths(operations: readonly Operation[]): ReadonlySet<string> {
  return new Set(
    operations.flatMap(({ request }) => {
      if (request.op === "delete") return [request.path];
      if (request.op !== "multi") return [];
      return request.operations.flatMap((one) => (one.op === "delete" ? [one.path] : []));
    }),
  );
}
