/** Locks through the binding: a place in a queue, and the lease that it becomes. */
import { RpcTarget } from "cloudflare:workers";
import type { CampaignOptions, LockOptions, SemaphoreOptions } from "../../binding/binding.ts";
import { EdgekeeperError } from "../../binding/problem.ts";
import { type ApiCaller, segment } from "./api-caller.ts";
import { EndingTarget, KeptSession } from "./kept-session.ts";

/** The longest that one request waits for a change. */
const WATCH_MS = 60_000;

/** How soon a place is looked for again that could not be asked about. */
const RETRY_MS = 250;

/** A lease as the API tells it: with the path of what it is of. */
interface LeaseDocument {
  readonly lock?: string;
  readonly semaphore?: string;
  readonly election?: string;
  readonly lease: string;
  readonly token: string;
  readonly heldForMs: number;
  /** The state in which it is held. */
  readonly zxid: string;
}

/** What is contended for: where it is found behind /v1, and what taking it and giving it back are called there. */
export interface Contest {
  readonly url: string;
  readonly take: "acquire" | "campaign";
  readonly give: "release" | "resign";
  /** What is asked for: what is undefined is left to the API. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A place in a queue, which is held for as long as this has not been left. */
export class ContenderTarget extends RpcTarget {
  readonly #caller: ApiCaller;
  readonly #left = new AbortController();
  readonly #lease: Promise<LeaseTarget>;

  constructor(caller: ApiCaller, contest: Contest) {
    super();
    this.#caller = caller;
    this.#lease = this.#take(contest);
    // Whoever asks for it hears of a failure; nobody may.
    this.#lease.catch(() => undefined);
  }

  /** The same, with this isolate kept at work until it is held, left, or refused: so it is told of being left. */
  static stand(caller: ApiCaller, contest: Contest): ContenderTarget {
    const contender = new ContenderTarget(caller, contest);
    // As in the constructor: whoever asks for the lease hears of it.
    caller.waitUntil(contender.#lease.catch(() => undefined));
    return contender;
  }

  /** Resolves with the lease. */
  held(): Promise<LeaseTarget> {
    return this.#lease;
  }

  /** Gives the place up, if it has not become a lease. */
  leave(): void {
    this.#left.abort();
  }

  /** Nobody can ask for it any more: what it has become is not wanted either, unless it was asked for. */
  [Symbol.dispose](): void {
    this.leave();
  }

  async #take(contest: Contest): Promise<LeaseTarget> {
    const { url, take, options } = contest;
    const { key = crypto.randomUUID(), waitMs = 0, ...rest } = options;
    const headers = { "idempotency-key": String(key) };
    const deadlineMs = Date.now() + Number(waitMs);
    const { signal } = this.#left;
    for (let leftMs = waitMs; ; leftMs = deadlineMs - Date.now()) {
      const askedMs = Date.now();
      const json = { ...rest, waitMs: leftMs };
      try {
        const told = await this.#caller.json({
          method: "POST",
          path: `${url}/${take}`,
          headers,
          json,
          signal,
        });
        const document = told as unknown as LeaseDocument;
        const lease = new LeaseTarget(this.#caller, contest, { askedMs, document });
        if (!signal.aborted) return lease;
        await lease.release();
      } catch (error) {
        // Whatever became of it: under its key the place is found again.
        const mayAsk = error instanceof EdgekeeperError && (error.isRetryable || error.status === 504);
        if (!signal.aborted && !(mayAsk && Date.now() < deadlineMs)) throw error;
      }
      if (signal.aborted) throw left();
      await scheduler.wait(RETRY_MS);
    }
  }
}

function left(): EdgekeeperError {
  return new EdgekeeperError({ code: "left", detail: "this place in the queue was given up", status: 409 });
}

/** What is held: see `Lease`, and `Leadership`. */
export class LeaseTarget extends RpcTarget {
  readonly #kept: KeptSession;
  readonly #document: LeaseDocument;
  readonly #caller: ApiCaller;
  readonly #contest: Contest;

