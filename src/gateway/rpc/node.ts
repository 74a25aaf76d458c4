/** Znodes and sessions through the binding. */
import { RpcTarget } from "cloudflare:workers";
import type {
  Children,
  CreateOptions,
  MultiWritten,
  NewInstance,
  NodeStat,
  NodeValue,
  Operation,
  ReadOptions,
  WriteOptions,
  Written,
} from "../../binding/binding.ts";
import { EdgekeeperError } from "../../binding/problem.ts";
import { pathProblem } from "../../base/path.ts";
import { fromBase64 } from "../../durable/call-record.ts";
import { type ApiCaller, segment } from "./api-caller.ts";
import { EndingTarget, KeptSession } from "./kept-session.ts";

/** One znode: see `Node`. */
export class NodeTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #path: string;
  readonly #url: string;
  readonly #session: string | undefined;

  /** `session` is the text of the session that is asked in, undefined for none. */
  constructor(caller: ApiCaller, path: string, session?: string) {
    super();
    this.#caller = caller;
    this.#path = path;
    this.#url = checkedPath(path) === "/" ? "/nodes/" : `/nodes/${segment(path.slice(1))}`;
    this.#session = session;
  }

  /** What it holds. */
  async get(options: ReadOptions = {}): Promise<NodeValue | null> {
    const { consistency = "local" } = options;
    return await orNull(async () => {
      const told = await this.#caller.json({
        method: "GET",
        path: `${this.#url}?consistency=${segment(consistency)}`,
        headers: { ...this.#readHeaders(options), accept: "application/json" },
      });
      return nodeValue(told);
    });
  }

  /** Sets the data. */
  async put(
    data: Uint8Array | string,
    options: WriteOptions & { readonly version?: number } = {},
  ): Promise<Written> {
    return await this.#write({
      method: "PUT",
      path: this.#url,
      body: data,
      headers: this.#ifVersion(options),
    });
  }

  /** Creates it. */
  async create(data: Uint8Array | string, options: CreateOptions = {}): Promise<Written> {
    const { mode = "persistent", sequential = false, ttlMs } = options;
    const query = new URLSearchParams({ mode, sequential: String(sequential) });
    if (ttlMs !== undefined) query.set("ttlMs", String(ttlMs));
    const headers = this.#writeHeaders(options);
    const asked = { method: "POST", path: `${this.#url}?${query.toString()}`, body: data, headers } as const;
    try {
      return await this.#write(asked);
    } catch (error) {
      // What lacks is made, and then it is asked again.
      const isOrphan = error instanceof EdgekeeperError && error.code === "no-node";
      if (options.parents !== true || !isOrphan) throw error;
    }
    await this.#makeParents();
    // What was refused is remembered under its key.
    return await this.#write({ ...asked, headers: { ...headers, "idempotency-key": crypto.randomUUID() } });
  }

  /** Deletes it. */
  async delete(options: WriteOptions & { readonly version?: number } = {}): Promise<void> {
    await this.#caller.ask({ method: "DELETE", path: this.#url, headers: this.#ifVersion(options) });
  }

  /** Names of its children. */
  async children(
    options: ReadOptions & { readonly after?: string; readonly limit?: number } = {},
  ): Promise<Children> {
    const { consistency = "local", after, limit } = options;
    const query = new URLSearchParams({ children: "", consistency });
    if (after !== undefined) query.set("after", after);
    if (limit !== undefined) query.set("limit", String(limit));
    const headers = this.#readHeaders(options);
    const told = await this.#caller.json({
      method: "GET",
      path: `${this.#url}?${query.toString()}`,
      headers,
    });
    return told as unknown as Children;
  }

  /** From the top: those that are there already, or come meanwhile, are as good. */
  async #makeParents(): Promise<void> {
    const parts = this.#path.split("/").slice(1, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const parent = new NodeTarget(this.#caller, `/${parts.slice(0, depth).join("/")}`);
      try {
        await parent.create("");
      } catch (error) {
        // It is there: that is all that is wanted.
        if (!(error instanceof EdgekeeperError) || error.code !== "node-exists") throw error;
      }
    }
  }

  async #write(asked: Parameters<ApiCaller["json"]>[0]): Promise<Written> {
    return (await this.#caller.json(asked)) as unknown as Written;
  }

  #readHeaders({ minZxid }: ReadOptions): Readonly<Record<string, string | undefined>> {
    return { session: this.#session, "min-zxid": minZxid };
  }

  #writeHeaders(options: WriteOptions): Readonly<Record<string, string | undefined>> {
    return { session: this.#session, ...writeHeaders(options) };
  }

  #ifVersion(
    options: WriteOptions & { readonly version?: number },
  ): Readonly<Record<string, string | undefined>> {
    const { version } = options;
    return { ...this.#writeHeaders(options), "if-match": version === undefined ? undefined : `"${version}"` };
  }
}

