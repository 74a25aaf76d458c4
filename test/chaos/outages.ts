/** When there was no quorum, and what was acknowledged all the same. */
import { isWrite } from "../sim/history/reference-requests.ts";
import { operationLine } from "../sim/history/told-operations.ts";
import type { Operation } from "../sim/history/types.ts";
import { Violation } from "../sim/verdict.ts";
import type { Fault } from "./target.ts";

/** A stretch of time, in ms of the clients' clock. */
export interface Stretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A fault that took place. */
export interface Injected {
  readonly fault: Fault;
  /** When it was asked for, and when it was surely in force. */
  readonly askedMs: number;
  readonly inForceMs: number;
}

/** Replicas count whole milliseconds of a clock of their own. */
const CLOCK_GRAIN_MS = 10;

/** The stretches within which so many voters were surely away that the rest was no quorum. */
export function stretchesWithoutQuorum(
  injected: readonly Injected[],
  voters: readonly number[],
): readonly Stretch[] {
  const outages = outagesOf(injected, voters);
  const edges = [...new Set(outages.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]))].toSorted(
    (a, b) => a - b,
  );
  const found: { fromMs: number; untilMs: number }[] = [];
  for (const [index, fromMs] of edges.entries()) {
    const untilMs = edges[index + 1] ?? fromMs;
    const away = new Set(
      outages.filter((one) => one.fromMs <= fromMs && untilMs <= one.untilMs).map(({ sid }) => sid),
    );
    if (untilMs === fromMs || (voters.length - away.size) * 2 > voters.length) continue;
    const last = found.at(-1);
    if (last?.untilMs === fromMs) last.untilMs = untilMs;
    else found.push({ fromMs, untilMs });
  }
  return found;
}

/** What needs a quorum, and was sent when there was none. */
export function askedWithin(
  operations: readonly Operation[],
  stretches: readonly Stretch[],
): readonly Operation[] {
  return operations
    .filter(({ request }) => isWrite(request))
    .filter(({ startMs }) => stretches.some(({ fromMs, untilMs }) => fromMs <= startMs && startMs < untilMs));
}

/** Nothing that needs a quorum is asked for and acknowledged while there is none. */
export function checkWithoutQuorum(
  operations: readonly Operation[],
  stretches: readonly Stretch[],
): readonly Violation[] {
  return askedWithin(operations, stretches)
    .filter(({ outcome }) => outcome.kind === "answered")
    .filter(({ startMs, endMs }) =>
      stretches.some(({ fromMs, untilMs }) => fromMs <= startMs && endMs < untilMs),
    )
    .map((operation) => new Violation("nothing is acknowledged without a quorum", operationLine(operation)));
}

interface Outage extends Stretch {
  readonly sid: number;
}

/** An outage ends with its time, or when the replica suffers something else, which may end it early. */
function outagesOf(injected: readonly Injected[], voters: readonly number[]): readonly Outage[] {
  const inOrder = injected.toSorted((a, b) => a.askedMs - b.askedMs);
  return inOrder.flatMap(({ fault, askedMs, inForceMs }, index): readonly Outage[] => {
    const { sid, ms } = fault;
    if (!isAway(fault, voters)) return [];
    const next = inOrder
      .slice(index + 1)
      .find((later) => later.fault.kind === "kill all" || later.fault.sid === sid);
    const untilMs = Math.min(askedMs + ms - CLOCK_GRAIN_MS, next?.askedMs ?? Infinity);
    return untilMs > inForceMs ? [{ sid, fromMs: inForceMs, untilMs }] : [];
  });
}

function isAway({ kind, sid }: Fault, voters: readonly number[]): boolean {
  if (!voters.includes(sid)) return false;
  // A sole voter needs nobody: cut off it still is a quorum.
  return kind === "freeze" || kind === "down" || (kind === "cut" && voters.length > 1);
}
