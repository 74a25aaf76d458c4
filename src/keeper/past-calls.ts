/**
 * Calls that ask about the past: a znode as it was, and what is different between two moments. Both are read from the
 * present tree and the history, backwards (tree/past.ts).
 *
 * Who may read it: whom the list of the znode let read it then **and** lets now, or did when it was deleted. A secret
 * that was restricted since is not told to those it was taken from, nor is what was secret told since it was opened. A
 * list that history does not tell lets nobody read.
 */
import { PERMS } from "../base/acl.ts";
import { ERROR_CODES, type ErrorName } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import type { Acl } from "../base/acl.ts";
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import { isAllowed } from "../tree/access.ts";
import {
  changesOf,
  type Moment,
  PastDifference,
  PastNode,
  type PastZnode,
  type PathDifference,
} from "../tree/past.ts";
import { pathOfStats } from "../tree/quota.ts";
import { mayTouch } from "../tree/scope.ts";
import { reservedNodes } from "../tree/tree.ts";
import type { CallAnswer, CallResponse, Page } from "./call.ts";
import type { DoorContext } from "./door-context.ts";
import type { HistoryEnd, HistoryWalks, Met, Walker } from "./history-walks.ts";
import { DIFFERENCE_BYTES_MAX, DIFFERENCE_PATHS_MAX, WALK_WAIT_MS } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import type { DifferenceEntry, HistoryGone, PastRequest, PastSide, PastStat } from "./past-requests.ts";
import type { TrackedSession } from "./session-tracker.ts";

/** What these calls need of the door. */
export interface PastHost {
  readonly context: DoorContext;
  readonly walks: HistoryWalks;
  /** What the leader knows of a session; undefined where this replica does not lead, or the session is over. */
  readonly trackedSession: (session: SessionId) => TrackedSession | undefined;
  readonly answer: (open: OpenCall, zxid: Zxid, code: number, response?: CallResponse) => void;
  readonly end: (open: OpenCall, answer: CallAnswer) => void;
}

/** What is under way for a call. */
interface Search extends Walker {
  /** Its time is over: what is known is told. */
  hurry(): void;
  /** Nobody listens any more. */
  close(): void;
}

/** See the file's comment. */
export class PastCalls {
  readonly #host: PastHost;
  readonly #searches = new Map<OpenCall, Search>();

  constructor(host: PastHost) {
    this.#host = host;
  }

