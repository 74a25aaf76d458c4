/** Watching a znode through the binding: its states, one after the other, of which none is missed that lasts. */
import { RpcTarget } from "cloudflare:workers";
import type { NodeValue } from "../../binding/binding.ts";
import { EdgekeeperError } from "../../binding/problem.ts";
import { type ApiCaller, segment } from "./api-caller.ts";
import { checkedPath, nodeValue } from "./node.ts";

/** The longest that one request waits. */
const WAIT_MS = 60_000;

/** How soon the ensemble is asked again where it could not answer. */
const RETRY_MS = 250;

/** What was told last. */
type Known =
  | { readonly kind: "nothing" }
  | { readonly kind: "missing" }
  | { readonly kind: "etag"; readonly etag: string };

/** See `Watch`. */
export class WatchTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #url: string;
  readonly #closed = new AbortController();
  #known: Known = { kind: "nothing" };
  /** The newest state that was told: no replica that is behind it is heard. */
  #zxid: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Of the znode at the path. */
  constructor(caller: ApiCaller, path: string) {
    super();
    this.#caller = caller;
    this.#url = `/nodes/${checkedPath(path) === "/" ? "" : segment(path.slice(1))}`;
  }

  /** The present state at first, and then the next that is another; null where there is no znode. */
  async next(): Promise<NodeValue | null> {
    const next = this.#last.then(async () => await this.#next());
    // The next one begins when this has ended, however it did; its own caller hears of a failure.
    this.#last = next.catch(() => undefined);
    return await next;
  }

  /** Ends it: a `next` that waits fails with `closed`. */
  close(): void {
    this.#closed.abort();
  }

  /** Nobody can ask any more. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #next(): Promise<NodeValue | null> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        const found = await this.#look(signal);
        if (found !== undefined) return found;
      } catch (error) {
        // Nothing was missed: it looks again from what it knows.
        if (signal.aborted) break;
        if (!(error instanceof EdgekeeperError) || !error.isRetryable) throw error;
        await scheduler.wait(RETRY_MS);
      }
    }
    throw new EdgekeeperError({ code: "closed", detail: "this watch was closed", status: 410 });
  }

  /** undefined where it is as it was. */
  async #look(signal: AbortSignal): Promise<NodeValue | null | undefined> {
    const known = this.#known;
    const path = `${this.#url}?wait=${known.kind === "nothing" ? 0 : WAIT_MS}`;
    const etag = known.kind === "etag" ? known.etag : undefined;
    const headers = { accept: "application/json", "if-none-match": etag, "min-zxid": this.#zxid };
    try {
      const reply = await this.#caller.ask({ method: "GET", path, headers, signal });
      this.#zxid = reply.zxid;
      if (reply.status === 304) return undefined;
      this.#known = { kind: "etag", etag: reply.etag };
      return nodeValue({ ...(await reply.response.json<object>()), zxid: reply.zxid });
    } catch (error) {
      // That there is none is a state too.
      if (!(error instanceof EdgekeeperError) || error.code !== "no-node") throw error;
      this.#known = { kind: "missing" };
      return known.kind === "missing" ? undefined : null;
    }
  }
}
