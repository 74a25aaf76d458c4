/**
 * A caller of the HTTP API whose requests get lost, and what is known of each: answered, surely not done, or nobody
 * knows. Under a key it asks until it is answered. It passes on what it has seen (`Min-Zxid`), so that it is never
 * shown less, and what it does stands in the history as that of any client.
 */
import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { SessionId } from "../../src/base/ids.ts";
import type { Response } from "../../src/base/request.ts";
import type { Stat } from "../../src/base/stat.ts";
import { compareZxid, type Zxid, zxidDigits, zxidFromBigInt, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { ApiAnswer, ApiInit, HttpApi } from "../harness/http-api.ts";
import type { Outcome } from "../sim/history/types.ts";
import type { Recorder } from "./recorded-client.ts";

/** A caller waits so long for an answer, beside what the request itself may wait. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 100;

/** In the place of a session's id: what one caller does is judged as if it were done in a session of its own. */
const CALLERS = 0x7e7en << 48n;

/** What is known of a request. */
export type Fate =
  | { readonly kind: "answered"; readonly answer: ApiAnswer; readonly sentMs: number }
  /** It was refused before anything was done. */
  | { readonly kind: "undone" }
  | { readonly kind: "unknown"; readonly reason: string };

/** What was asked of all callers, and what came of it. */
export interface HttpCounts {
  answered: number;
  undone: number;
  unknown: number;
  /** Requests that were asked again under their keys. */
  repeated: number;
}

/** What callers share. */
export interface HttpCallerSetup {
  readonly api: HttpApi;
  readonly recorder: Recorder;
  readonly counts: HttpCounts;
  /** Whether nothing more is to be asked: what is unanswered then is given up. */
  readonly isOver: () => boolean;
}

/** See the file's comment. */
export class HttpCaller {
  readonly name: string;
  readonly #setup: HttpCallerSetup;
  readonly #session: SessionId;
  readonly #connection: number;
  #seen: Zxid = ZXID_ZERO;
  /** An ensemble remembers keys over several rounds, in which callers have the same names and numbers. */
  readonly #keysOf = crypto.randomUUID();
  #keys = 0;

  constructor(name: string, setup: HttpCallerSetup) {
    this.name = name;
    this.#setup = setup;
    this.#connection = setup.recorder.newId();
    this.#session = CALLERS | BigInt(this.#connection);
  }

  /** A key that nobody else has. */
  freshKey(): string {
    return `${this.#keysOf} ${this.#keys++}`;
  }

  /** Asks once; `hangUpMs` is how long it has patience. */
  async ask(method: string, path: string, init: ApiInit = {}, hangUpMs: number = PATIENCE_MS): Promise<Fate> {
    const { api, counts, recorder } = this.#setup;
    const headers = { "min-zxid": zxidDigits(this.#seen), ...init.headers };
    const sentMs = performance.now();
    let answer: ApiAnswer;
    try {
      answer = await api.call(method, path, { ...init, headers, signal: AbortSignal.timeout(hangUpMs) });
    } catch (error) {
      if (isRefused(error)) {
        counts.undone++;
        return { kind: "undone" };
      }
      counts.unknown++;
      // Connections that break, and patience that ends, are what faults do; all else is an answer that is none.
      const isLost = error instanceof TypeError || error instanceof DOMException;
      if (!isLost) recorder.faults.push(`${this.name}: ${method} ${path}: ${String(error)}`);
      return { kind: "unknown", reason: String(error) };
    }
    const { status } = answer;
    if (status === 503 || status === 429) {
      counts.undone++;
      return { kind: "undone" };
    }
    if (status >= 500) {
      counts.unknown++;
      if (status !== 504) recorder.faults.push(`${this.name}: ${method} ${path}: ${status} ${answer.text}`);
      return { kind: "unknown", reason: answer.text };
    }
    counts.answered++;
    this.#see(answer);
    return { kind: "answered", answer, sentMs };
  }

  /**
   * Asks until it is answered, under one key where nobody could know otherwise; tells what is known where all is over
   * before that. What was refused may have been done by an earlier asking that is on its way: then nobody knows.
   */
  async askUntilAnswered(method: string, path: string, init: ApiInit, key?: string): Promise<Fate> {
    const headers = { ...init.headers, ...(key === undefined ? {} : { "idempotency-key": key }) };
    const isRead = method === "GET";
    let unknown: (Fate & { readonly kind: "unknown" }) | undefined;
    for (let askings = 1; ; askings++) {
      const fate = await this.ask(method, path, { ...init, headers });
      if (fate.kind === "answered") {
        return unknown !== undefined && fate.answer.status >= 400 ? unknown : fate;
      }
      if (fate.kind === "unknown" && !isRead) unknown = fate;
      if (this.#setup.isOver() || (fate.kind === "unknown" && key === undefined && !isRead))
        return unknown ?? fate;
      if (askings === 1 && key !== undefined) this.#setup.counts.repeated++;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Notes what was asked since `startMs`, and what came of it: not what was never done. */
  note(request: ClientRequest, startMs: number, fate: Fate, response?: Response): void {
    if (fate.kind === "undone") return;
    const { recorder } = this.#setup;
    const outcome = this.#outcomeOf(fate, response);
    if (outcome === undefined) return;
    recorder.operations.push({
      id: recorder.newId(),
      client: this.name,
      session: this.#session,
      connection: this.#connection,
      request,
      startMs,
      endMs: outcome.kind === "unknown" ? Infinity : performance.now(),
      outcome,
    });
  }

  #outcomeOf(fate: Exclude<Fate, { readonly kind: "undone" }>, response?: Response): Outcome | undefined {
    if (fate.kind === "unknown") return fate;
    const { answer } = fate;
    const zxid = zxidOf(answer.zxid);
    if (answer.status < 400) return { kind: "answered", zxid, error: 0, response };
    const error = ERRORS[String(answer.code)];
    if (error !== undefined) return { kind: "answered", zxid, error, response: undefined };
    // Refused for what the znode's own history does not tell: it changed nothing.
    if (answer.code !== "not-held")
      this.#setup.recorder.faults.push(`${this.name}: ${answer.status} ${answer.text}`);
    return undefined;
  }

  #see({ zxid }: ApiAnswer): void {
    if (zxid === "") return;
    const seen = zxidOf(zxid);
    if (compareZxid(seen, this.#seen) > 0) this.#seen = seen;
  }
}

/** Whether there was nobody who could have heard it. */
function isRefused(error: unknown): boolean {
  const cause: unknown = error instanceof TypeError ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ECONNREFUSED";
}

/** Problems that znodes' own histories explain or refute. */
const ERRORS: Readonly<Record<string, number>> = {
  "no-node": ERROR_CODES.noNode,
  "bad-version": ERROR_CODES.badVersion,
  "node-exists": ERROR_CODES.nodeExists,
};

/** A zxid by its twenty digits. */
export function zxidOf(digits: string): Zxid {
  return zxidFromBigInt(BigInt(digits));
}

/** The Stat of a document that shows one; throws where there is none. */
export function statOf({ json, text }: ApiAnswer): Stat {
  const stat = json?.["stat"] as Readonly<Record<string, unknown>> | undefined;
  if (stat === undefined) throw new Error(`no Stat in ${text}`);
  const zxid = (field: string): Zxid => zxidOf(String(stat[field]));
  return {
    czxid: zxid("czxid"),
    mzxid: zxid("mzxid"),
    pzxid: zxid("pzxid"),
    ctime: Number(stat["ctime"]),
    mtime: Number(stat["mtime"]),
    version: Number(stat["version"]),
    cversion: Number(stat["cversion"]),
    aversion: Number(stat["aversion"]),
    ephemeralOwner: 0n,
    dataLength: Number(stat["dataLength"]),
    numChildren: Number(stat["numChildren"]),
  };
}
