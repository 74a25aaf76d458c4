/**
 * What a call touches, for its caller's scope: a kind of call that is not listed here does not compile. Writes are
 * checked where they are decided, operation by operation (tree/scope.ts).
 */
import { assertNever } from "../base/assert.ts";
import type { Permission } from "../base/grant.ts";
import { mayTouch, type Scope } from "../tree/scope.ts";
import type { CallRequest } from "./call.ts";

/** What its caller must be allowed. */
export interface Need {
  readonly permission: Permission;
  readonly path: string;
}

/** Whether the scope lets its bearer call for that. A scope of nothing lets nobody do anything. */
export function mayCall(scope: Scope, request: CallRequest): boolean {
  if (scope.grants?.length === 0) return false;
  const need = needOf(request);
  return need === undefined || mayTouch(scope, need.permission, need.path);
}

/**
 * What was not allowed, for people, where a call was refused for that: of a write's operations the one at `failed`, or
 * what stands before them. undefined where it may be one of several things, or none on a path.
 */
export function refusedNeed(request: CallRequest, failed: number | undefined): Need | undefined {
  if (request.kind !== "write") return needOf(request);
  if (request.request.op !== "transact") return undefined;
  const { operations, ensured, guards } = request.request;
  const operation = operations[failed ?? -1];
  if (operation !== undefined) {
    return { permission: operation.op === "check" ? "read" : "write", path: operation.path };
  }
  const before: readonly Need[] = [
    ...guards.map(({ path }) => ({ permission: "read", path }) as const),
    ...(ensured === undefined ? [] : [{ permission: "write", path: ensured } as const]),
  ];
  return before.length === 1 ? before[0] : undefined;
}

function needOf(request: CallRequest): Need | undefined {
  switch (request.kind) {
    case "read":
      return { permission: "read", path: request.request.path };
    case "children":
    case "queue":
    case "past":
    case "difference":
    case "explainPath":
      return { permission: "read", path: request.path };
    case "acquire":
    case "renew":
    case "release":
    case "proclaim":
      return { permission: "write", path: request.path };
    case "forceRelease":
      return { permission: "admin", path: request.path };
    case "write":
    case "openSession":
    case "whoAmI":
      return undefined;
    case "listSessions":
    case "showSession":
    case "listWatches":
    case "listQueues":
      return { permission: "read", path: "/" };
    case "authorize":
      return request.need;
    case "explainSession":
      return { permission: "read", path: "/" };
    case "endSession":
    case "createToken":
    case "listTokens":
    case "revokeToken":
    case "createHook":
    case "deleteHook":
    case "listHooks":
    case "resumeHook":
    case "noteHook":
      return { permission: "admin", path: "/" };
    default:
      return assertNever(request);
  }
}
