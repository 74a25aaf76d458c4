/** The SDK over HTTP, for functions that hold no connection. Every write carries a key, and so is safe to repeat. */
import { checkPath } from "../chroot.ts";
import { type EdgekeeperError, NoNodeError } from "../errors.ts";
import { defaultRuntime, randomUuid, type Runtime } from "../runtime.ts";
import { dataOf, type DataInput, type Stat, Znode, zxidText } from "../znode.ts";
import { Caller, type Fetch, type HttpAnswer, type HttpRequest } from "./caller.ts";
import { bytesOfBase64, listOf, readDocument, statOfDocument, textOf } from "./documents.ts";
import { HttpConfig } from "./http-config.ts";
import { HttpCounter } from "./http-counter.ts";
import { HttpSession, type HttpSessionOptions } from "./http-session.ts";
import { HttpTransaction } from "./http-transaction.ts";
import { type HttpWatch, type HttpWatchOptions, openWatch } from "./http-watch.ts";
import {
  type CampaignOptions,
  Lead,
  Lease,
  LEASED,
  type Leased,
  leasedUrl,
  type LockOptions,
  type SemaphoreOptions,
} from "./lease.ts";
import { type Election, type LockQueue, readElection, readQueue } from "./lock-queue.ts";
import {
  type Difference,
  type Explanation,
  type Moment,
  momentText,
  type PastChange,
  type PastZnode,
  readDifference,
  readExplanation,
  readPastZnode,
} from "./past.ts";
import {
  type HttpReadOptions,
  type HttpRequestOptions,
  type HttpWriteOptions,
  JSON_TYPE,
  writeHeaders,
} from "./write-options.ts";

/** How an ensemble is asked. */
export interface HttpOptions {
  /** The deployment's secret, or a token of it. */
  readonly token?: string;
  /** Another fetch: a service binding's, say. */
  readonly fetch?: Fetch;
  /** How long to go on asking where nobody answers, in ms. Default 30,000; 0 asks once. */
  readonly retryMs?: number;
  /** Told why something is asked again, before it is: nothing else is heard until it is given up. */
  readonly onRetry?: (error: EdgekeeperError) => void;
  readonly runtime?: Runtime;
}

/** What a put may be given. */
export interface PutOptions extends HttpWriteOptions {
  /** Only if it has this version: BadVersionError otherwise. */
  readonly version?: number | undefined;
  /** Only if it is the very znode that was read, of that version: it was not made anew meanwhile. */
  readonly same?: Znode | undefined;
  /** Only if it is not there: NodeExistsError otherwise. */
  readonly createOnly?: boolean | undefined;
}

/** What a create may be given. */
export interface HttpCreateOptions extends HttpWriteOptions {
  readonly mode?: "persistent" | "ephemeral" | "container" | "ttl" | undefined;
  readonly sequential?: boolean | undefined;
  readonly ttlMs?: number | undefined;
  /** Whose ephemeral it is. */
  readonly session?: HttpSession | undefined;
}

/** A znode that was written. */
export interface Written {
  readonly path: string;
  readonly stat: Stat;
}

/** How long a request waits for a change at a time. */
const CHANGE_WAIT_MS = 30_000;

/** Asks one ensemble over HTTP. */
export class HttpClient {
  readonly #caller: Caller;

  /** For http() alone. */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** The newest zxid that an answer showed, twenty digits: answers never go back behind it. */
  get zxid(): string | undefined {
    return this.#caller.zxid;
  }

  // Znodes.

