/** Several writes, of which all are done or none (ZooKeeper's multi). */
import { ERROR_CODES } from "../base/error-code.ts";
import type { MultiOperation, MultiResult } from "../base/request.ts";
import type { Asker } from "./asker.ts";
import { errorOfCode, UnexpectedError } from "./errors.ts";
import type { CreateOptions, RequestOptions } from "./options.ts";
import { createRequest } from "./writes.ts";
import { dataOf, type DataInput, type Stat, statOf } from "./znode.ts";

/** What one operation of a transaction came to. */
export type TransactionResult =
  /** ZooKeeper tells no Stat here. */
  | { readonly op: "create"; readonly path: string }
  | { readonly op: "set"; readonly stat: Stat }
  | { readonly op: "delete" }
  | { readonly op: "check" };

/** What a create inside a transaction may be given. */
export type TransactionCreateOptions = Pick<CreateOptions, "mode" | "sequential" | "ttlMs" | "acl">;

/** Gathers operations, in their order; later ones see what earlier ones did. Nothing is sent before commit. */
export class Transaction {
  readonly #asker: Asker;
  readonly #operations: MultiOperation[] = [];
  readonly #paths: string[] = [];

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  create(path: string, data?: DataInput, options: TransactionCreateOptions = {}): this {
    const outer = this.#asker.chroot.outer(path, options.sequential === true);
    return this.#add(path, createRequest({ path, outer, data }, options));
  }

  set(path: string, data: DataInput, { version = -1 }: { readonly version?: number } = {}): this {
    const outer = this.#asker.chroot.outer(path);
    return this.#add(path, { op: "setData", path: outer, data: dataOf(data), version });
  }

  delete(path: string, { version = -1 }: { readonly version?: number } = {}): this {
    return this.#add(path, { op: "delete", path: this.#asker.chroot.outer(path), version });
  }

  /** Asks that the znode be there, with this version of its data. */
  check(path: string, { version = -1 }: { readonly version?: number } = {}): this {
    return this.#add(path, { op: "check", path: this.#asker.chroot.outer(path), version });
  }

  /**
   * Does all of it, or nothing: then it throws the error of the operation that failed, whose index is the error's
   * `operation`.
   */
  async commit({ signal }: RequestOptions = {}): Promise<readonly TransactionResult[]> {
    const request = { op: "multi", operations: this.#operations } as const;
    const { response } = await this.#asker.ask("multi", request, { signal });
    const failed = response.results.findIndex(isCause);
    const cause = response.results[failed];
    if (cause?.op === "error") {
      const isCreate = this.#operations[failed]?.op.startsWith("create");
      throw errorOfCode(cause.code, { path: this.#paths[failed], operation: failed, isCreate });
    }
    return response.results.map((result) => this.#resultOf(result));
  }

  #add(path: string, operation: MultiOperation): this {
    this.#operations.push(operation);
    this.#paths.push(path);
    return this;
  }

  #resultOf(result: MultiResult): TransactionResult {
    switch (result.op) {
      case "create":
      case "create2":
        return { op: "create", path: this.#asker.chroot.inner(result.path) };
      case "setData":
        return { op: "set", stat: statOf(result.stat) };
      case "delete":
      case "check":
        return { op: result.op };
      case "getData":
      case "getChildren":
      case "error":
      default:
        throw new UnexpectedError("APIERROR", { detail: `a transaction's result of ${result.op}` });
    }
  }
}

/** Those before the operation that failed are told as ok, those behind it as a runtime inconsistency. */
function isCause(result: MultiResult): boolean {
  if (result.op !== "error") return false;
  return result.code !== ERROR_CODES.ok && result.code !== ERROR_CODES.runtimeInconsistency;
}
