/** When there was no quorum, and what was acknowledged all the same. */
import { isWrite, type Operation } from "./history.ts";
import type { Fault } from "./target.ts";
import { type Violation, violation } from "./violation.ts";

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
    .filter(({ outcome }) => outcome.kind !== "unsent")
    .filter(({ action }) => isWrite(action) || (action.kind === "read" && action.synced))
    .filter(({ startMs }) => stretches.some(({ fromMs, untilMs }) => fromMs <= startMs && startMs < untilMs));
}

/** Nothing that needs a quorum is asked for and acknowledged while there is none. */
export function checkWithoutQuorum(
  operations: readonly Operation[],
  stretches: readonly Stretch[],
): readonly Violation[] {
  return askedWithin(operations, stretches)
    .filter(({ outcome }) => outcome.kind === "ok" && outcome.answer.kind !== "refused")
    .filter(({ startMs, endMs }) =>
      stretches.some(({ fromMs, untilMs }) => fromMs <= startMs && endMs < untilMs),
    )
    .map(({ client, action, startMs, endMs }) => {
      const times = `${startMs.toFixed(1)}-${endMs.toFixed(1)} ms`;
      const path = action.kind === "sequential" ? action.parent : undefined;
      return violation(
        "nothing is acknowledged without a quorum",
        `client ${client} ${times}: ${JSON.stringify(action)}`,
        path,
      );
    });
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
