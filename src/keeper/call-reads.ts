/**
 * What calls read, from the replica's tree: at once, or, where the caller waits for a change, when it is something else
 * than the caller knows.
 */
import { assertNever } from "../base/assert.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { NO_SESSION } from "../base/ids.ts";
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Tree } from "../tree/tree.ts";
import type { CallRequest, CallResponse } from "./call.ts";
import { belowOf, ChangeWaits, isKnown } from "./change-waits.ts";
import { readChildren } from "./children-read.ts";
import { isKnownQueue, lockQueue, semaphoreQueue } from "./contest.ts";
import type { LocalReads, Reader } from "./local-reads.ts";
import type { OpenCall } from "./open-call.ts";

/** A call that reads. */
export type Reading = CallRequest & { readonly kind: "read" | "queue" | "children" };

/** What was read. */
export interface Read {
  readonly code: number;
  readonly response: CallResponse;
  /** Whether anybody may read it. */
  readonly isPublic?: boolean;
}

/** See the file's comment. */
export class CallReads {
  /** Those that wait for a change. */
  readonly waits: ChangeWaits = new ChangeWaits();
  readonly #tree: Tree;
  readonly #reads: LocalReads;
  readonly #now: () => number;

  /** `now` is the clock that never goes back. */
  constructor(tree: Tree, reads: LocalReads, now: () => number) {
    this.#tree = tree;
    this.#reads = reads;
    this.#now = now;
  }

  /** The answer; undefined where the call waits: it is asked again when there was a change, or it has waited enough. */
  read(open: OpenCall, request: Reading): Read | undefined {
    switch (request.kind) {
      case "read":
        return this.#readNode(open, request);
      case "queue":
        return this.#readQueue(open, request);
      case "children":
        return this.#readChildren(open, request);
      default:
        return assertNever(request);
    }
  }

  #readNode(
    open: OpenCall,
    { request, page, change }: CallRequest & { readonly kind: "read" },
  ): Read | undefined {
    const reader = readerOf(open);
    const { code, response } =
      page === undefined ? this.#reads.answer(request, reader) : this.#reads.page(request.path, page, reader);
    if (change !== undefined && this.#hasTime(open, change.waitMs) && isKnown(change.known, code, response)) {
      return this.#await(open, request.path, change.waitMs);
    }
    const isPublic = request.op !== "getACL" && this.#reads.isPublic(request.path);
    return { code, response, isPublic };
  }

  #readQueue(
    open: OpenCall,
    { of, path, change }: CallRequest & { readonly kind: "queue" },
  ): Read | undefined {
    const response = (of === "semaphore" ? semaphoreQueue : lockQueue)(this.#tree, path);
    if (change !== undefined && this.#hasTime(open, change.waitMs)) {
      const isSame = this.#isBehind(change.known) || isKnownQueue(response, change.known);
      if (isSame) return this.#await(open, belowOf(path), change.waitMs);
    }
    return { code: ERROR_CODES.ok, response };
  }

  #readChildren(open: OpenCall, request: CallRequest & { readonly kind: "children" }): Read | undefined {
    const { path, change } = request;
    const read = readChildren(this.#reads, readerOf(open), request);
    const { response } = read;
    if (change !== undefined && response.op === "childrenData" && this.#hasTime(open, change.waitMs)) {
      const isSame = this.#isBehind(change.known) || equalZxid(response.state, change.known);
      if (isSame) return this.#await(open, belowOf(path), change.waitMs);
    }
    return read;
  }

  #hasTime(open: OpenCall, waitMs: number): boolean {
    return this.#now() < open.arrivedMs + waitMs;
  }

  /** Who knows of more than this replica does is not told of what was before. */
  #isBehind(known: Zxid | undefined): boolean {
    return compareZxid(known ?? ZXID_ZERO, this.#tree.lastApplied) > 0;
  }

  #await(open: OpenCall, path: string, waitMs: number): undefined {
    open.deadlineMs = open.arrivedMs + waitMs;
    this.waits.add(open, path);
  }
}

function readerOf({ call, identities, scope }: OpenCall): Reader {
  const session = call.session?.session ?? NO_SESSION;
  return { connection: 0, session, identities, proven: identities, scope };
}