  /** Begins to look. */
  past(open: OpenCall, request: PastRequest & { readonly kind: "past" }): void {
    const { path, at, page } = request;
    const { tree } = this.#host.context;
    const node = tree.get(path);
    if (node !== undefined && !mayRead(open, node.acl)) return this.#fail(open, "noAuth");
    const names = page === undefined ? [] : tree.childNames(path);
    const past = new PastNode({ path, moment: at, node, names });
    const finish = (end: HistoryEnd | undefined): void => {
      if (end !== undefined) past.moment.endAt(end.zxid, end.timeMs);
      this.#tellNode(open, past, page);
    };
    this.begin(open, {
      take: (met) => past.take({ ...placeOf(met), changes: changesOf(met.txn, met.note) }),
      done: (end) => finish(end),
      hurry: () => (isUseful(past, page) ? finish(undefined) : this.#giveUp(open)),
      close: () => undefined,
    });
  }

  /** Begins to compare. */
  difference(open: OpenCall, request: PastRequest & { readonly kind: "difference" }): void {
    const { path, from, page } = request;
    const { tree } = this.#host.context;
    const frozen = tree.freeze(DIFFERENCE_BYTES_MAX);
    const to: Moment = request.to ?? { zxid: tree.lastApplied };
    const present = (at: string): ReturnType<typeof tree.get> => frozen.get(at);
    const difference = new PastDifference({ path, from, to, present });
    this.begin(open, {
      take: (met) => {
        if (frozen.isOverrun) return false;
        const more = difference.take({ ...placeOf(met), changes: changesOf(met.txn, met.note) });
        return more && !isTooLarge(difference);
      },
      done: (end) => {
        for (const moment of [difference.from, difference.to]) {
          if (end !== undefined) moment.endAt(end.zxid, end.timeMs);
        }
        if (end !== undefined && equalZxid(end.zxid, ZXID_ZERO)) difference.beginWith(reservedNodes());
        // So much was written meanwhile that what was there before is not known.
        if (frozen.isOverrun) this.#giveUp(open);
        else if (isTooLarge(difference)) this.#fail(open, "marshallingError");
        else this.#tellDifference(open, difference, page);
      },
      hurry: () => this.#giveUp(open),
      close: () => frozen.close(),
    });
  }

  /** Has the history read for a call, which is told the end of it by the walker. */
  begin(open: OpenCall, search: Search): void {
    const { walks, context } = this.#host;
    if (walks.isFull) {
      search.close();
      return this.#host.end(open, { kind: "unavailable", reason: "busy" });
    }
    open.deadlineMs = open.arrivedMs + WALK_WAIT_MS;
    this.#searches.set(open, search);
    walks.begin(context.tree.lastApplied, search);
  }

  /** Whether something is being looked for: its time is not for the door to watch. */
  has(open: OpenCall): boolean {
    return this.#searches.has(open);
  }

  /** It has taken too long. */
  hurry(open: OpenCall): void {
    this.#searches.get(open)?.hurry();
  }

  /** The call is over. */
  forget(open: OpenCall): void {
    const search = this.#searches.get(open);
    if (search === undefined) return;
    this.#searches.delete(open);
    this.#host.walks.drop(search);
    search.close();
  }

  #tellNode(open: OpenCall, past: PastNode, page: Page | undefined): void {
    const { moment, node, lastAcl } = past;
    const { zxid: asOf, timeMs: asOfMs } = moment;
    if (asOf === undefined) return this.#gone(open, undefined);
    if (lastAcl !== undefined && !mayRead(open, lastAcl)) return this.#fail(open, "noAuth");
    if (node === undefined) return this.#fail(open, "noNode");
    if (node.acl !== undefined && !mayRead(open, node.acl)) return this.#fail(open, "noAuth");
    if (node.acl === undefined) return this.#gone(open, this.#host.context.tree.lastApplied);
    const stat = statOf(node);
    const { lastApplied } = this.#host.context.tree;
    if (page !== undefined) {
      const names = [...past.names].filter((name) => name > page.after).sort();
      const children = names.slice(0, page.limit);
      const isLast = names.length <= page.limit;
      return this.#host.answer(open, lastApplied, ERROR_CODES.ok, {
        op: "pastChildren",
        asOf,
        asOfMs,
        children,
        isLast,
        stat,
      });
    }
    // The stats of a quota are set by no write that history shows.
    const isKept = pathOfStats(past.path) === undefined;
    if (node.value === undefined || !isKept) return this.#gone(open, isKept ? past.lostAt : lastApplied);
    const { data } = node.value;
    this.#host.answer(open, lastApplied, ERROR_CODES.ok, { op: "past", asOf, asOfMs, data, stat });
  }

  #tellDifference(open: OpenCall, difference: PastDifference, { after, limit }: Page): void {
    const { tree } = this.#host.context;
    const { zxid: from, timeMs: fromMs } = difference.from;
    const { zxid: to, timeMs: toMs } = difference.to;
    if (from === undefined) return this.#gone(open, undefined);
    // It was not met by then: it is before the other.
    if (to === undefined || compareZxid(from, to) > 0) return this.#fail(open, "badArguments");
    const shown = difference
      .differences()
      .filter(({ path }) => path > after && mayTouch(open.scope, "read", path))
      .filter((one) => mayReadBoth(open, one));
    const response = {
      op: "difference",
      from,
      fromMs,
      to,
      toMs,
      entries: shown.slice(0, limit).map(entryOf),
      isLast: shown.length <= limit,
    } as const;
    this.#host.answer(open, tree.lastApplied, ERROR_CODES.ok, response);
  }

  #fail(open: OpenCall, reason: ErrorName): void {
    this.#host.answer(open, this.#host.context.tree.lastApplied, ERROR_CODES[reason]);
  }

  /** Another replica may keep more. */
  #gone(open: OpenCall, oldestOfPath: Zxid | undefined): void {
    const { zxid, firstMs } = this.#host.walks.oldest;
    const answer: HistoryGone = {
      kind: "unavailable",
      reason: "gone",
      oldest: oldestOfPath ?? zxid,
      oldestMs: oldestOfPath === undefined ? firstMs : undefined,
    };
    this.#host.end(open, answer);
  }

  #giveUp(open: OpenCall): void {
    this.#host.end(open, { kind: "unavailable", reason: "busy" });
  }
}

