/** Several writes over HTTP, of which all are done or none. */
import { dataOf, type DataInput, type Stat } from "../znode.ts";
import type { HttpAnswer } from "./caller.ts";
import { base64Of, listOf, membersOf, readDocument, statOfDocument, textOf } from "./documents.ts";
import type { HttpCreateOptions } from "./http-client.ts";
import type { HttpWriteOptions } from "./write-options.ts";

/** What one operation came to; no Stat for a delete and a check. */
export interface HttpTransactionResult {
  readonly path: string;
  readonly stat: Stat | undefined;
}

type Send = (body: string, options: HttpWriteOptions) => Promise<HttpAnswer>;

/** Gathers operations, in their order; later ones see what earlier ones did. Nothing is sent before commit. */
export class HttpTransaction {
  readonly #send: Send;
  readonly #operations: object[] = [];

  constructor(send: Send) {
    this.#send = send;
  }

  create(
    path: string,
    data: DataInput = "",
    options: Pick<HttpCreateOptions, "mode" | "sequential" | "ttlMs"> = {},
  ): this {
    return this.#add({ op: "create", path, ...dataMembers(data), ...options });
  }

  set(path: string, data: DataInput, { version }: { readonly version?: number } = {}): this {
    return this.#add({ op: "set", path, ...dataMembers(data), version });
  }

  /** Sets, or creates a persistent znode. */
  put(path: string, data: DataInput): this {
    return this.#add({ op: "put", path, ...dataMembers(data) });
  }

  delete(path: string, { version }: { readonly version?: number } = {}): this {
    return this.#add({ op: "delete", path, version });
  }

  /** Asks that the znode be there, with this version of its data. */
  check(path: string, { version }: { readonly version?: number } = {}): this {
    return this.#add({ op: "check", path, version });
  }

  /** Does all of it, or nothing: then it throws the error of the operation that failed, its index as `operation`. */
  async commit(options: HttpWriteOptions = {}): Promise<readonly HttpTransactionResult[]> {
    const answer = await this.#send(JSON.stringify({ operations: this.#operations }), options);
    return listOf(readDocument(answer.text)["results"]).map((value) => {
      const { path, stat } = membersOf(value);
      return { path: textOf(path), stat: stat === null ? undefined : statOfDocument(stat) };
    });
  }

  #add(operation: object): this {
    this.#operations.push(operation);
    return this;
  }
}

function dataMembers(data: DataInput): object {
  if (data === null) return { text: null };
  return typeof data === "string" ? { text: data } : { base64: base64Of(dataOf(data) ?? data) };
}
