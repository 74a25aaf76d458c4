/** Configuration documents through the binding. */
import { RpcTarget } from "cloudflare:workers";
import type {
  ConfigDocument,
  ConfigRevision,
  ConfigWriteOptions,
  ConfigWritten,
  ReadOptions,
  WriteOptions,
} from "../../binding/binding.ts";
import { type ApiCaller, type Reply, segment } from "./api-caller.ts";
import { orNull, writeHeaders } from "./node.ts";

/** See `Config`. */
export class ConfigTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #url: string;

  constructor(caller: ApiCaller, name: string) {
    super();
    this.#caller = caller;
    this.#url = `/config/${segment(name)}`;
  }

  /** As it is. */
  async get({ consistency = "local", minZxid }: ReadOptions = {}): Promise<ConfigDocument | null> {
    return await orNull(async () => {
      const path = `${this.#url}?consistency=${segment(consistency)}`;
      const reply = await this.#caller.ask({ method: "GET", path, headers: { "min-zxid": minZxid } });
      return { value: await reply.response.json(), ...placeOf(reply) };
    });
  }

  /** Writes it. */
  async set(value: unknown, options: ConfigWriteOptions = {}): Promise<ConfigWritten> {
    const headers = matchHeaders(options);
    return placeOf(await this.#caller.ask({ method: "PUT", path: this.#url, headers, json: value }));
  }

  /** Deletes it. */
  async delete(options: ConfigWriteOptions = {}): Promise<void> {
    await this.#caller.ask({ method: "DELETE", path: this.#url, headers: matchHeaders(options) });
  }

  /** What it was. */
  async history({ consistency = "local", minZxid }: ReadOptions = {}): Promise<readonly ConfigRevision[]> {
    const path = `${this.#url}/history?consistency=${segment(consistency)}`;
    const told = await this.#caller.json({ method: "GET", path, headers: { "min-zxid": minZxid } });
    return told["revisions"] as readonly ConfigRevision[];
  }

  /** What it was at a revision. */
  async at(revision: string): Promise<unknown> {
    const path = `${this.#url}/history/${segment(revision)}`;
    return await (await this.#caller.ask({ method: "GET", path })).response.json();
  }

  /** What it must satisfy. */
  async setSchema(schema: unknown, options: WriteOptions = {}): Promise<void> {
    const path = `${this.#url}/schema`;
    await this.#caller.ask({ method: "PUT", path, headers: writeHeaders(options), json: schema });
  }
}

function placeOf({ etag, zxid, response }: Reply): ConfigWritten {
  return { etag, zxid, revision: response.headers.get("revision") ?? "" };
}

function matchHeaders({
  match,
  ...options
}: ConfigWriteOptions): Readonly<Record<string, string | undefined>> {
  const isNone = match === "none";
  const headers = { "if-match": isNone ? undefined : match, "if-none-match": isNone ? "*" : undefined };
  return { ...writeHeaders(options), ...headers };
}
