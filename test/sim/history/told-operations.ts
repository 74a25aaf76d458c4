/** What operations of a history say, picked out for the checks. */
import { createHash } from "node:crypto";

import type { Identity } from "../../../src/base/acl.ts";
import { type SessionId, sessionText } from "../../../src/base/ids.ts";
import type { Stat } from "../../../src/base/stat.ts";
import { type Zxid, zxidText } from "../../../src/base/zxid.ts";
import { type ClientWrite, isWrite } from "./reference-requests.ts";
import { told } from "./same.ts";
import type { Operation, Outcome } from "./types.ts";

/** An operation that was answered. */
export type Answered = Operation & { readonly outcome: Extract<Outcome, { readonly kind: "answered" }> };

/** An operation that goes through the log. */
export type Write = Operation & { readonly request: ClientWrite };

/** Whether an answer came, and tells a zxid. */
export function isAnswered(operation: Operation): operation is Answered {
  return operation.outcome.kind === "answered" && operation.outcome.zxid.epoch !== 0xffffffff;
}

/** Whether it goes through the log; a sync does too. */
export function isWriteOperation<T extends Operation>(operation: T): operation is T & Write {
  return isWrite(operation.request);
}

/** Answered writes, syncs left out: they change nothing, and other servers give them no zxid of their own. */
export function acknowledgedWrites(operations: readonly Operation[]): readonly (Answered & Write)[] {
  return operations.filter(isAnswered).filter(isWriteOperation).filter(isNoSync);
}

function isNoSync({ request }: Write): boolean {
  return request.op !== "sync";
}

/** Operations in the order in which they were sent. */
export function inSendingOrder<T extends Operation>(operations: readonly T[]): readonly T[] {
  return operations.toSorted((a, b) => a.startMs - b.startMs || a.id - b.id);
}

/** A znode as an answer shows it. */
export interface ShownZnode {
  readonly path: string;
  readonly stat: Stat;
}

/** The Stats that a read was answered with. */
export function shownStats({ request, outcome }: Answered): readonly ShownZnode[] {
  const { response } = outcome;
  if (outcome.error !== 0 || response === undefined || !("path" in request)) return [];
  if (isWrite(request) || !("stat" in response)) return [];
  return [{ path: request.path, stat: response.stat }];
}

/** The paths that an acknowledged write created, or whose data it set. */
export function pathsWritten({ request, outcome }: Answered & Write): readonly string[] {
  const { response } = outcome;
  if (outcome.error !== 0) return [];
  if ("flags" in request) return response !== undefined && "path" in response ? [response.path] : [];
  if (request.op === "setData") return [request.path];
  if (request.op !== "multi" || response?.op !== "multi") return [];
  if (response.results.some(({ op }) => op === "error")) return [];
  return response.results.flatMap((result, index) => {
    if ("path" in result) return [result.path];
    const operation = request.operations[index];
    return operation?.op === "setData" ? [operation.path] : [];
  });
}

/** What connections prove to be: by what was sent on each before an operation. */
export class Proofs {
  readonly #byConnection = new Map<number, { readonly id: number; readonly identity: Identity }[]>();

  constructor(operations: readonly Operation[]) {
    for (const { id, connection, request } of inSendingOrder(operations)) {
      if (request.op !== "auth" || request.scheme !== "digest" || request.auth === null) continue;
      const login = new TextDecoder().decode(request.auth);
      const hash = createHash("sha1").update(request.auth).digest("base64");
      const identity = { scheme: "digest", id: `${login.split(":", 1)[0]}:${hash}` };
      const known = this.#byConnection.get(connection) ?? [];
      this.#byConnection.set(connection, [...known, { id, identity }]);
    }
  }

  of({ id, connection }: Operation): readonly Identity[] {
    const known = this.#byConnection.get(connection);
    return known === undefined ? [] : known.filter((one) => one.id < id).map(({ identity }) => identity);
  }
}

/** One line for people. */
export function operationLine(operation: Operation): string {
  const { id, client, session, connection, request, startMs, endMs, outcome } = operation;
  const times = `${startMs.toFixed(2)}-${endMs === Infinity ? "?" : endMs.toFixed(2)} ms`;
  const { op, ...fields } = request;
  const asked = `${op} ${told(fields)}`;
  const who = `#${id} ${client} ${sessionText(session)} connection ${connection}`;
  return `${who} ${times}: ${asked} -> ${outcomeText(outcome)}`;
}

function outcomeText(outcome: Outcome): string {
  if (outcome.kind === "unknown") return `unknown (${outcome.reason})`;
  const { zxid, error, response } = outcome;
  return error === 0 ? `${zxidText(zxid)} ${told(response)}` : `${zxidText(zxid)} error ${error}`;
}

/** A zxid and whose it is, as text: for messages. */
export function positionText(zxid: Zxid, session: SessionId): string {
  return `${zxidText(zxid)} of ${sessionText(session)}`;
}
