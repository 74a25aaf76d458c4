/** Asks the gateway that this page came from, and nobody else. */

/** Longer than the gateway itself waits for a replica. */
const PATIENCE_MS = 12_000;

/** What went wrong, in the gateway's own words; `code` is what programs look at. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, detail: string, members: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.members = members;
  }
}

/** An answer that is none of the gateway's errors. */
export interface Answer<Value> {
  readonly status: number;
  /** undefined of one without a body. */
  readonly value: Value | undefined;
  readonly text: string;
  readonly headers: Headers;
}

/** What a request carries. */
export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: BodyInit;
}

/** Shows the bearer's token with each request, and reads nothing older than what it has written. */
export class Api {
  readonly #token: () => string | undefined;
  readonly #refused: () => void;
  /** What this page has written last. */
  #minZxid = "";

  /** `refused`: the token is none, or no more. */
  constructor(token: () => string | undefined, refused: () => void) {
    this.#token = token;
    this.#refused = refused;
  }

  /** The document at the path. Throws ApiError. */
  async get<Value>(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Value> {
    const { value } = await this.ask<Value>("GET", path, { headers });
    if (value === undefined) throw new ApiError(0, "no-document", "the answer is no document");
    return value;
  }

  /** The answer to a request; 304 is one, too. Throws ApiError. */
  async ask<Value>(method: string, path: string, asked: Asked = {}): Promise<Answer<Value>> {
    const response = await this.#fetch(method, path, asked);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    const parsed = isJson ? parse(text) : undefined;
    if (!response.ok && response.status !== 304) throw this.#failure(response.status, parsed);
    const zxid = response.headers.get("zxid") ?? "";
    if (method !== "GET" && zxid > this.#minZxid) this.#minZxid = zxid;
    return {
      status: response.status,
      value: parsed as Value | undefined,
      text,
      headers: response.headers,
    };
  }

  async #fetch(method: string, path: string, { headers, json, body }: Asked): Promise<Response> {
    const token = this.#token();
    const sent = json === undefined ? (body ?? null) : JSON.stringify(json);
    try {
      return await fetch(path, {
        method,
        body: sent,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: {
          accept: "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(json === undefined ? {} : { "content-type": "application/json" }),
          ...(this.#minZxid === "" || !path.includes("/v1/") ? {} : { "min-zxid": this.#minZxid }),
          ...headers,
        },
      });
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === "TimeoutError";
      const detail = isLate ? "the gateway did not answer in time" : "the gateway cannot be reached";
      throw new ApiError(0, "unreachable", detail);
    }
  }

  #failure(status: number, document: unknown): ApiError {
    const members = (typeof document === "object" && document !== null ? document : {}) as Readonly<
      Record<string, unknown>
    >;
    const code = textOf(members["code"]) ?? "unknown";
    if (status === 401) this.#refused();
    // Another ensemble's data under the same address: what was written before is not of it.
    if (code === "lagging") this.#minZxid = "";
    return new ApiError(status, code, textOf(members["detail"]) ?? `the gateway answered ${status}`, members);
  }
}

/** The path of a znode in a URL. */
export function pathInUrl(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** A path as the name of a lock, semaphore, election or configuration document. */
export function nameInUrl(path: string): string {
  return encodeURIComponent(path);
}

/** Whatever was thrown, as an error of the API. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "defect", error instanceof Error ? error.message : String(error));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // It says that it is JSON and is none: then there is no document to read.
    return undefined;
  }
}
