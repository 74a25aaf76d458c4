/**
 * What callers are shown who look after an ensemble: its sessions with what is theirs, who watches what, what is held
 * anywhere in the tree, and who they themselves are. Each replica tells what it knows: the tree all of them, a
 * connection and its watches the one that has it, when a session expires the leader.
 */
import { type Identity, PERMS } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import { nameOf, parentOf } from "../base/path.ts";
import type { Grant } from "../base/grant.ts";
import { SCOPE_SCHEME } from "../base/scope-identity.ts";
import { isAllowed } from "../tree/access.ts";
import { contendersOf } from "../tree/lock-queue.ts";
import { mayTouch } from "../tree/scope.ts";
import { isPermit, permitsTakenPath } from "../tree/semaphore.ts";
import type { CallResponse, QueuedContender } from "./call.ts";
import { lockQueue, semaphoreQueue } from "./contest.ts";
import type { DoorContext } from "./door-context.ts";
import { EPHEMERALS_SHOWN, LOCK_QUEUE_SHOWN } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import type { Report } from "./operations/report.ts";

/** What is held for a while. */
export type HeldKind = "lock" | "semaphore" | "election";

/** What may be asked. Lists are sorted and come in parts: what stands behind `after`. */
export type SurveyRequest =
  | { readonly kind: "whoAmI" }
  /** By their ids, as numbers. */
  | { readonly kind: "listSessions"; readonly after: SessionId; readonly limit: number }
  /** One of them, with the paths that are its own. */
  | { readonly kind: "showSession"; readonly session: SessionId }
  | { readonly kind: "listWatches"; readonly after: string; readonly limit: number }
  /** What somebody holds, or waits for, by its path. */
  | {
      readonly kind: "listQueues";
      readonly of: HeldKind;
      readonly after: string;
      readonly limit: number;
    };

/** A session, as one replica knows it. */
export interface KnownSession {
  readonly session: SessionId;
  readonly timeoutMs: number;
  /** How many are its own. */
  readonly ephemerals: number;
  /** Where one session is asked for, the first EPHEMERALS_SHOWN of them that the caller may see. */
  readonly paths: readonly string[];
  /** In Unix milliseconds, where nothing more is heard of it; told by the leader alone. */
  readonly expiresMs: number | undefined;
  /** Told by the replica alone that has it. */
  readonly connection:
    | {
        /** For who administers the ensemble. */
        readonly remoteAddress: string | undefined;
        readonly transport: "tcp" | "websocket";
        readonly openedMs: number;
        readonly heardMs: number;
        readonly watches: number;
      }
    | undefined;
}

/** Who watches a path by connections of one replica. */
export interface KnownWatch {
  readonly path: string;
  readonly count: number;
  /** The first LOCK_QUEUE_SHOWN of them. */
  readonly watchers: readonly { readonly session: SessionId; readonly of: "node" | "children" }[];
}

/** Something that is held. */
export interface KnownQueue {
  readonly path: string;
  /** Holders and waiters. */
  readonly count: number;
  /** Who stands first. */
  readonly first: QueuedContender | undefined;
}

/** What is answered. */
export type SurveyResponse =
  | {
      readonly op: "caller";
      readonly identities: readonly Identity[];
      /** undefined for no bounds. */
      readonly grants: readonly Grant[] | undefined;
      readonly expiresMs: number | undefined;
    }
  | { readonly op: "sessions"; readonly sessions: readonly KnownSession[]; readonly isLast: boolean }
  | { readonly op: "watches"; readonly watches: readonly KnownWatch[]; readonly isLast: boolean }
  | { readonly op: "queues"; readonly queues: readonly KnownQueue[]; readonly isLast: boolean };

/** Who asks. */
type Asking = Pick<OpenCall, "identities" | "scope">;

/** The answer, of what this replica has delivered. */
export function survey(context: DoorContext, asking: Asking, request: SurveyRequest): CallResponse {
  switch (request.kind) {
    case "whoAmI":
      return callerOf(asking);
    case "listSessions": {
      const all = Array.from(context.tree.sessions.values(), ({ id }) => id).filter(
        (id) => id > request.after,
      );
      const page = all.sort((a, b) => (a < b ? -1 : 1)).slice(0, request.limit);
      const told = new SessionDesk(context, asking);
      return { op: "sessions", sessions: page.map((id) => told.of(id)), isLast: page.length === all.length };
    }
    case "showSession": {
      const isThere = context.tree.sessions.get(request.session) !== undefined;
      const desk = new SessionDesk(context, asking);
      return { op: "sessions", sessions: isThere ? [desk.whole(request.session)] : [], isLast: true };
    }
    case "listWatches":
      return watchesOf(context, asking, request);
    case "listQueues":
      return queuesOf(context, request);
    default:
      return assertNever(request);
  }
}

function callerOf({ identities, scope }: Asking): SurveyResponse {
  const shown = identities.filter(({ scheme }) => scheme !== SCOPE_SCHEME);
  return { op: "caller", identities: shown, grants: scope.grants, expiresMs: scope.expiresMs };
}