  /** `askedMs` is when it was asked for, in Unix milliseconds. */
  constructor(
    caller: ApiCaller,
    contest: Contest,
    { askedMs, document }: { readonly askedMs: number; readonly document: LeaseDocument },
  ) {
    super();
    this.#document = document;
    this.#caller = caller;
    this.#contest = contest;
    const { url, give } = contest;
    const json = { lease: document.lease };
    this.#kept = new KeptSession({
      askedMs,
      heldForMs: document.heldForMs,
      renew: async () =>
        Number((await caller.json({ method: "POST", path: `${url}/renew`, json }))["heldForMs"]),
      end: async () => void (await caller.ask({ method: "POST", path: `${url}/${give}`, json })),
      watch: async (signal) => await untilGone(caller, { url, document, signal }),
    });
    // Else the isolate is not told that the caller has let go.
    caller.waitUntil(this.#kept.settled);
  }

  /** The path of what is held. */
  get path(): string {
    return pathOf(this.#document);
  }

  /** The fencing token. */
  get token(): string {
    return this.#document.token;
  }

  /** The secret of the lease. */
  get lease(): string {
    return this.#document.lease;
  }

  /** For how long it is held at least. */
  get expiresInMs(): number {
    return this.#kept.remainingMs;
  }

  /** Renews it now. */
  async renew(): Promise<number> {
    return await this.#kept.renew();
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    await this.#kept.end();
  }

  /** Sets what others see of the leader. */
  async proclaim(value: string): Promise<void> {
    const json = { lease: this.#document.lease, value };
    await this.#caller.ask({ method: "POST", path: `${this.#contest.url}/proclaim`, json });
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

/** A lock, or with `permits` a semaphore. */
export function contestOf(name: string, options: LockOptions | SemaphoreOptions = {}): Contest {
  const { waitMs, ttlMs, lockDelayMs, owner, key } = options;
  const { mode, permits } = options as Partial<LockOptions & SemaphoreOptions>;
  return {
    url: `/${"permits" in options ? "semaphores" : "locks"}/${segment(name)}`,
    take: "acquire",
    give: "release",
    options: { waitMs, ttlMs, lockDelayMs, mode, owner, key, permits },
  };
}

/** An election. */
export function electionOf(name: string, options: CampaignOptions = {}): Contest {
  const { waitMs, ttlMs, lockDelayMs, value, key } = options;
  const url = `/elections/${segment(name)}`;
  return { url, take: "campaign", give: "resign", options: { waitMs, ttlMs, lockDelayMs, value, key } };
}

function pathOf({ lock, semaphore, election = "" }: LeaseDocument): string {
  return lock ?? semaphore ?? election;
}

/**
 * Resolves when the lease's own znode is gone. A replica that has not seen it come yet would tell the same: so none is
 * heard that is behind what was seen before.
 */
async function untilGone(
  caller: ApiCaller,
  {
    url,
    document,
    signal,
  }: { readonly url: string; readonly document: LeaseDocument; readonly signal: AbortSignal },
): Promise<void> {
  const headers = { "min-zxid": document.zxid };
  const told = await caller.json({ method: "GET", path: url, headers, signal });
  const queue = (told["queue"] ?? told["candidates"]) as readonly {
    readonly node: string;
    readonly token: string;
  }[];
  const own = queue.find(({ token }) => token === document.token);
  if (own === undefined) {
    if (Number(told["count"]) === queue.length) return;
    throw new Error("so many hold it, or wait, that they are not all shown");
  }
  const parent = document.semaphore === undefined ? pathOf(document) : `${document.semaphore}/leases`;
  const node = `/nodes/${segment(`${parent}/${own.node}`.slice(1))}`;
  let known: string | undefined;
  let { zxid } = told;
  try {
    for (;;) {
      const wait = known === undefined ? 0 : WATCH_MS;
      const asked = { "if-none-match": known, "min-zxid": zxid };
      const path = `${node}?wait=${wait}`;
      ({ etag: known, zxid } = await caller.ask({ method: "GET", path, headers: asked, signal }));
    }
  } catch (error) {
    // It is gone, which is what was waited for.
    if (!(error instanceof EdgekeeperError) || error.code !== "no-node") throw error;
  }
}