function placeOf({ zxid, header }: Met): { readonly zxid: Zxid; readonly timeMs: number } {
  return { zxid, timeMs: header.timeMs };
}

/** Whether what is known of it is what was asked for; the rest of the Stat is told as unknown. */
function isUseful({ moment, node }: PastNode, page: Page | undefined): boolean {
  if (moment.zxid === undefined) return false;
  return node === undefined || (node.acl !== undefined && (page !== undefined || node.value !== undefined));
}

function isTooLarge({ count, bytes }: PastDifference): boolean {
  return count > DIFFERENCE_PATHS_MAX || bytes > DIFFERENCE_BYTES_MAX;
}

function mayRead({ identities }: OpenCall, acl: readonly Acl[]): boolean {
  return isAllowed(acl, PERMS.read, identities);
}

/** What the lists of a side are not known of is told without what it held. */
function mayReadBoth(open: OpenCall, { before, after, lastAcl }: PathDifference): boolean {
  const known = [lastAcl, before?.acl, after?.acl].filter((acl) => acl !== undefined);
  return known.every((acl) => mayRead(open, acl));
}

function entryOf({ path, before, after, isAnother, isSet, isRestricted }: PathDifference): DifferenceEntry {
  const kind =
    before === undefined ? "created" : after === undefined ? "deleted" : isAnother ? "replaced" : "changed";
  return {
    path,
    kind,
    isDataSet: kind === "replaced" || (kind === "changed" && isSet),
    isAclSet: kind === "changed" && isRestricted,
    before: before && sideOf(path, before),
    after: after && sideOf(path, after),
  };
}

function sideOf(path: string, { value, birth, acl }: PastZnode): PastSide {
  const isTold = acl !== undefined && value !== undefined && pathOfStats(path) === undefined;
  const owner = birth?.owner;
  return {
    data: isTold ? value.data : undefined,
    version: value?.version,
    mzxid: value?.mzxid,
    czxid: birth?.czxid,
    ephemeralOwner: owner === undefined ? undefined : owner.mode === "ephemeral" ? owner.session : NO_SESSION,
  };
}

function statOf(node: PastZnode): PastStat {
  const { value, birth, aversion, childCreates, childCount, pzxid } = node;
  const owner = birth?.owner;
  return {
    czxid: birth?.czxid ?? null,
    ctime: birth?.ctime ?? null,
    ephemeralOwner: owner === undefined ? null : owner.mode === "ephemeral" ? owner.session : NO_SESSION,
    mzxid: value?.mzxid ?? null,
    mtime: value?.mtime ?? null,
    version: value?.version ?? null,
    dataLength: value === undefined ? null : (value.data?.length ?? 0),
    aversion: aversion ?? null,
    numChildren: childCount,
    cversion: childCreates === undefined ? null : (Math.imul(childCreates, 2) - childCount) | 0,
    pzxid: pzxid ?? null,
  };
}