/** What one replica tells of sessions, looked up once for all of an answer. */
class SessionDesk {
  readonly #context: DoorContext;
  readonly #asking: Asking;
  readonly #connections = new Map<SessionId, ReturnType<Report["connections"]>[number]>();
  readonly #expiries = new Map<SessionId, number>();
  readonly #watches = new Map<SessionId, number>();

  constructor(context: DoorContext, asking: Asking) {
    this.#context = context;
    this.#asking = asking;
    const report = context.report();
    for (const connection of report.connections()) {
      if (connection.session !== undefined) this.#connections.set(connection.session, connection);
    }
    for (const { atMs, items } of report.expiries() ?? []) {
      for (const session of items) this.#expiries.set(session, atMs);
    }
    for (const { session } of report.watches().all) {
      this.#watches.set(session, (this.#watches.get(session) ?? 0) + 1);
    }
  }

  of(session: SessionId): KnownSession {
    const { tree } = this.#context;
    const connection = this.#connections.get(session);
    const isAdmin = mayTouch(this.#asking.scope, "admin", "/");
    return {
      session,
      timeoutMs: tree.sessions.get(session)?.timeoutMs ?? 0,
      ephemerals: tree.ephemeralsOf(session).length,
      paths: [],
      expiresMs: this.#expiries.get(session),
      connection:
        connection === undefined
          ? undefined
          : {
              remoteAddress: isAdmin ? connection.remoteAddress : undefined,
              transport: connection.transport,
              openedMs: connection.openedMs,
              heardMs: connection.heardMs,
              watches: this.#watches.get(session) ?? 0,
            },
    };
  }

  whole(session: SessionId): KnownSession {
    const { tree } = this.#context;
    const all = tree.ephemeralsOf(session).filter((path) => mayList(this.#context, this.#asking, path));
    return { ...this.of(session), paths: all.slice(0, EPHEMERALS_SHOWN) };
  }
}

/** Whether the caller may learn that the znode is there: who may list its parent, or read the znode itself. */
function mayList({ tree }: DoorContext, { identities, scope }: Asking, path: string): boolean {
  if (!mayTouch(scope, "read", path)) return false;
  return [parentOf(path), path].some((one) => isReadable(tree.get(one), identities));
}

function isReadable(node: ReturnType<DoorContext["tree"]["get"]>, identities: readonly Identity[]): boolean {
  return node !== undefined && isAllowed(node.acl, PERMS.read, identities);
}

/** A path that is watched and may not be read is not told. */
function watchesOf(
  context: DoorContext,
  { identities, scope }: Asking,
  { after, limit }: SurveyRequest & { readonly kind: "listWatches" },
): SurveyResponse {
  const { tree } = context;
  const byPath = new Map<string, { readonly session: SessionId; readonly of: "node" | "children" }[]>();
  for (const { path, ...watcher } of context.report().watches().all) {
    if (path <= after || !mayTouch(scope, "read", path)) continue;
    const known = byPath.get(path);
    if (known === undefined) byPath.set(path, [watcher]);
    else known.push(watcher);
  }
  const paths = [...byPath.keys()].sort(byText).filter((path) => {
    const node = tree.get(path);
    return node === undefined || isReadable(node, identities);
  });
  const watches = paths.slice(0, limit).map((path) => {
    const watchers = byPath.get(path) ?? [];
    return { path, count: watchers.length, watchers: watchers.slice(0, LOCK_QUEUE_SHOWN) };
  });
  return { op: "watches", watches, isLast: watches.length === paths.length };
}

/** Whoever holds or waits does so by an ephemeral, so they are found by these, wherever they stand. */
function queuesOf(
  { tree }: DoorContext,
  { of, after, limit }: SurveyRequest & { readonly kind: "listQueues" },
): SurveyResponse {
  const parents = new Set<string>();
  for (const path of tree.ephemerals()) {
    const held = heldAt(tree, path);
    if (held?.kind === of && held.path > after) parents.add(held.path);
  }
  const paths = [...parents].sort(byText);
  const queues = paths.slice(0, limit).map((path): KnownQueue => {
    const { contenders, count } = (of === "semaphore" ? semaphoreQueue : lockQueue)(tree, path);
    return { path, count, first: contenders[0] };
  });
  return { op: "queues", queues, isLast: queues.length === paths.length };
}

/** What the ephemeral is of, by its name and where it stands; undefined where it is of none of these. */
function heldAt(
  tree: DoorContext["tree"],
  path: string,
): { readonly kind: HeldKind; readonly path: string } | undefined {
  const parent = parentOf(path);
  const above = parentOf(parent);
  const name = nameOf(path);
  if (isPermit(name)) return nameOf(parent) === "leases" ? { kind: "semaphore", path: above } : undefined;
  if (contendersOf([name]).length === 0) return undefined;
  if (/latch-[^/]*$/.test(name)) return { kind: "election", path: parent };
  const isWaiter = nameOf(parent) === "locks" && tree.get(permitsTakenPath(above)) !== undefined;
  return isWaiter ? { kind: "semaphore", path: above } : { kind: "lock", path: parent };
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
