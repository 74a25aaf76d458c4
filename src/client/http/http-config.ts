/** A configuration document over HTTP. */
import type { Caller, HttpAnswer, HttpRequest } from "./caller.ts";
import { listOf, membersOf, numberOf, readDocument, textOf } from "./documents.ts";
import { leasedUrl } from "./lease.ts";
import { type HttpReadOptions, type HttpWriteOptions, JSON_TYPE, writeHeaders } from "./write-options.ts";

/** What the document is, or was. */
export interface ConfigDocument {
  /** What it holds is for the program to check, where it has no schema that does. */
  readonly value: unknown;
  /** What tells it from what it was before; undefined for an old one. */
  readonly etag: string | undefined;
  /** Its name in the history, twenty digits. */
  readonly revision: string;
}

/** One entry of the history. */
export interface ConfigRevision {
  readonly revision: string;
  readonly version: number;
  /** RFC 3339. */
  readonly writtenAt: string;
  readonly current: boolean;
}

/** How a document is written. */
export interface ConfigWriteOptions extends HttpWriteOptions {
  /** Only if it is what was read: BadVersionError otherwise. */
  readonly same?: ConfigDocument | undefined;
  /** Only if it is not there: NodeExistsError otherwise. */
  readonly createOnly?: boolean | undefined;
}

/** How long a request waits for a change. */
const CHANGE_WAIT_MS = 30_000;

/** One document; it need not be there. */
export class HttpConfig {
  readonly name: string;
  readonly #caller: Caller;
  readonly #url: string;

  /** For the client alone. */
  constructor(caller: Caller, name: string) {
    this.name = name;
    this.#caller = caller;
    this.#url = leasedUrl("config", name);
  }

  /** Throws NoNodeError where there is none. */
  async get({ linearizable = false, signal }: HttpReadOptions = {}): Promise<ConfigDocument> {
    const query = `?consistency=${linearizable ? "linearizable" : "local"}`;
    return documentOf(await this.#ask({ method: "GET", path: query, signal }));
  }

  /** The document as soon as it is another; undefined where it is the same after `waitMs`. What lasts is not missed. */
  async changed(
    known: ConfigDocument,
    {
      waitMs = CHANGE_WAIT_MS,
      signal,
    }: { readonly waitMs?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ConfigDocument | undefined> {
    const headers = { "if-none-match": known.etag };
    const answer = await this.#ask({ method: "GET", path: `?wait=${waitMs}`, headers, signal, waitMs });
    return answer.status === 304 ? undefined : documentOf(answer);
  }

  /** Writes it; gives its revision. Where it has a schema, that must be satisfied (`schema-violation`). */
  async set(
    value: unknown,
    { same, createOnly = false, ...options }: ConfigWriteOptions = {},
  ): Promise<string> {
    const headers = { "if-match": same?.etag, "if-none-match": createOnly ? "*" : undefined };
    const answer = await this.#write("PUT", { path: "", headers, body: JSON.stringify(value) }, options);
    return textOf(readDocument(answer.text)["revision"]);
  }

  /** Deletes it, with its schema and history. */
  async delete({ same, ...options }: Omit<ConfigWriteOptions, "createOnly"> = {}): Promise<void> {
    await this.#write("DELETE", { path: "", headers: { "if-match": same?.etag } }, options);
  }

  /** What it was, the latest first. */
  async history({ signal }: HttpReadOptions = {}): Promise<readonly ConfigRevision[]> {
    const answer = await this.#ask({ method: "GET", path: "/history", signal });
    return listOf(readDocument(answer.text)["revisions"]).map((value) => {
      const { revision, version, writtenAt, current } = membersOf(value);
      return {
        revision: textOf(revision),
        version: numberOf(version),
        writtenAt: textOf(writtenAt),
        current: current === true,
      };
    });
  }

  /** What it was at a revision. */
  async at(revision: string, { signal }: HttpReadOptions = {}): Promise<ConfigDocument> {
    const answer = await this.#ask({
      method: "GET",
      path: `/history/${encodeURIComponent(revision)}`,
      signal,
    });
    return { value: JSON.parse(answer.text), etag: undefined, revision };
  }

  /** Sets the JSON Schema that each later version must satisfy, and this one too; undefined takes it away. */
  async setSchema(schema: object | undefined, options: HttpWriteOptions = {}): Promise<void> {
    if (schema === undefined) await this.#write("DELETE", { path: "/schema", headers: {} }, options);
    else await this.#write("PUT", { path: "/schema", headers: {}, body: JSON.stringify(schema) }, options);
  }

  #write(
    method: "PUT" | "DELETE",
    parts: Pick<HttpRequest, "path" | "headers" | "body">,
    options: HttpWriteOptions,
  ): Promise<HttpAnswer> {
    const headers = { ...writeHeaders(this.#caller, options), "content-type": JSON_TYPE, ...parts.headers };
    return this.#ask({ method, ...parts, headers, signal: options.signal });
  }

  #ask(request: Omit<HttpRequest, "isRepeatable">): Promise<HttpAnswer> {
    const path = `${this.#url}${request.path}`;
    return this.#caller.ask({ ...request, path, about: this.name, isRepeatable: true });
  }
}

function documentOf(answer: HttpAnswer): ConfigDocument {
  return {
    value: JSON.parse(answer.text),
    etag: answer.header("etag") ?? undefined,
    revision: answer.header("revision") ?? "",
  };
}
