/**
 * The reads that a replica answers from its own tree, with their checks in ZooKeeper's order: the znode
 * first, then who may see it. Source: ZooKeeper FinalRequestProcessor (3.9.5: exists checks READ too).
 */
import { type Identity, PERMS } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { KeeperError } from "../base/error-code.ts";
import type { SessionId } from "../base/ids.ts";
import { MULTI_READ_BYTES_MAX } from "../base/limits.ts";
import { actualPath } from "../base/path.ts";
import type {
  MultiReadOperation,
  MultiReadRequest,
  MultiResult,
  PathRequest,
  Response,
  WatchableReadRequest,
} from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import { checkAllowed, visibleAcl } from "./access.ts";
import { statOf, type Znode } from "./node-store.ts";

/** The reads that need nothing but the tree. */
export type TreeReadRequest = WatchableReadRequest | PathRequest | MultiReadRequest;

/** What reading takes of a tree. */
export interface ReadableTree {
  get(path: string): Znode | undefined;
  childNames(path: string): readonly string[];
  descendantCount(path: string): number;
  ephemeralsOf(session: SessionId): readonly string[];
}

/** Answers the read, or throws KeeperError: noNode, noAuth, badArguments, marshallingError. */
export function readTree(
  tree: ReadableTree,
  read: {
    readonly request: TreeReadRequest;
    readonly identities: readonly Identity[];
    readonly session: SessionId;
  },
): Response {
  const { request, identities } = read;
  switch (request.op) {
    case "exists":
      // The only path error of a read; any other path that cannot be is just one where nothing is (seen on
      // 3.8.0).
      if (request.path.includes("\0")) throw new KeeperError("badArguments", "a path with NUL");
      return { op: "stat", stat: statOf(readable(tree, request.path, identities)) };
    case "getData": {
      const node = readable(tree, request.path, identities);
      return { op: "getData", data: node.data, stat: statOf(node) };
    }
    case "getChildren":
      readable(tree, request.path, identities);
      return { op: "children", children: childrenOf(tree, request.path) };
    case "getChildren2": {
      const node = readable(tree, request.path, identities);
      return { op: "children2", children: childrenOf(tree, request.path), stat: statOf(node) };
    }
    case "getACL": {
      const node = existing(tree, request.path);
      return { op: "getACL", acl: visibleAcl(node.acl, identities), stat: statOf(node) };
    }
    case "getAllChildrenNumber":
      readable(tree, request.path, identities);
      return { op: "count", count: tree.descendantCount(actualPath(request.path)) };
    case "getEphemerals":
      return { op: "ephemerals", paths: ephemeralsBelow(tree, read.session, request.path) };
    case "multiRead":
      return { op: "multi", results: readAll(tree, request.operations, identities) };
    default:
      return assertNever(request);
  }
}

/** A part of the children, at most `limit` behind a name. Throws KeeperError as getChildren2 does. */
export function readPage(
  tree: ReadableTree & {
    childPage(path: string, after: string, countMax: number): readonly string[];
  },
  path: string,
  { after, limit }: { readonly after: string; readonly limit: number },
  identities: readonly Identity[],
): { readonly children: readonly string[]; readonly isLast: boolean; readonly stat: Stat } {
  const node = readable(tree, path, identities);
  const names = tree.childPage(actualPath(path), after, limit + 1);
  return { children: names.slice(0, limit), isLast: names.length <= limit, stat: statOf(node) };
}

function existing(tree: ReadableTree, path: string): Znode {
  const node = tree.get(actualPath(path));
  if (node === undefined) throw new KeeperError("noNode", path);
  return node;
}

function readable(tree: ReadableTree, path: string, identities: readonly Identity[]): Znode {
  const node = existing(tree, path);
  checkAllowed(node.acl, PERMS.read, identities);
  return node;
}

function childrenOf(tree: ReadableTree, path: string): readonly string[] {
  return tree.childNames(actualPath(path));
}

function ephemeralsBelow(tree: ReadableTree, session: SessionId, prefix: string): readonly string[] {
  const paths = tree.ephemeralsOf(session);
  const trimmed = prefix.trim();
  if (trimmed === "" || trimmed === "/") return paths;
  return paths.filter((path) => path.startsWith(prefix));
}

/** Throws KeeperError marshallingError where it comes to more than MULTI_READ_BYTES_MAX. */
function readAll(
  tree: ReadableTree,
  operations: readonly MultiReadOperation[],
  identities: readonly Identity[],
): readonly MultiResult[] {
  let bytes = 0;
  return operations.map((operation) => {
    const result = readOne(tree, operation, identities);
    if (result.op === "getData") bytes += result.data?.length ?? 0;
    if (result.op === "getChildren") for (const name of result.children) bytes += 4 + name.length;
    if (bytes > MULTI_READ_BYTES_MAX) {
      throw new KeeperError("marshallingError", `more than ${MULTI_READ_BYTES_MAX} bytes`);
    }
    return result;
  });
}

/** One result each: an operation that fails says so in its place, and the others are answered. */
function readOne(
  tree: ReadableTree,
  operation: MultiReadOperation,
  identities: readonly Identity[],
): MultiResult {
  if (operation.op === "unsupported") {
    throw new KeeperError("marshallingError", `operation ${operation.type} in multiRead`);
  }
  try {
    const node = readable(tree, operation.path, identities);
    if (operation.op === "getData") return { op: "getData", data: node.data, stat: statOf(node) };
    return { op: "getChildren", children: childrenOf(tree, operation.path) };
  } catch (error) {
    if (!(error instanceof KeeperError)) throw error;
    return { op: "error", code: error.code };
  }
}
