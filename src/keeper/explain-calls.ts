/**
 * Calls that ask why things are as they are: who holds a lock and who waits, whose an ephemeral is and whether its
 * session is alive, and of what is gone, how it went. What stands is told from the tree, what sessions do by the
 * leader, and what is over from the history, as far back as that is kept and looked at: the rest is not told.
 */
import { PERMS } from "../base/acl.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import type { Zxid } from "../base/zxid.ts";
import { isAllowed } from "../tree/access.ts";
import { contendersOf, placeOf } from "../tree/lock-queue.ts";
import { statOf, type Znode } from "../tree/node-store.ts";
import { isPermit, permitsPath, permitsTakenPath, waitersPath } from "../tree/semaphore.ts";
import { eventsOf } from "../tree/told-events.ts";
import { lockQueue, semaphoreQueue } from "./contest.ts";
import type { QueuedContender } from "./call.ts";
import { causeOf, Departures } from "./departures.ts";
import type { DoorContext } from "./door-context.ts";
import type { HistoryEnd, Met } from "./history-walks.ts";
import { EXPLAIN_HEAD_BYTES_MAX, EXPLAIN_LEFT_MAX, EXPLAIN_LOOKS_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import type { PastCalls, PastHost } from "./past-calls.ts";
import type {
  Cause,
  Departure,
  ExplainedContender,
  ExplainedPath,
  ExplainedSession,
  ExplainedSessionAnswer,
  LookedBack,
} from "./past-requests.ts";

type Queue = NonNullable<ExplainedPath["queue"]>;

/** See the file's comment. */
export class ExplainCalls {
  readonly #host: PastHost;
  readonly #past: PastCalls;

  constructor(host: PastHost, past: PastCalls) {
    this.#host = host;
    this.#past = past;
  }

  /** Explains what is at a path, or was. */
  path(open: OpenCall, path: string): void {
    const { tree } = this.#host.context;
    const node = tree.get(path);
    if (node !== undefined && !isAllowed(node.acl, PERMS.read, open.identities)) {
      return this.#host.answer(open, tree.lastApplied, ERROR_CODES.noAuth);
    }
    const queue = this.#queueAt(path);
    const present = {
      op: "explainedPath",
      stat: node && statOf(node),
      owner: node?.owner.mode === "ephemeral" ? this.#session(node.owner.session) : undefined,
      createdBy: node && this.#causeAt(node.czxid),
      setBy: node && this.#causeAt(node.mzxid),
      head: node?.data?.subarray(0, EXPLAIN_HEAD_BYTES_MAX),
      queue,
    } as const;
    // Where nobody stands in it, what had children may have been a queue.
    const isQueue =
      queue === undefined ? node !== undefined && mayHaveBeenQueue(tree, path, node) : queue.path === path;
    const departures = new Departures({
      path,
      names: node && tree.childNames(path),
      holders: holdersOf(queue),
      leftMax: node === undefined || isQueue ? EXPLAIN_LEFT_MAX : 0,
      open,
    });
    this.#lookBack(open, {
      isEnough: () => departures.isEnough,
      look: (met) => departures.take(met),
      tell: (lookedBack) => {
        const { gone, left } = departures;
        const contenders = queue?.contenders.map((one) =>
          one.isHolder ? { ...one, heldSinceMs: departures.heldSinceMs(one.path) } : one,
        );
        this.#host.answer(open, tree.lastApplied, ERROR_CODES.ok, {
          ...present,
          queue: queue === undefined ? emptyQueue(path, left) : { ...queue, contenders: contenders ?? [] },
          gone,
          left,
          lookedBack,
        });
      },
    });
  }

  /** Explains a session. */
  session(open: OpenCall, session: SessionId): void {
    const { tree } = this.#host.context;
    const isOpen = tree.sessions.get(session) !== undefined;
    const mayKnow = (path: string): boolean => {
      const node = tree.get(path);
      return node !== undefined && isAllowed(node.acl, PERMS.read, open.identities);
    };
    const present = {
      op: "explainedSession",
      session: this.#session(session),
      ephemerals: tree.ephemeralsOf(session).filter(mayKnow),
    } as const;
    let opened: Cause | undefined;
    let ended: ExplainedSessionAnswer["ended"];
    let lost: readonly string[] = [];
    this.#lookBack(open, {
      isEnough: () => opened !== undefined,
      look: (met) => {
        if (met.header.session !== session) return;
        const { kind } = met.txn;
        const cause = causeOf(met);
        if (kind === "createSession" || kind === "sessionMulti") opened = cause;
        if (kind !== "closeSession" || isOpen) return;
        ended = { ...cause, why: cause.isOwn ? "expired" : "closed" };
        lost = eventsOf(met.txn, met.note).flatMap(({ path, acl }) =>
          isAllowed(acl, PERMS.read, open.identities) ? [path] : [],
        );
      },
      tell: (lookedBack) => {
        const answer: ExplainedSessionAnswer = { ...present, opened, ended, lost, lookedBack };
        this.#host.answer(open, tree.lastApplied, ERROR_CODES.ok, answer);
      },
    });
  }

  /** Looks at the history, the latest first, until there is enough, or no more. */
  #lookBack(
    open: OpenCall,
    search: {
      readonly isEnough: () => boolean;
      readonly look: (met: Met) => void;
      readonly tell: (lookedBack: LookedBack | undefined) => void;
    },
  ): void {
    if (search.isEnough()) return search.tell(undefined);
    let looks = 0;
    let at: Zxid = this.#host.context.tree.lastApplied;
    const tell = (end: HistoryEnd | undefined): void => {
      const isAll = end !== undefined;
      search.tell(search.isEnough() ? undefined : { to: isAll ? end.zxid : at, isAll });
    };
    this.#past.begin(open, {
      take: (met) => {
        search.look(met);
        at = met.zxid;
        return !search.isEnough() && ++looks < EXPLAIN_LOOKS_MAX;
      },
      done: tell,
      hurry: () => tell(undefined),
      close: () => undefined,
    });
  }

  #causeAt(zxid: Zxid): Cause | undefined {
    const met = this.#host.walks.at(zxid);
    return met && causeOf(met);
  }

  #session(session: SessionId): ExplainedSession {
    const tracked = this.#host.trackedSession(session);
    return {
      session,
      timeoutMs: this.#host.context.tree.sessions.get(session)?.timeoutMs,
      tracked: tracked && {
        attachedTo: tracked.owner,
        heardAgoMs: tracked.heardAgoMs,
        leftMs: tracked.leftMs,
      },
    };
  }

  /** What a path is a queue of, by how its children are named; or the queue that it stands in. */
  #queueAt(path: string): Queue | undefined {
    const parent = parentOf(path);
    const isMember = contendersOf([nameOf(path)]).length > 0;
    return this.#semaphoreAt(path) ?? this.#lockAt(path) ?? (isMember ? this.#lockAt(parent) : undefined);
  }

  #semaphoreAt(path: string): Queue | undefined {
    const { tree } = this.#host.context;
    if (tree.get(permitsTakenPath(path)) === undefined) return undefined;
    const { contenders, count, permits } = semaphoreQueue(tree, path);
    const explained = contenders.map((one) => {
      const at = isPermit(one.name) ? permitsTakenPath(path) : waitersPath(path);
      return this.#contender(one, at, undefined);
    });
    return { path, of: "semaphore", contenders: explained, count, permits };
  }

  #lockAt(path: string): Queue | undefined {
    const { tree } = this.#host.context;
    const { contenders, count, permits } = lockQueue(tree, path);
    const [first] = contenders;
    if (first === undefined) return undefined;
    const places = contendersOf(tree.childNames(path));
    const explained = contenders.map((one) => this.#contender(one, path, placeOf(places, one.name)?.blocker));
    const of = /latch-\d{10}$/.test(first.name) ? "election" : "lock";
    return { path, of, contenders: explained, count, permits };
  }

  #contender(one: QueuedContender, parent: string, blocker: string | undefined): ExplainedContender {
    const owner = one.session === NO_SESSION ? undefined : this.#session(one.session);
    const behind = blocker === undefined ? undefined : childOf(parent, blocker);
    return { ...one, path: childOf(parent, one.name), behind, owner };
  }
}

/** Whether a znode in whose queue nobody stands may have been one: it had children, or says how many permits it has. */
function mayHaveBeenQueue(tree: DoorContext["tree"], path: string, node: Znode): boolean {
  return (node.childCount === 0 && node.childCreates > 0) || tree.get(permitsPath(path)) !== undefined;
}

/** The paths of those that hold. */
function holdersOf(queue: Queue | undefined): readonly string[] {
  return queue?.contenders.flatMap(({ isHolder, path }) => (isHolder ? [path] : [])) ?? [];
}

/** The queue that a path was, by who has left it, and in which nobody stands now; undefined where nobody has. */
function emptyQueue(path: string, left: readonly Departure[]): Queue | undefined {
  const [latest] = left;
  if (latest === undefined) return undefined;
  const isDirect = parentOf(latest.path) === path;
  const of = !isDirect ? "semaphore" : /latch-\d{10}$/.test(latest.path) ? "election" : "lock";
  return { path, of, contenders: [], count: 0, permits: undefined };
}
