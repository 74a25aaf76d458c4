/**
 * Writes, and reads behind a sync, are linearizable. A history is linearizable where it is so for each object by itself
 * (Herlihy and Wing, theorem 1), so each znode is judged alone, and a multi stands with each znode that it touches.
 */
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import type { MultiResult, Response } from "../../../src/base/request.ts";
import type { Stat } from "../../../src/base/stat.ts";
import { Violation } from "../verdict.ts";
import { checkLinearizable, type TimedOperation } from "./linearizability.ts";
import type { ClientWrite } from "./reference-requests.ts";
import { inSendingOrder, isWriteOperation, operationLine, type Write } from "./told-operations.ts";
import type { Sweep } from "./replay.ts";
import type { Operation, SessionRecord } from "./types.ts";
import { dataText, type Step, type StepAnswer, ZNODE_MODEL, type ZnodeOperation } from "./znode-model.ts";

type Timed = TimedOperation<ZnodeOperation>;

/** Configurations looked at for one znode before the search gives up. */
const CONFIGURATIONS_PER_ZNODE = 50_000;

/**
 * The service makes these by itself when a lease with a delay ends, and removes them; who waits for a lock looks at
 * them. What they do is judged by LockDelayKept.
 */
const PLACEHOLDER = /\/closed-[^/]*$/;

/** Judges each znode that was written; `sweeps` are all that the service removed by itself. */
export function checkLinearizability(
  operations: readonly Operation[],
  sessions: readonly SessionRecord[],
  options: { readonly configurationsMax?: number | undefined; readonly sweeps?: readonly Sweep[] } = {},
): readonly Violation[] {
  const { configurationsMax = CONFIGURATIONS_PER_ZNODE, sweeps = [] } = options;
  const znodes = new Partition(operations, sessions, sweeps).znodes();
  const found: Violation[] = [];
  for (const [path, history] of znodes) {
    const verdict = checkLinearizable(ZNODE_MODEL, history, configurationsMax);
    if (verdict.kind === "linearizable") continue;
    if (verdict.kind === "undecided") {
      const what = `gave up at ${path} after ${verdict.configurations} configurations: the run is not judged`;
      found.push(new Violation("LinearizabilityUndecided", what));
      continue;
    }
    const order = verdict.order.slice(-5).map(znodeLine).join("; ");
    const what = `${path}: nothing explains ${znodeLine(verdict.stuck)}, at best behind ${order}`;
    found.push(new Violation("Linearizability", what));
  }
  return found;
}

function znodeLine({ of }: ZnodeOperation): string {
  return of === undefined ? "the service's own doing" : operationLine(of);
}

/** What each operation does to each znode. */
class Partition {
  readonly #znodes = new Map<string, Timed[]>();
  /** Sequential creates whose number nobody knows, by the path before it. */
  readonly #unnumbered = new Map<string, Timed[]>();
  /** Sessions that may own the znode. */
  readonly #owners = new Map<string, Set<SessionId>>();
  readonly #ends: ReadonlyMap<SessionId, Timed>;

  readonly #sweeps: ReadonlyMap<string, readonly Sweep[]>;

  constructor(
    operations: readonly Operation[],
    sessions: readonly SessionRecord[],
    sweeps: readonly Sweep[],
  ) {
    this.#sweeps = Map.groupBy(sweeps, ({ path }) => path);
    this.#ends = new Map(sessions.map((record) => [record.session, endOf(record)]));
    /** When the sync was sent that stands before a connection's reads, with nothing but reads between. */
    const synced = new Map<number, number>();
    for (const operation of inSendingOrder(operations)) {
      const { connection, request, startMs, outcome } = operation;
      if (isWriteOperation(operation)) {
        synced.delete(connection);
        if (request.op === "sync" && outcome.kind === "answered" && outcome.error === 0) {
          synced.set(connection, startMs);
        }
        this.#write(operation);
        continue;
      }
      const sentMs = synced.get(connection);
      if (sentMs !== undefined) this.#read(operation, sentMs);
    }
  }