  /** A znode's data and Stat. Throws NoNodeError where there is none. */
  async get(path: string, options: HttpReadOptions = {}): Promise<Znode> {
    return znodeOf(path, await this.#caller.ask(this.#read(path, "", options)));
  }

  /** A znode's Stat; undefined where there is none. */
  async exists(path: string, options: HttpReadOptions = {}): Promise<Stat | undefined> {
    try {
      return (await this.get(path, options)).stat;
    } catch (error) {
      // Nothing is there: undefined says so.
      if (error instanceof NoNodeError) return undefined;
      throw error;
    }
  }

  /**
   * The znode as soon as it is another than the one that is known; undefined where it is the same after `waitMs`.
   * Throws NoNodeError when it is gone. No state is missed that lasts.
   */
  async changed(
    known: Znode,
    { waitMs = CHANGE_WAIT_MS, ...options }: HttpReadOptions & { readonly waitMs?: number } = {},
  ): Promise<Znode | undefined> {
    const request = this.#read(known.path, `&wait=${waitMs}`, options);
    const headers = { ...request.headers, "if-none-match": etagOf(known) };
    const answer = await this.#caller.ask({ ...request, headers, waitMs });
    return answer.status === 304 ? undefined : znodeOf(known.path, answer);
  }

  /**
   * Hears of changes of a znode, there or not, by server-sent events: `for await (const event of await
   * keeper.watch("/a"))`. It resolves once the stream is open, and goes on at another replica where it is lost: nothing
   * is left out, and nothing told twice. Where history does not reach so far back it tells `resync`: read again.
   */
  async watch(path: string, options: HttpWatchOptions = {}): Promise<HttpWatch> {
    checkPath(path);
    return await openWatch(this.#caller, path, options);
  }

  /** The names of a znode's children, sorted; page by page, so not of one moment where they are thousands. */
  async children(path: string, options: HttpReadOptions = {}): Promise<readonly string[]> {
    return await this.#children(path, "", options);
  }

  async #children(path: string, more: string, options: HttpReadOptions): Promise<readonly string[]> {
    const names: string[] = [];
    for (let after: string | undefined = ""; after !== undefined;) {
      const page = `${more}&children&after=${encodeURIComponent(after)}`;
      const document = readDocument((await this.#caller.ask(this.#read(path, page, options))).text);
      names.push(...listOf(document["children"]).map((name) => textOf(name)));
      const next = document["next"];
      after = next === null ? undefined : textOf(next);
    }
    return names;
  }

  /**
   * A znode as it was at a moment: a zxid in digits, or a Date. Throws NoNodeError where there was none then, and
   * HistoryGoneError where the history that is kept does not lead back so far.
   */
  async getAsOf(path: string, moment: Moment, options: HttpReadOptions = {}): Promise<PastZnode> {
    const more = `&asOf=${encodeURIComponent(momentText(moment))}`;
    return readPastZnode((await this.#caller.ask(this.#read(path, more, options))).text);
  }

  /** The names of a znode's children at a moment; throws as getAsOf does. */
  async childrenAsOf(
    path: string,
    moment: Moment,
    options: HttpReadOptions = {},
  ): Promise<readonly string[]> {
    return await this.#children(path, `&asOf=${encodeURIComponent(momentText(moment))}`, options);
  }

  /** What is different at a path and below between two moments, the second of them now unless it is given. */
  async difference(
    path: string,
    { from, to, signal }: HttpRequestOptions & { readonly from: Moment; readonly to?: Moment | undefined },
  ): Promise<Difference> {
    const changes: PastChange[] = [];
    for (let after = "", until = to; ;) {
      const end = until === undefined ? "" : `&to=${encodeURIComponent(momentText(until))}`;
      const query = `?from=${encodeURIComponent(momentText(from))}${end}&after=${encodeURIComponent(after)}`;
      const answer = await this.#ask(`${nodeUrl(path).replace("/nodes", "/diff")}${query}`, path, signal);
      const { next, ...page } = readDifference(answer.text);
      changes.push(...page.changes);
      if (next === undefined) return { ...page, path, changes };
      after = next;
      // All pages are of the same moment.
      until = page.to;
    }
  }

  /** Who holds what is at the path, who waits, whose it is; of what is not there, how it went. */
  async explain(path: string, { signal }: HttpRequestOptions = {}): Promise<Explanation> {
    const answer = await this.#ask(`/explain${nodeUrl(path)}`, path, signal);
    return readExplanation(answer.text);
  }

  /** Where a session is attached and when it was heard of; of one that is over, why. Its id, in hex digits. */
  async explainSession(id: string, { signal }: HttpRequestOptions = {}): Promise<Explanation> {
    return readExplanation((await this.#ask(`/explain/sessions/${encodeURIComponent(id)}`, id, signal)).text);
  }

  /** Sets a znode's data; creates it, persistent, where it is missing and neither version nor same is given. */
  async put(path: string, data: Uint8Array | string, options: PutOptions = {}): Promise<Written> {
    const { version, same, createOnly = false } = options;
    const expected = same === undefined ? (version === undefined ? undefined : `"${version}"`) : etagOf(same);
    const headers = { "if-match": expected, "if-none-match": createOnly ? "*" : undefined };
    return writtenOf(await this.#write({ method: "PUT", path, headers, data }, options));
  }

  /** Creates a znode. Throws NodeExistsError, NoNodeError where its parent is missing. */
  async create(path: string, data: DataInput = "", options: HttpCreateOptions = {}): Promise<Written> {
    const { mode = "persistent", sequential = false, ttlMs, session } = options;
    const ttl = ttlMs === undefined ? "" : `&ttlMs=${ttlMs}`;
    const query = `?mode=${mode}&sequential=${sequential}${ttl}`;
    const headers = { session: session?.secret };
    const write = { method: "POST", path, query, headers, data, isSequential: sequential } as const;
    return writtenOf(await this.#write(write, options));
  }

  /** Deletes a znode. Throws NoNodeError, NotEmptyError, BadVersionError. */
  async delete(path: string, options: Omit<PutOptions, "createOnly"> = {}): Promise<void> {
    const { version, same } = options;
    const expected = same === undefined ? (version === undefined ? undefined : `"${version}"`) : etagOf(same);
    await this.#write({ method: "DELETE", path, headers: { "if-match": expected } }, options);
  }

  /** Begins a transaction: several writes, of which all are done or none. */
  transaction(): HttpTransaction {
    return new HttpTransaction((body, options) =>
      this.#caller.ask({
        method: "POST",
        path: "/multi",
        headers: { ...writeHeaders(this.#caller, options), "content-type": JSON_TYPE },
        body,
        signal: options.signal,
        isRepeatable: true,
      }),
    );
  }

  // Locks and sessions.

  /**
   * Takes a lock: `await using lock = await keeper.lock("orders/42", { waitMs: 10_000 })`. It is the znode
   * /locks/orders/42, which Curator's and kazoo's clients may contend for as well; a name that begins with a slash is a
   * path of its own. Throws LockHeldError, LockTimeoutError. A lost answer is asked for again: no lock is taken twice.
   */
  async lock(name: string, { mode, renew = true, ...options }: LockOptions = {}): Promise<Lease> {
    const answer = await this.#acquire(LEASED.lock, { name, options, more: { mode } });
    return new Lease(this.#caller, LEASED.lock, { answer, isRenewed: renew });
  }

  /** Takes a permit of a semaphore, /semaphores/NAME, shared with Curator's InterProcessSemaphoreV2: as a lock. */
  async semaphore(name: string, { permits, renew = true, ...options }: SemaphoreOptions): Promise<Lease> {
    const answer = await this.#acquire(LEASED.semaphore, { name, options, more: { permits } });
    return new Lease(this.#caller, LEASED.semaphore, { answer, isRenewed: renew });
  }

  /** Stands for election, /elections/NAME, shared with Curator's LeaderLatch; resolves when it is won: as a lock. */
  async campaign(name: string, { value, renew = true, ...options }: CampaignOptions = {}): Promise<Lead> {
    const answer = await this.#acquire(LEASED.election, { name, options, more: { value } });
    return new Lead(this.#caller, { answer, isRenewed: renew });
  }

  #acquire(
    { route, acquire }: Leased,
    { name, options, more }: { readonly name: string; readonly options: LockOptions; readonly more: object },
  ): Promise<HttpAnswer> {
    const { ttlMs, waitMs = 0, owner, signal } = options;
    const key = options.idempotencyKey ?? randomUuid(this.#caller.runtime.rng);
    return this.#caller.ask((spentMs): HttpRequest => {
      const leftMs = Math.max(0, Math.round(waitMs - spentMs));
      return {
        method: "POST",
        path: `${leasedUrl(route, name)}/${acquire}`,
        about: name,
        headers: { "content-type": JSON_TYPE, "idempotency-key": key },
        body: JSON.stringify({ ttlMs, waitMs: leftMs, owner, ...more }),
        signal,
        isRepeatable: true,
        waitMs: leftMs,
      };
    });
  }

  /** Who holds a lock, and who waits for it. */
  async lockQueue(name: string, { linearizable = false, signal }: HttpReadOptions = {}): Promise<LockQueue> {
    const path = `${leasedUrl("locks", name)}?consistency=${linearizable ? "linearizable" : "local"}`;
    const answer = await this.#caller.ask({ method: "GET", path, about: name, signal, isRepeatable: true });
    return readQueue(readDocument(answer.text));
  }

  /** Who leads, and who would follow. */
  async election(name: string, { linearizable = false, signal }: HttpReadOptions = {}): Promise<Election> {
    const path = `${leasedUrl("elections", name)}?consistency=${linearizable ? "linearizable" : "local"}`;
    const answer = await this.#caller.ask({ method: "GET", path, about: name, signal, isRepeatable: true });
    return readElection(readDocument(answer.text));
  }

  /** A counter of 64 bits, /counters/NAME, shared with Curator's DistributedAtomicLong. */
  counter(name: string): HttpCounter {
    return new HttpCounter(this.#caller, name);
  }

  /** A configuration document, /config/NAME: JSON with versions, a history, and a JSON Schema where it has one. */
  config(name: string): HttpConfig {
    return new HttpConfig(this.#caller, name);
  }

  /** Makes a session, for ephemerals. */
  async session({ timeoutMs, renew = true, signal }: HttpSessionOptions = {}): Promise<HttpSession> {
    // A session that nobody heard of ends by itself: to ask twice is no harm.
    const answer = await this.#caller.ask({
      method: "POST",
      path: "/sessions",
      headers: { "content-type": JSON_TYPE },
      body: JSON.stringify({ timeoutMs }),
      signal,
      isRepeatable: true,
    });
    return new HttpSession(this.#caller, answer, renew);
  }

  #ask(path: string, about: string, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    return this.#caller.ask({ method: "GET", path, about, signal, isRepeatable: true });
  }

  #read(path: string, more: string, { linearizable = false, signal }: HttpReadOptions): HttpRequest {
    return {
      method: "GET",
      path: `${nodeUrl(path)}?consistency=${linearizable ? "linearizable" : "local"}${more}`,
      about: path,
      headers: { accept: JSON_TYPE },
      signal,
      isRepeatable: true,
    };
  }

  async #write(
    write: {
      readonly method: "PUT" | "POST" | "DELETE";
      readonly path: string;
      readonly query?: string;
      readonly isSequential?: boolean;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly data?: DataInput;
    },
    options: HttpWriteOptions,
  ): Promise<HttpAnswer> {
    const { method, path, query = "", headers, data, isSequential = false } = write;
    return await this.#caller.ask({
      method,
      path: `${nodeUrl(path, isSequential)}${query}`,
      about: path,
      headers: { ...writeHeaders(this.#caller, options), ...headers },
      body: dataOf(data) ?? undefined,
      signal: options.signal,
      isRepeatable: true,
    });
  }
}

/** A client over HTTP: `https://host` for the ensemble main, `https://host/ENSEMBLE` for another. */
export function http(address: string, options: HttpOptions = {}): HttpClient {
  const url = new URL(address);
  const [ensemble = "main"] = url.pathname.split("/").filter((part) => part !== "");
  const caller = new Caller({
    url: `${url.origin}/${ensemble}/v1`,
    token: options.token,
    // Called as a method of nothing: some runtimes insist.
    fetch: options.fetch ?? ((target, init) => fetch(target, init)),
    runtime: options.runtime ?? defaultRuntime(),
    retryMs: options.retryMs ?? RETRY_MS_DEFAULT,
    onRetry: options.onRetry,
  });
  return new HttpClient(caller);
}

const RETRY_MS_DEFAULT = 30_000;

function nodeUrl(path: string, isSequential = false): string {
  checkPath(path, isSequential);
  return `/nodes${path.split("/").map(encodeURIComponent).join("/")}`;
}

function etagOf({ stat }: Znode): string {
  return `"${stat.version}-${zxidText(stat.czxid)}"`;
}

function znodeOf(path: string, { text }: HttpAnswer): Znode {
  const document = readDocument(text);
  return new Znode(path, bytesOfBase64(document["data"]), statOfDocument(document["stat"]));
}

function writtenOf({ text }: HttpAnswer): Written {
  const document = readDocument(text);
  return { path: textOf(document["path"]), stat: statOfDocument(document["stat"]) };
}
