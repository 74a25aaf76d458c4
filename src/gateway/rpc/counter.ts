/** Counters through the binding. */
import { RpcTarget } from "cloudflare:workers";
import type { ReadOptions, WriteOptions } from "../../binding/binding.ts";
import { type ApiCaller, segment } from "./api-caller.ts";
import { orNull, writeHeaders } from "./node.ts";

/** See `Counter`. */
export class CounterTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #url: string;

  constructor(caller: ApiCaller, name: string) {
    super();
    this.#caller = caller;
    this.#url = `/counters/${segment(name)}`;
  }

  /** What it stands at. */
  async get({ consistency = "local", minZxid }: ReadOptions = {}): Promise<bigint | null> {
    return await orNull(async () => {
      const path = `${this.#url}?consistency=${segment(consistency)}`;
      const told = await this.#caller.json({ method: "GET", path, headers: { "min-zxid": minZxid } });
      return BigInt(String(told["value"]));
    });
  }

  /** Adds to it. */
  async add(by: number | bigint = 1, options: WriteOptions = {}): Promise<bigint> {
    const headers = writeHeaders(options);
    const json = { by: String(by) };
    const told = await this.#caller.json({ method: "POST", path: `${this.#url}/add`, headers, json });
    return BigInt(String(told["value"]));
  }

  /** Sets it. */
  async set(value: number | bigint, options: WriteOptions = {}): Promise<void> {
    const headers = writeHeaders(options);
    await this.#caller.ask({ method: "PUT", path: this.#url, headers, json: { value: String(value) } });
  }
}
