/**
 * A caller of the HTTP API that holds it to its contract: every answer that it gets must be one that the OpenAPI
 * document has for that route, with that status and that kind of body.
 */

/** What a caller sends besides method and path. */
export interface ApiInit {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

/** An answer that the document has. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Of a JSON body; undefined of others. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
  /** Of a problem. */
  readonly code: unknown;
  readonly zxid: string;
}

interface Documented {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>
  >;
}

interface Response {
  readonly content?: Readonly<Record<string, unknown>>;
}

/** See the file's comment. */
export class HttpApi {
  /** `METHOD /path/{name} STATUS` of every answer so far. */
  seen: Set<string> = new Set();
  readonly #url: string;
  readonly #document: Documented;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(url: string, document: Documented, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#document = document;
    this.#headers = headers;
  }

  /** Of a running ensemble, by its address. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpApi> {
    const response = await fetch(`${url}/openapi.json`, { headers });
    const document: unknown = await response.json();
    return new HttpApi(`${url}/v1`, document as Documented, headers);
  }

  /** Another caller, or of another ensemble, whose answers are seen here too. */
  as(headers: Readonly<Record<string, string>>, ensemble = ""): HttpApi {
    const url = ensemble === "" ? this.#url : this.#url.replace(/v1$/, `${ensemble}/v1`);
    const other = new HttpApi(url, this.#document, headers);
    other.seen = this.seen;
    return other;
  }

  /** Every `METHOD /path/{name} STATUS` that the document has. */
  documented(): readonly string[] {
    return Object.entries(this.#document.paths).flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
      ),
    );
  }

  /** Asks; throws where the answer is none of the documented ones. */
  async call(method: string, path: string, init: ApiInit = {}): Promise<ApiAnswer> {
    const response = await this.respond(method, path, init);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const type = response.headers.get("content-type");
    const text = new TextDecoder().decode(bytes);
    const parsed = type?.includes("json") === true ? (JSON.parse(text) as ApiAnswer["json"]) : undefined;
    const zxid = response.headers.get("zxid") ?? "";
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      text,
      json: parsed,
      code: parsed?.["code"],
      zxid,
    };
  }

  /** The same, of which the body is left to read. */
  async respond(method: string, path: string, init: ApiInit = {}): Promise<globalThis.Response> {
    const { json } = init;
    const headers = { ...this.#headers, ...init.headers };
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: json === undefined ? headers : { "content-type": "application/json", ...headers },
      body: json === undefined ? (init.body ?? null) : JSON.stringify(json),
      ...(init.body instanceof ReadableStream ? { duplex: "half" } : {}),
      ...(init.signal === undefined ? {} : { signal: init.signal }),
    });
    this.see({ method, path, status: response.status, type: response.headers.get("content-type") });
    return response;
  }

  /** Holds an answer that came another way to the document too. Throws where it is none of those. */
  see(answer: {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly type: string | null;
  }): void {
    const { method, status, type } = answer;
    const { pathname } = new URL(`${this.#url}${answer.path}`);
    const path = pathname.slice(new URL(this.#url).pathname.length);
    const found = Object.entries(this.#document.paths)
      .filter(([template, item]) => matches(template, path) && method.toLowerCase() in item)
      // The most special one, as the router takes it: /locks/{name}/acquire before a shorter one.
      .toSorted(([a], [b]) => b.length - a.length)[0];
    const line = `${method} ${found?.[0] ?? path} ${status}`;
    const response = found?.[1][method.toLowerCase()]?.responses[String(status)];
    if (response === undefined) throw new Error(`not in the document: ${line}`);
    const types = Object.keys(response.content ?? {});
    const isKnown = types.length === 0 ? type === null : types.some((one) => type?.startsWith(one) === true);
    if (!isKnown) throw new Error(`${line} is ${String(type)}, where the document has ${types.join(", ")}`);
    this.seen.add(line);
  }
}

function matches(template: string, path: string): boolean {
  const pattern = template.replaceAll(/\{\w+\}/g, ".*");
  return new RegExp(`^${pattern}$`).test(path);
}
