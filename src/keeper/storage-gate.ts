/**
 * Keeps the databases of the ensemble below the platform's bound: beyond it every write of a replica fails, those that
 * would free space too. So while one replica's database is near it, the leader refuses what adds to the tree; what
 * takes from it passes. Source of the error: ZooKeeper's quotas.
 */
import type { Sid } from "../base/ids.ts";
import type { TransactOperation, WriteRequest } from "../base/request.ts";
import { STORAGE_RESUME_RATIO } from "./limits.ts";

/** What replicas last told of their databases, to one leader. */
export class StorageGate {
  readonly #limitBytes: number;
  readonly #bytes = new Map<Sid, number>();
  #isFull = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes a replica's word; gives a line for the log where the gate closes or opens. */
  report(sid: Sid, bytes: number): string | undefined {
    this.#bytes.set(sid, bytes);
    const most = Math.max(...this.#bytes.values());
    const wasFull = this.#isFull;
    this.#isFull = most > this.#limitBytes * (wasFull ? STORAGE_RESUME_RATIO : 1);
    if (this.#isFull === wasFull) return undefined;
    const fields = `${most} bytes at replica ${sid}, the limit is ${this.#limitBytes}`;
    return this.#isFull ? `full, creates and sets are refused: ${fields}` : `has room again: ${fields}`;
  }

  /** A replica is gone: what it will need is told when it is back. */
  forget(sid: Sid): void {
    this.#bytes.delete(sid);
  }

  /** Whether a request is refused at present. */
  refuses(request: WriteRequest): boolean {
    if (!this.#isFull) return false;
    if (request.op === "transact") return request.ensured !== undefined || request.operations.some(grows);
    return request.op === "multi" ? request.operations.some(grows) : grows(request);
  }
}

/** Operations that may add to the tree. */
const GROWING: ReadonlySet<string> = new Set<WriteRequest["op"] | TransactOperation["op"]>([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "setData",
  "setACL",
  "put",
  "ensure",
  "add",
]);

function grows({ op }: { readonly op: string }): boolean {
  return GROWING.has(op);
}
