/** Order: of zxids in time, of sequence numbers, of what reads show. */
import type { SessionId } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { type History, isWrite, type Operation } from "./history.ts";
import { type Violation, violation } from "./violation.ts";

/**
 * Writes are linearizable: one that was sent after another was acknowledged has a higher zxid, whoever sent
 * them; and, under one parent, a higher sequence number.
 */
export function checkOrder({ operations }: History): readonly Violation[] {
  const created = new Map<string, { operation: Operation; number: number; path: string }[]>();
  const writes: { operation: Operation; zxid: Zxid }[] = [];
  for (const operation of operations) {
    const { action, outcome } = operation;
    if (outcome.kind !== "ok" || !isWrite(action)) continue;
    writes.push({ operation, zxid: outcome.zxid });
    if (action.kind !== "sequential" || outcome.answer.kind !== "created") continue;
    const { path } = outcome.answer;
    const one = { operation, number: Number(path.slice(-10)), path };
    const siblings = created.get(action.parent);
    if (siblings === undefined) created.set(action.parent, [one]);
    else siblings.push(one);
  }
  const found = inOrder(writes, {
    rule: "zxids follow time",
    compare: (a, b) => compareZxid(a.zxid, b.zxid),
    text: ({ zxid }) => zxidText(zxid),
  });
  for (const siblings of created.values()) {
    const numbers = inOrder(siblings, {
      rule: "sequence numbers follow time",
      compare: (a, b) => a.number - b.number,
      text: ({ path }) => path,
    });
    const unique = new Set(siblings.map(({ number }) => number));
    found.push(...numbers);
    if (unique.size === siblings.length) continue;
    const told = `${siblings.length} creates, ${unique.size} numbers`;
    found.push(violation("a sequence number is given once", told, siblings[0]?.path));
  }
  return found;
}

interface Timed {
  readonly operation: Operation;
}

/** Each must stand above all that ended before it started. */
function inOrder<T extends Timed>(
  items: readonly T[],
  order: {
    readonly rule: string;
    readonly compare: (a: T, b: T) => number;
    readonly text: (item: T) => string;
  },
): Violation[] {
  const byEnd = items.toSorted((a, b) => a.operation.endMs - b.operation.endMs);
  const byStart = items.toSorted((a, b) => a.operation.startMs - b.operation.startMs);
  const found: Violation[] = [];
  let ended = 0;
  let highest: T | undefined;
  for (const item of byStart) {
    for (let next = byEnd[ended]; next !== undefined; next = byEnd[ended]) {
      if (next.operation.endMs >= item.operation.startMs) break;
      if (highest === undefined || order.compare(next, highest) > 0) highest = next;
      ended++;
    }
    if (highest === undefined || order.compare(item, highest) > 0) continue;
    const told = `${order.text(item)} was sent after ${order.text(highest)} was acknowledged`;
    const { action } = item.operation;
    found.push(violation(order.rule, told, "path" in action ? action.path : undefined));
  }
  return found;
}

/** What a counter's writes and reads so far oblige a later read to show. */
class Counter {
  /** Version by the set that was acknowledged, for all that sync before they read. */
  acknowledged: { endMs: number; version: number; session: SessionId }[] = [];
  /** Versions that some set may have made. */
  readonly possible = new Set<number>([0]);
}

/** Reads show at least what their session knew, and after a sync what anybody had been told. */
export function checkReads({ operations }: History): readonly Violation[] {
  const counters = new Map<string, Counter>();
  for (const { action, outcome, endMs, session } of operations) {
    if (action.kind !== "set") continue;
    const counter = counters.get(action.path) ?? new Counter();
    counters.set(action.path, counter);
    if (outcome.kind === "ok") counter.acknowledged.push({ endMs, session, version: action.version });
    if (outcome.kind === "ok" || outcome.kind === "unknown") counter.possible.add(action.version);
  }
  const reads = operations.filter(({ action, outcome }) => action.kind === "read" && outcome.kind === "ok");
  for (const counter of counters.values()) counter.acknowledged.sort((a, b) => a.endMs - b.endMs);
  return [...reads.flatMap((read) => judgeRead(read, counters)), ...checkZxidsOfReads(reads)];
}

function judgeRead(read: Operation, counters: ReadonlyMap<string, Counter>): readonly Violation[] {
  const { action, outcome, startMs, session } = read;
  if (action.kind !== "read" || outcome.kind !== "ok" || outcome.answer.kind !== "value") return [];
  const counter = counters.get(action.path) ?? new Counter();
  const { version, data } = outcome.answer;
  const found: Violation[] = [];
  if (!counter.possible.has(version) || data !== String(version)) {
    found.push(violation("a read shows what was written", `"${data}" at version ${version}`, action.path));
  }
  // One owner sets a counter, one after another: the latest set acknowledged is the highest.
  const known = counter.acknowledged.findLast(
    (set) => set.endMs < startMs && (action.synced || set.session === session),
  );
  const floor = known?.version ?? 0;
  if (version < floor) {
    const rule = action.synced ? "a read after a sync is up to date" : "a session reads its own writes";
    found.push(violation(rule, `version ${version} after ${floor} was acknowledged`, action.path));
  }
  return found;
}

/** Per session, a read that was sent after another was answered shows no older state. */
function checkZxidsOfReads(reads: readonly Operation[]): readonly Violation[] {
  const found: Violation[] = [];
  const seen = new Map<SessionId, Zxid>();
  for (const { session, outcome, client } of reads.toSorted((a, b) => a.endMs - b.endMs)) {
    if (outcome.kind !== "ok") continue;
    const before = seen.get(session) ?? ZXID_ZERO;
    if (compareZxid(outcome.zxid, before) < 0) {
      const told = `client ${client} read at ${zxidText(outcome.zxid)} after ${zxidText(before)}`;
      found.push(violation("a session's time does not go back", told));
    } else {
      seen.set(session, outcome.zxid);
    }
  }
  return found;
}
