/** Locks: one holder at a time, tokens that only grow, and nothing done under an old one after a newer. */
import { sessionText } from "../../../src/base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import type { Replay } from "./replay.ts";
import { acknowledgedWrites, operationLine } from "./told-operations.ts";
import type { LockHold, Operation } from "./types.ts";

/** What a write is done under: the token of a holder of the lock that guards it. */
export interface Guard {
  readonly lock: string;
  readonly token: Zxid;
}

/** `guardOf` tells which writes a lock guards. */
export function checkLocks(
  holds: readonly LockHold[],
  operations: readonly Operation[],
  guardOf: ((operation: Operation) => Guard | undefined) | undefined,
  replay: Replay | undefined,
): readonly Violation[] {
  const found: Violation[] = [];
  for (const [, ofLock] of Map.groupBy(holds, ({ lock }) => lock)) {
    const inOrder = ofLock.toSorted((a, b) => a.fromMs - b.fromMs);
    const permits = inOrder[0]?.permits;
    if (permits !== undefined) found.push(...leasesAtOnce(inOrder, permits, replay));
    else found.push(...heldOnce(inOrder, replay), ...tokensGrow(inOrder, replay));
  }
  return guardOf === undefined ? found : [...found, ...guardedGrow(operations, guardOf)];
}

/** When it was over: at the holder's word, or when its session was, whatever the holder believes. */
function overMs({ toMs, session }: LockHold, replay: Replay | undefined): number {
  return Math.min(toMs, replay?.ended.get(session)?.atMs ?? Infinity);
}

function heldOnce(inOrder: readonly LockHold[], replay: Replay | undefined): readonly Violation[] {
  const found: Violation[] = [];
  let last: LockHold | undefined;
  for (const hold of inOrder) {
    if (last !== undefined && overMs(last, replay) > hold.fromMs) {
      found.push(new Violation("LockHeldOnce", `${holdText(last)}, and at once ${holdText(hold)}`));
    }
    if (last === undefined || overMs(hold, replay) >= overMs(last, replay)) last = hold;
  }
  return found;
}

/** No more holders at any moment than there are permits. */
function leasesAtOnce(
  inOrder: readonly LockHold[],
  permits: number,
  replay: Replay | undefined,
): readonly Violation[] {
  return inOrder.flatMap((hold, index) => {
    const others = inOrder.slice(0, index).filter((one) => overMs(one, replay) > hold.fromMs);
    if (others.length < permits) return [];
    const told = [...others, hold].map(holdText).join(", and ");
    return [new Violation("LeasesAtOnce", `of ${permits} permits at once: ${told}`)];
  });
}

/** A token of its own for each holder, larger than that of whoever was over before it began. */
function tokensGrow(inOrder: readonly LockHold[], replay: Replay | undefined): readonly Violation[] {
  const found: Violation[] = [];
  const byEnd = inOrder.toSorted((a, b) => overMs(a, replay) - overMs(b, replay));
  let ended = 0;
  let highest: LockHold | undefined;
  for (const hold of inOrder) {
    for (let next = byEnd[ended]; next !== undefined; next = byEnd[ended]) {
      if (overMs(next, replay) > hold.fromMs || next === hold) break;
      if (highest === undefined || compareZxid(next.token, highest.token) > 0) highest = next;
      ended++;
    }
    if (highest === undefined || compareZxid(hold.token, highest.token) > 0) continue;
    found.push(new Violation("TokensGrow", `${holdText(hold)} after ${holdText(highest)}`));
  }
  return found;
}

function guardedGrow(
  operations: readonly Operation[],
  guardOf: (operation: Operation) => Guard | undefined,
): readonly Violation[] {
  const found: Violation[] = [];
  const highest = new Map<string, Zxid>();
  const done = acknowledgedWrites(operations).filter(({ outcome }) => {
    const { error, response } = outcome;
    return error === 0 && !(response?.op === "multi" && response.results.some(({ op }) => op === "error"));
  });
  for (const operation of done.toSorted((a, b) => compareZxid(a.outcome.zxid, b.outcome.zxid))) {
    const guard = guardOf(operation);
    if (guard === undefined) continue;
    const before = highest.get(guard.lock) ?? ZXID_ZERO;
    if (compareZxid(guard.token, before) >= 0) {
      highest.set(guard.lock, guard.token);
      continue;
    }
    const what = `${operationLine(operation)} under token ${zxidText(guard.token)} after ${zxidText(before)}`;
    found.push(new Violation("GuardedWritesGrow", what));
  }
  return found;
}

function holdText({ lock, client, session, token, fromMs, toMs }: LockHold): string {
  const times = `${fromMs.toFixed(2)}-${toMs === Infinity ? "?" : toMs.toFixed(2)} ms`;
  return `${client} ${sessionText(session)} holds ${lock} with token ${zxidText(token)} ${times}`;
}
