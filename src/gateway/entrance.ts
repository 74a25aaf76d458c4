/** What is asked of every request before anything else: whether it names a host. */
import type { Context } from "hono";
import { type App, problem } from "./documents.ts";

/** Requests come by few names; of more than these none is remembered. */
const HOSTS_MAX = 64;

/** Of one isolate. */
export class Entrance {
  /** The host of a URL, by what stands before its path. */
  readonly #hosts = new Map<string, string>();

  /** Sets `host` in the context; a response where the request names no host. */
  enter(context: Context<App>): Response | undefined {
    // The runtime makes the URL of the Host header, and lets through what is none.
    // A path, a user or a fragment in it would be taken for that of the URL.
    const isHost = !/[/@?#\\\s]/.test(context.req.header("host") ?? "");
    const host = isHost ? this.#hostOf(context.req.url) : undefined;
    if (host === undefined) {
      return problem(context, 400, "bad-url", "the Host header and the path make no URL");
    }
    context.set("host", host);
    return undefined;
  }

  /** To read a whole URL costs as much as all else that is looked at here. */
  #hostOf(url: string): string | undefined {
    const pathAt = url.indexOf("/", url.indexOf(":") + 3);
    const head = url.slice(0, pathAt);
    const known = this.#hosts.get(head);
    if (known !== undefined) return known;
    const host = URL.parse(url)?.host;
    if (host === undefined || pathAt === -1) return host;
    if (this.#hosts.size >= HOSTS_MAX) this.#hosts.clear();
    this.#hosts.set(head, host);
    return host;
  }
}
