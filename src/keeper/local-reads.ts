/**
 * What a replica answers from its own tree and watches, without the leader.
 * Source: ZooKeeper FinalRequestProcessor.
 */
import { type Identity, PERMS } from "../base/acl.ts";
import { assertNever, must } from "../base/assert.ts";
import { ERROR_CODES, type ErrorName, KeeperError } from "../base/error-code.ts";
import type { SessionId } from "../base/ids.ts";
import type {
  MultiReadRequest,
  MultiResult,
  ReadRequest,
  Response,
  SetWatchesRequest,
  WatchableReadRequest,
} from "../base/request.ts";
import { childOf } from "../base/path.ts";
import { SCOPE_SCHEME } from "../base/scope-identity.ts";
import { isAllowed } from "../tree/access.ts";
import { checkScope, mayTouch, type Scope } from "../tree/scope.ts";
import { readPage } from "../tree/tree-read.ts";
import type { Tree } from "../tree/tree.ts";
import type { Page } from "./call.ts";
import { type MissedEvent, watchOf, type WatchTable } from "../tree/watch-table.ts";
import type { ConnectionId } from "./connection.ts";
import { CHILD_NAME_BYTES_GUESS, COUNTED_CHILDREN_MAX, REPLY_BYTES_GUESS } from "./limits.ts";
import type { Reply } from "./replies.ts";

/** A header and a Stat. */
const SMALL_REPLY_BYTES = 88;

/** Who asks. */
export interface Reader {
  readonly connection: ConnectionId;
  readonly session: SessionId;
  /** As what access control lists are asked. */
  readonly identities: readonly Identity[];
  /** What the client has proven to be. */
  readonly proven: readonly Identity[];
  /** What it may touch at most. */
  readonly scope: Scope;
}

/** A reply, and the events that must come right before it: what the client missed before setWatches. */
export interface LocalAnswer extends Reply {
  readonly events: readonly MissedEvent[];
}

/** What a part of a znode's children is answered with. */
export interface PageAnswer {
  readonly code: number;
  readonly response:
    | { readonly op: "empty" }
    | ({ readonly op: "page"; readonly counts?: readonly number[] } & ReturnType<typeof readPage>);
}

/** Answers reads; leaves and removes watches. */
export class LocalReads {
  readonly #tree: Tree;
  readonly #watches: WatchTable;

  constructor(tree: Tree, watches: WatchTable) {
    this.#tree = tree;
    this.#watches = watches;
  }

  /** The answer to a request; what the client did wrong is an answer too. */
  answer(request: ReadRequest | { readonly op: "ping" }, reader: Reader): LocalAnswer {
    try {
      return this.#answer(request, reader);
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      return { code: error.code, response: { op: "empty" }, events: [] };
    }
  }