  /** Each with its operations; those of unknown number, and ends of owners, among them. */
  znodes(): ReadonlyMap<string, readonly Timed[]> {
    for (const [path, history] of this.#znodes) {
      if (PLACEHOLDER.test(path)) {
        this.#znodes.delete(path);
        continue;
      }
      const digits = path.length - 10;
      if (/^\d{10}$/.test(path.slice(digits))) {
        history.push(...(this.#unnumbered.get(path.slice(0, digits)) ?? []));
      }
      history.push(...(this.#sweeps.get(path) ?? []).map(sweepOf));
      const owners = new Set(this.#owners.get(path));
      for (const { operation } of history) {
        for (const step of operation.steps) if (step.kind === "create") owners.add(step.owner);
      }
      for (const owner of owners) {
        const end = this.#ends.get(owner);
        if (end !== undefined) history.push(end);
      }
    }
    return this.#znodes;
  }

  #write(operation: Write): void {
    const { request, outcome } = operation;
    const answer = outcome.kind === "answered" ? outcome : undefined;
    if (request.op === "multi") return this.#multi(operation);
    const told = answer === undefined ? undefined : stepAnswer(answer.error, answer.response);
    const step = stepOf(request, operation.session, told);
    if (step === undefined || !("path" in request)) return;
    const response = answer?.response;
    const path = response !== undefined && "path" in response ? response.path : request.path;
    this.#place({ operation, steps: [step], isRolledBack: false }, path, request);
  }

  #multi(operation: Write): void {
    const { request, outcome } = operation;
    if (request.op !== "multi") return;
    const response = outcome.kind === "answered" ? outcome.response : undefined;
    if (outcome.kind === "answered" && (outcome.error !== 0 || response?.op !== "multi")) return;
    const results = response?.op === "multi" ? response.results : undefined;
    const failed = results?.findIndex((result) => result.op === "error" && result.code !== 0) ?? -1;
    const byPath = new Map<string, { readonly steps: Step[]; readonly request: object }>();
    for (const [index, one] of request.operations.entries()) {
      if (one.op === "unsupported" || (failed >= 0 && index > failed)) continue;
      const result = results?.[index];
      const step = stepOf(one, operation.session, result === undefined ? undefined : resultAnswer(result));
      if (step === undefined) continue;
      const path = result !== undefined && "path" in result ? result.path : one.path;
      const known = byPath.get(path);
      if (known === undefined) byPath.set(path, { steps: [step], request: one });
      else known.steps.push(step);
    }
    for (const [path, { steps, request: one }] of byPath) {
      this.#place({ operation, steps, isRolledBack: failed >= 0 }, path, one);
    }
  }

  #place(
    parts: { readonly operation: Operation; readonly steps: readonly Step[]; readonly isRolledBack: boolean },
    path: string,
    request: object,
  ): void {
    const { operation, steps, isRolledBack } = parts;
    const { outcome, startMs, endMs } = operation;
    const zxid = outcome.kind === "answered" ? outcome.zxid : undefined;
    const timed = { operation: { of: operation, zxid, steps, isRolledBack }, startMs, endMs };
    const isSequential = "flags" in request && [2, 3, 6].includes(Number(request.flags));
    const isUnnumbered = isSequential && (outcome.kind !== "answered" || isRolledBack);
    const isRefused = isSequential && outcome.kind === "answered" && outcome.error !== 0;
    // What was refused has no name yet.
    if (isRefused || (isUnnumbered && isRolledBack)) return;
    add(isUnnumbered ? this.#unnumbered : this.#znodes, path, timed);
  }

  #read(operation: Operation, syncMs: number): void {
    const { request, outcome, endMs } = operation;
    if (request.op !== "exists" && request.op !== "getData" && request.op !== "getChildren2") return;
    if (outcome.kind !== "answered" || isReserved(request.path) || isCallers(request.path)) return;
    const answer = stepAnswer(outcome.error, outcome.response);
    const steps: readonly Step[] = [{ kind: "read", answer }];
    const one = { of: operation, zxid: undefined, steps, isRolledBack: false };
    add(this.#znodes, request.path, { operation: one, startMs: syncMs, endMs });
    const owner = answer.stat?.ephemeralOwner ?? NO_SESSION;
    if (owner === NO_SESSION) return;
    this.#owners.set(request.path, (this.#owners.get(request.path) ?? new Set()).add(owner));
  }
}

/** Those that are there from the start, whose first state no client made. */
function isReserved(path: string): boolean {
  return path === "/" || path === "/zookeeper" || path.startsWith("/zookeeper/");
}

/** What callers without a connection make under names of the service's own. */
function isCallers(path: string): boolean {
  return path.includes("/_c_");
}

/** A session may end once it was last heard, and has ended when its client is told so. */
function endOf({ session, lastHeardMs, expiredMs, closedMs }: SessionRecord): Timed {
  const steps: readonly Step[] = [{ kind: "end", session, answer: undefined }];
  const operation = { of: undefined, zxid: undefined, steps, isRolledBack: false };
  // A session that is closed was last heard with that wish, or before.
  return { operation, startMs: lastHeardMs, endMs: expiredMs ?? closedMs ?? Infinity };
}

/** It was done by the moment when a replica had it. */
function sweepOf({ czxid, atMs }: Sweep): Timed {
  const steps: readonly Step[] = [{ kind: "sweep", czxid, answer: undefined }];
  return {
    operation: { of: undefined, zxid: undefined, steps, isRolledBack: false },
    startMs: 0,
    endMs: atMs,
  };
}

function stepOf(request: ClientWrite, session: SessionId, answer: StepAnswer | undefined): Step | undefined {
  if ("path" in request && isReserved(request.path)) return undefined;
  if ("flags" in request) {
    const isEphemeral = request.op !== "createContainer" && (request.flags === 1 || request.flags === 3);
    const owner = isEphemeral ? session : NO_SESSION;
    return { kind: "create", data: dataText(request.data), owner, answer };
  }
  if (request.op === "setData") {
    return { kind: "setData", data: dataText(request.data), version: request.version, answer };
  }
  const { op } = request;
  return op === "delete" || op === "check" ? { kind: op, version: request.version, answer } : undefined;
}

function stepAnswer(error: number, response: Response | undefined): StepAnswer {
  const stat: Stat | undefined = response !== undefined && "stat" in response ? response.stat : undefined;
  return { error, stat, data: response?.op === "getData" ? dataText(response.data) : undefined };
}

function resultAnswer(result: MultiResult): StepAnswer {
  if (result.op === "error") return { error: result.code, stat: undefined, data: undefined };
  return { error: 0, stat: "stat" in result ? result.stat : undefined, data: undefined };
}

function add(map: Map<string, Timed[]>, path: string, one: Timed): void {
  const known = map.get(path);
  if (known === undefined) map.set(path, [one]);
  else known.push(one);
}
