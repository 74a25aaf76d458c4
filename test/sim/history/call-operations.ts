/** What calls set in znodes that clients with connections use too, in the shape of those clients' operations. */
import { NO_SESSION } from "../../../src/base/ids.ts";
import type { SetDataRequest } from "../../../src/base/request.ts";
import type { CallRecord, Operation, Outcome } from "./types.ts";

/** Numbers that no operation of a connection has. */
const FIRST_ID = 1_000_000_000;

/** One for each thing that was wanted, however often it was asked for; what was refused changed nothing. */
export function callsAsOperations(calls: readonly CallRecord[]): readonly Operation[] {
  const found: Operation[] = [];
  for (const [, askings] of Map.groupBy(calls, ({ intent }) => intent)) {
    const [first] = askings;
    if (first === undefined) continue;
    const { client, startMs, asked } = first;
    const sets = setsOf(first);
    if (sets.length === 0) continue;
    const ended = endOf(askings);
    if (ended === undefined) continue;
    const request = { op: "multi", operations: sets } as const;
    const session = asked.session?.session ?? NO_SESSION;
    const id = FIRST_ID + found.length;
    found.push({ id, client, session, connection: id, request, startMs, ...ended });
  }
  return found;
}

function setsOf({ asked: { request } }: CallRecord): readonly SetDataRequest[] {
  if (request.kind !== "write" || request.request.op !== "transact") return [];
  return request.request.operations.flatMap((one) => (one.op === "setData" ? [one] : []));
}

/** Undefined where it was refused. */
function endOf(
  askings: readonly CallRecord[],
): { readonly endMs: number; readonly outcome: Outcome } | undefined {
  for (const { answer, endMs } of askings) {
    if (answer === undefined || answer === "lost" || answer.kind !== "answered") continue;
    const { zxid, code: error, response } = answer;
    // An asking before it may be on its way still.
    if (error !== 0 && askings.some((one) => !isDecided(one))) break;
    if (error !== 0 || response.op !== "multi") return undefined;
    return { endMs, outcome: { kind: "answered", zxid, error, response } };
  }
  return {
    endMs: Number.POSITIVE_INFINITY,
    outcome: { kind: "unknown", reason: "its call was not answered" },
  };
}

function isDecided({ answer }: CallRecord): boolean {
  return answer !== undefined && answer !== "lost" && answer.kind !== "undecided";
}
