/** What a client is told about its write. Source: ZooKeeper FinalRequestProcessor. */
import { assertNever } from "../base/assert.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import type { MultiResult, Response, WriteRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";

/** A reply without its number and zxid. */
export interface Reply {
  /** 0, or one of ERROR_CODES. */
  readonly code: number;
  readonly response: Response;
}

/** The reply to a write, from what applying it gave. */
export function replyTo(request: WriteRequest, outcome: Outcome): Reply {
  const ok = ERROR_CODES.ok;
  switch (outcome.kind) {
    case "error":
      return { code: outcome.code, response: { op: "empty" } };
    case "created":
      return outcome.withStat
        ? { code: ok, response: { op: "create2", path: outcome.path, stat: outcome.stat } }
        : { code: ok, response: { op: "path", path: outcome.path } };
    case "stat":
      return { code: ok, response: { op: "stat", stat: outcome.stat } };
    case "barrier":
      return { code: ok, response: { op: "path", path: outcome.path } };
    case "multi": {
      const operations = request.op === "multi" || request.op === "transact" ? request.operations : [];
      return { code: ok, response: { op: "multi", results: multiResults(operations, outcome.outcomes) } };
    }
    case "config":
      return { code: ok, response: { op: "getData", data: outcome.data, stat: outcome.stat } };
    case "done":
      return { code: ok, response: { op: "empty" } };
    default:
      return assertNever(outcome);
  }
}

/** A multi that failed is answered with an error per operation, under a header that says all is well. */
function multiResults(
  operations: readonly { readonly op: string }[],
  outcomes: readonly Outcome[],
): readonly MultiResult[] {
  return outcomes.map((outcome, index): MultiResult => {
    if (outcome.kind === "error") return { op: "error", code: outcome.code };
    if (outcome.kind === "created") {
      const { path, stat } = outcome;
      return outcome.withStat ? { op: "create2", path, stat } : { op: "create", path };
    }
    if (outcome.kind === "stat") return { op: "setData", stat: outcome.stat };
    return { op: operations[index]?.op === "check" ? "check" : "delete" };
  });
}
