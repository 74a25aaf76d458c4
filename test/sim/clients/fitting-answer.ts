/** What a server may answer to which request: what a client can tell from the answer alone, whatever others did. */
import { ERROR_CODES, type ErrorName } from "../../../src/base/error-code.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import type { CreateRequest, MultiOperation, MultiResult, Response } from "../../../src/base/request.ts";
import type { Stat } from "../../../src/base/stat.ts";
import { equalZxid, type Zxid } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";

/** An answer and whose it is. */
export interface Told {
  readonly session: SessionId;
  readonly request: ClientRequest;
  readonly zxid: Zxid;
  readonly error: number;
  readonly response: Response;
}

/** CreateMode: ephemeral and sequential in each combination, and sequential with a TTL. */
const EPHEMERAL_FLAGS: readonly number[] = [1, 3];
const SEQUENTIAL_FLAGS: readonly number[] = [2, 3, 6];
const SEQUENCE_DIGITS = 10;

/** What may be wrong with a single operation, besides that its session is over. */
const FAULTS: Readonly<Partial<Record<ClientRequest["op"], readonly ErrorName[]>>> = {
  create: ["noNode", "nodeExists", "noChildrenForEphemerals"],
  create2: ["noNode", "nodeExists", "noChildrenForEphemerals"],
  createContainer: ["noNode", "nodeExists", "noChildrenForEphemerals"],
  createTTL: ["noNode", "nodeExists", "noChildrenForEphemerals"],
  setData: ["noNode", "badVersion"],
  delete: ["noNode", "badVersion", "notEmpty"],
  check: ["noNode", "badVersion"],
  exists: ["noNode"],
  getData: ["noNode"],
  getChildren: ["noNode"],
  getChildren2: ["noNode"],
  removeWatches: ["noWatcher"],
  reconfig: ["newConfigNoQuorum", "reconfigInProgress"],
};

const WRITES: ReadonlySet<ClientRequest["op"]> = new Set([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "setData",
  "delete",
  "multi",
  "sync",
  "reconfig",
  "closeSession",
] as const);

/** Whether the request goes through the log: its answer carries the zxid it was done at. */
export function isLogged(request: ClientRequest): boolean {
  return WRITES.has(request.op);
}

/** Why no server may answer so; undefined where one may. */
export function misfitOf(told: Told): string | undefined {
  const { request, error, response } = told;
  if (error !== ERROR_CODES.ok) {
    return mayFail(request, error) ? undefined : `error ${error} to ${request.op}`;
  }
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- of the others a success says it all
  switch (request.op) {
    case "create":
      return response.op === "path" ? misnamed(request, response.path) : wrong(response);
    case "create2":
    case "createContainer":
    case "createTTL":
      if (response.op !== "create2") return wrong(response);
      return misnamed(request, response.path) ?? misborn(told, request, response.stat);
    case "setData":
      return response.op === "stat" ? misset(told, request, response.stat) : wrong(response);
    case "sync":
      if (response.op !== "path") return wrong(response);
      return response.path === request.path ? undefined : `sync of ${request.path} tells ${response.path}`;
    case "getData":
    case "reconfig":
      if (response.op !== "getData") return wrong(response);
      return missized(response.data?.length ?? 0, response.stat.dataLength);
    case "getChildren2":
      if (response.op !== "children2") return wrong(response);
      return missized(new Set(response.children).size, response.stat.numChildren);
    case "multi":
      return response.op === "multi" ? torn(request.operations, response.results) : wrong(response);
    case "multiRead":
      if (response.op !== "multi") return wrong(response);
      return missized(response.results.length, request.operations.length);
    case "addWatch":
      return response.op === "error" && response.code === ERROR_CODES.ok ? undefined : wrong(response);
    default:
      return undefined;
  }
}

function mayFail(request: ClientRequest | MultiOperation, error: number): boolean {
  const isOver = error === ERROR_CODES.sessionExpired;
  if (request.op === "unsupported") return false;
  if (isOver) return request.op === "check" || isLogged(request);
  return (FAULTS[request.op] ?? []).some((name) => ERROR_CODES[name] === error);
}

function wrong(response: Response): string {
  return `answered by ${response.op}`;
}

function missized(told: number, counted: number): string | undefined {
  return told === counted ? undefined : `${told} where it should be ${counted}`;
}

function misnamed(request: CreateRequest, path: string): string | undefined {
  const isSequential = SEQUENTIAL_FLAGS.includes(request.flags);
  const given = isSequential ? path.slice(0, -SEQUENCE_DIGITS) : path;
  const isNumbered = !isSequential || /^\d{10}$/.test(path.slice(-SEQUENCE_DIGITS));
  return given === request.path && isNumbered ? undefined : `${path} for a create of ${request.path}`;
}

function misborn({ session, zxid }: Told, request: CreateRequest, stat: Stat): string | undefined {
  if (!equalZxid(stat.czxid, zxid)) return `a create of another zxid`;
  if (stat.version !== 0) return `version ${stat.version} of a new znode`;
  const owner = EPHEMERAL_FLAGS.includes(request.flags) ? session : NO_SESSION;
  if (stat.ephemeralOwner !== owner) return `a new znode of owner 0x${stat.ephemeralOwner.toString(16)}`;
  return missized(stat.dataLength, request.data?.length ?? 0);
}

function misset(
  { zxid }: Told,
  request: { readonly version: number; readonly data: Uint8Array | null },
  stat: Stat,
): string | undefined {
  if (!equalZxid(stat.mzxid, zxid)) return `a change of another zxid`;
  if (request.version !== -1 && stat.version !== request.version + 1) {
    return `version ${stat.version} after ${request.version}`;
  }
  return missized(stat.dataLength, request.data?.length ?? 0);
}

/** A multi is done or not, as a whole: where one failed those before it tell 0 and those behind it -2. */
function torn(operations: readonly MultiOperation[], results: readonly MultiResult[]): string | undefined {
  if (results.length !== operations.length)
    return `${results.length} results of ${operations.length} operations`;
  const codes = results.flatMap((result) => (result.op === "error" ? [result.code] : []));
  if (codes.length === 0) return misplaced(operations, results);
  const failed = codes.findIndex((code) => code !== ERROR_CODES.ok);
  const told = `results ${results.map((one) => (one.op === "error" ? one.code : one.op)).join(" ")}`;
  const operation = operations[failed];
  if (codes.length !== results.length || operation === undefined) return told;
  const isTail = codes.slice(failed + 1).every((code) => code === ERROR_CODES.runtimeInconsistency);
  return isTail && mayFail(operation, codes[failed] ?? 0) ? undefined : told;
}

/** Each result is of its operation's kind. */
function misplaced(
  operations: readonly MultiOperation[],
  results: readonly MultiResult[],
): string | undefined {
  for (const [index, operation] of operations.entries()) {
    const result = results[index];
    // A create2 in a multi is answered by its Stat too, as are containers and TTL znodes.
    const isTold = operation.op === "createContainer" || operation.op === "createTTL";
    if (result?.op !== (isTold ? "create2" : operation.op)) return `result ${result?.op} of ${operation.op}`;
    if (!("flags" in operation)) continue;
    const problem =
      result.op === "create" || result.op === "create2" ? misnamed(operation, result.path) : undefined;
    if (problem !== undefined) return problem;
  }
  return undefined;
}