  /** A part of the znode's children, or what is wrong. */
  page(path: string, page: Page, { identities, scope }: Reader): PageAnswer {
    try {
      checkScope(scope, "read", path);
      const read = readPage(this.#tree, path, page, identities);
      const counts = page.isCounted === true ? { counts: this.#countsOf(path, read.children) } : {};
      return { code: ERROR_CODES.ok, response: { op: "page", ...read, ...counts } };
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      return { code: error.code, response: { op: "empty" } };
    }
  }

  /** How many children these have, as anybody may know who knows their names. */
  #countsOf(path: string, names: readonly string[]): readonly number[] {
    return names
      .slice(0, COUNTED_CHILDREN_MAX)
      .map((name) => this.#tree.get(childOf(path, name))?.childCount ?? 0);
  }

  /** Whether anybody may read the znode's data and children, or it is not there, which anybody may know. */
  isPublic(path: string): boolean {
    const node = this.#tree.get(path);
    return node === undefined || isAllowed(node.acl, PERMS.read, []);
  }

  /** What a reply will take, by a guess that costs little more than a look at the znode. */
  replyBytes(request: ReadRequest | { readonly op: "ping" }): number {
    switch (request.op) {
      case "getData":
      case "getChildren":
      case "getChildren2":
        return this.#readBytes(request);
      case "multiRead": {
        const { operations } = request;
        return operations.reduce(
          (sum, operation) => sum + (operation.op === "unsupported" ? 0 : this.#readBytes(operation)),
          SMALL_REPLY_BYTES,
        );
      }
      case "getEphemerals":
      case "setWatches":
      case "setWatches2":
        return REPLY_BYTES_GUESS;
      case "exists":
      case "getACL":
      case "getAllChildrenNumber":
      case "addWatch":
      case "checkWatches":
      case "removeWatches":
      case "whoAmI":
      case "ping":
        return SMALL_REPLY_BYTES;
      default:
        return assertNever(request);
    }
  }

  #readBytes({ op, path }: { readonly op: string; readonly path: string }): number {
    const node = this.#tree.get(path);
    if (node === undefined) return SMALL_REPLY_BYTES;
    const body = op === "getData" ? (node.data?.length ?? 0) : node.childCount * CHILD_NAME_BYTES_GUESS;
    return SMALL_REPLY_BYTES + body;
  }

  #answer(request: ReadRequest | { readonly op: "ping" }, reader: Reader): LocalAnswer {
    switch (request.op) {
      case "ping":
        return ok({ op: "empty" });
      case "exists":
      case "getData":
      case "getChildren":
      case "getChildren2":
        checkScope(reader.scope, "read", request.path);
        return ok(this.#readAndWatch(request, reader));
      case "getACL":
      case "getAllChildrenNumber":
        checkScope(reader.scope, "read", request.path);
        return ok(this.#tree.read({ request, ...reader }));
      case "getEphemerals":
        return ok(inScope(this.#tree.read({ request, ...reader }), reader.scope));
      case "multiRead":
        return ok(this.#readAll(request, reader));
      case "addWatch":
        checkScope(reader.scope, "read", request.path);
        this.#watches.addWatch(request, reader.connection);
        return ok({ op: "error", code: ERROR_CODES.ok });
      case "checkWatches":
        if (this.#watches.has(request.path, request.type, reader.connection)) return ok({ op: "empty" });
        throw new KeeperError("noWatcher");
      case "removeWatches":
        if (this.#watches.remove(request.path, request.type, reader.connection)) return ok({ op: "empty" });
        throw new KeeperError("noWatcher");
      case "setWatches":
      case "setWatches2": {
        for (const path of pathsOf(request)) checkScope(reader.scope, "read", path);
        const events = this.#watches.reestablish(request, this.#tree, reader.connection);
        return { code: ERROR_CODES.ok, response: { op: "empty" }, events };
      }
      case "whoAmI":
        return ok({ op: "identities", identities: reader.proven.flatMap(shown) });
      default:
        return assertNever(request);
    }
  }

  /** As the tree answers it, but that what is out of scope is refused in its place. */
  #readAll(request: MultiReadRequest, { identities, session, scope }: Reader): Response {
    const mayRead = request.operations.map(
      (operation) => operation.op === "unsupported" || mayTouch(scope, "read", operation.path),
    );
    const operations = request.operations.filter((_, at) => mayRead[at]);
    const answer = this.#tree.read({ request: { op: "multiRead", operations }, identities, session });
    if (answer.op !== "multi") return answer;
    const results = answer.results[Symbol.iterator]();
    const refused: MultiResult = { op: "error", code: ERROR_CODES.noAuth };
    return {
      op: "multi",
      results: mayRead.map((may) => (may ? must(results.next().value, "a result for each") : refused)),
    };
  }

  #readAndWatch(request: WatchableReadRequest, reader: Reader): Response {
    const { identities, session, connection } = reader;
    let failure: ErrorName | undefined;
    try {
      return this.#tree.read({ request, identities, session });
    } catch (error) {
      if (error instanceof KeeperError) failure = error.reason;
      throw error;
    } finally {
      const watch = watchOf(request, failure);
      if (watch !== undefined) this.#watches.addOneShot(watch.kind, watch.path, connection);
    }
  }
}

function ok(response: Response): LocalAnswer {
  return { code: ERROR_CODES.ok, response, events: [] };
}

/** whoAmI tells a digest login's user, not its hash. Source: ZooKeeper AuthUtil.getClientInfos. */
function shown(identity: Identity): readonly Identity[] {
  // It says what somebody may do, and not who it is.
  if (identity.scheme === SCOPE_SCHEME) return [];
  if (identity.scheme !== "digest") return [identity];
  return [{ scheme: identity.scheme, id: identity.id.replace(/:.*/, "") }];
}

/** Ephemerals may have been made by whoever had the session before. */
function inScope(response: Response, scope: Scope): Response {
  if (response.op !== "ephemerals") return response;
  return { op: "ephemerals", paths: response.paths.filter((path) => mayTouch(scope, "read", path)) };
}

function pathsOf(request: SetWatchesRequest): readonly string[] {
  const { dataWatches, existWatches, childWatches, persistentWatches, persistentRecursiveWatches } = request;
  return [dataWatches, existWatches, childWatches, persistentWatches, persistentRecursiveWatches].flat();
}