/** What is read; null where there is nothing. */
export async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    // Nothing is there: null says so.
    if (error instanceof EdgekeeperError && error.code === "no-node") return null;
    throw error;
  }
}

/** A znode as the API's document tells it. */
export function nodeValue(document: object & { readonly zxid: string }): NodeValue {
  const told = document as { readonly data: string | null; readonly stat: NodeStat; readonly zxid: string };
  const data = told.data === null ? null : fromBase64(told.data);
  const text = new TextDecoder().decode(data ?? new Uint8Array());
  return { data, text, stat: told.stat, zxid: told.zxid };
}

/** The path as it is; throws EdgekeeperError bad-path where it is none. */
export function checkedPath(path: string): string {
  // A sequential one may end with a slash: then its digits are its whole name.
  const problem = pathProblem(path, path.endsWith("/") && path !== "/");
  if (problem !== undefined) throw new EdgekeeperError({ code: "bad-path", detail: problem, status: 400 });
  return path;
}

/** The headers of a write: with a key it is done once, however often the ensemble has to be asked. */
export function writeHeaders({
  held,
  key = crypto.randomUUID(),
}: WriteOptions): Readonly<Record<string, string | undefined>> {
  return { "idempotency-key": key, "if-held": held === undefined ? undefined : `${held.name}@${held.token}` };
}

/** Several writes in one transaction. */
export async function multi(
  caller: ApiCaller,
  operations: readonly Operation[],
  { session, ...options }: WriteOptions & { readonly session?: string } = {},
): Promise<MultiWritten> {
  const headers = { ...writeHeaders(options), session };
  const told = await caller.json({ method: "POST", path: "/multi", headers, json: { operations } });
  return told as unknown as MultiWritten;
}

/** A session: see `Session`. */
export class SessionTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #text: string;
  readonly #kept: KeptSession;

  private constructor(
    caller: ApiCaller,
    {
      text,
      timeoutMs,
      askedMs,
    }: { readonly text: string; readonly timeoutMs: number; readonly askedMs: number },
  ) {
    super();
    this.#caller = caller;
    this.#text = text;
    const headers = { session: text };
    this.#kept = new KeptSession({
      askedMs,
      heldForMs: timeoutMs,
      renew: async () => {
        await caller.ask({ method: "PUT", path: "/sessions", headers });
        return timeoutMs;
      },
      end: async () => void (await caller.ask({ method: "DELETE", path: "/sessions", headers })),
    });
    caller.waitUntil(this.#kept.settled);
  }

  /** Makes one. */
  static async open(caller: ApiCaller, asked: { readonly timeoutMs?: number } = {}): Promise<SessionTarget> {
    const askedMs = Date.now();
    const told = await caller.json({
      method: "POST",
      path: "/sessions",
      json: { timeoutMs: asked.timeoutMs },
    });
    const [text, timeoutMs] = [String(told["session"]), Number(told["timeoutMs"])];
    return new SessionTarget(caller, { text, timeoutMs, askedMs });
  }

  /** Its text. */
  get text(): string {
    return this.#text;
  }

  /** A znode as this session sees it. */
  node(path: string): NodeTarget {
    return new NodeTarget(this.#caller, path, this.#text);
  }

  /** Registers an instance of a service. */
  async register(service: string, instance: NewInstance, options: WriteOptions = {}): Promise<string> {
    const headers = { ...writeHeaders(options), session: this.#text };
    const path = `/services/${segment(service)}`;
    return String((await this.#caller.json({ method: "POST", path, headers, json: instance }))["id"]);
  }

  /** Several writes in this session. */
  async multi(operations: readonly Operation[], options: WriteOptions = {}): Promise<MultiWritten> {
    return await multi(this.#caller, operations, { ...options, session: this.#text });
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#kept.end();
  }

  /** Its end, by a stub of its own. */
  ending(): EndingTarget {
    return new EndingTarget(this.#kept);
  }

  /** The caller has let go of it, or is gone. */
  [Symbol.dispose](): void {
    this.#kept.dispose();
  }
}
