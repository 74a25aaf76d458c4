/** A counter of 64 bits over HTTP. */
import type { Caller, HttpAnswer } from "./caller.ts";
import { numberOf, readDocument, textOf } from "./documents.ts";
import { leasedUrl } from "./lease.ts";
import { type HttpReadOptions, type HttpWriteOptions, JSON_TYPE, writeHeaders } from "./write-options.ts";

/** What a counter stands at. */
export interface CounterState {
  readonly value: bigint;
  /** How often it was set or added to since it was made. */
  readonly version: number;
}

/** One counter; it need not be there. */
export class HttpCounter {
  readonly name: string;
  readonly #caller: Caller;
  readonly #url: string;

  /** For the client alone. */
  constructor(caller: Caller, name: string) {
    this.name = name;
    this.#caller = caller;
    this.#url = leasedUrl("counters", name);
  }

  /** Throws NoNodeError where there is none. */
  async get({ linearizable = false, signal }: HttpReadOptions = {}): Promise<CounterState> {
    const path = `${this.#url}?consistency=${linearizable ? "linearizable" : "local"}`;
    return stateOf(
      await this.#caller.ask({ method: "GET", path, about: this.name, signal, isRepeatable: true }),
    );
  }

  /** Adds, once, however often its answer is lost; a counter that is missing begins at 0. */
  async add(by: bigint | number = 1, options: HttpWriteOptions = {}): Promise<CounterState> {
    return stateOf(
      await this.#caller.ask({
        method: "POST",
        path: `${this.#url}/add`,
        about: this.name,
        headers: { ...writeHeaders(this.#caller, options), "content-type": JSON_TYPE },
        body: JSON.stringify({ by: String(by) }),
        signal: options.signal,
        isRepeatable: true,
      }),
    );
  }

  /** Sets it; with `version` only if it has that: BadVersionError otherwise. */
  async set(
    value: bigint | number,
    { version, ...options }: HttpWriteOptions & { readonly version?: number | undefined } = {},
  ): Promise<CounterState> {
    const expected = version === undefined ? undefined : `"${version}"`;
    return stateOf(
      await this.#caller.ask({
        method: "PUT",
        path: this.#url,
        about: this.name,
        headers: { ...writeHeaders(this.#caller, options), "content-type": JSON_TYPE, "if-match": expected },
        body: JSON.stringify({ value: String(value) }),
        signal: options.signal,
        isRepeatable: true,
      }),
    );
  }
}

function stateOf({ text }: HttpAnswer): CounterState {
  const document = readDocument(text);
  return { value: BigInt(textOf(document["value"])), version: numberOf(document["version"]) };
}
