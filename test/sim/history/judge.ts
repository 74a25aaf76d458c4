/** All checks on what clients did and were told, each under its one name. */
import { must } from "../../../src/base/assert.ts";
import { Violation } from "../verdict.ts";
import { CallBook, checkCallReads } from "./check-calls.ts";
import { callsAsOperations } from "./call-operations.ts";
import { LateEvents } from "./check-late-events.ts";
import { checkLinearizability } from "./check-linearizability.ts";
import { checkLocks, type Guard } from "./check-locks.ts";
import { checkReadOrder, checkWriteOrder } from "./check-order.ts";
import { checkSessions, type SessionBounds } from "./check-sessions.ts";
import { checkReadings } from "./check-readings.ts";
import { checkTokens } from "./check-tokens.ts";
import { checkWatches } from "./check-watches.ts";
import { replay } from "./replay.ts";
import { type ClientHistory, type Operation, SLEPT_OVER } from "./types.ts";

/** By what a history is judged. */
export interface JudgeOptions extends Partial<SessionBounds> {
  /** Tells which writes are done under which lock's token; without it none is. */
  readonly guardOf?: (operation: Operation) => Guard | undefined;
  /** Configurations that the linearizability checker may look at for one znode. */
  readonly configurationsMax?: number;
  /** Whether anything went wrong in a stretch of time; without it something may have at any time. */
  readonly isDisturbed?: (fromMs: number, toMs: number) => boolean;
  /** When so long a time begins in which nothing goes wrong, at a moment or later; without it there is none. */
  readonly soundFromMs?: (atMs: number, forMs: number) => number;
}

/** A check by its name, and what it asks of a history. */
export interface HistoryCheck {
  readonly name: string;
  readonly asks: string;
  /** Whether it needs all that was committed: only the simulator knows that. */
  readonly needsLog: boolean;
}

const check = (name: string, asks: string): HistoryCheck => ({ name, asks, needsLog: false });
const logCheck = (name: string, asks: string): HistoryCheck => ({ name, asks, needsLog: true });

/** Every check, in the order in which `judge` makes them. */
export const HISTORY_CHECKS: readonly HistoryCheck[] = [
  check("ZxidsFollowTime", "a write that was sent after another was acknowledged has a higher zxid"),
  check("ZxidGivenOnce", "no two acknowledged writes have the same zxid"),
  check("SequencesFollowTime", "below one parent, sequence numbers follow time and are given once"),
  check("SessionZxidsMonotonic", "the zxids that a session is shown never go back, wherever it connects"),
  check("ReadYourWrites", "a session's read shows no state of a znode before its own acknowledged write"),
  check(
    "SyncReadsFresh",
    "behind a sync nothing is older than what was acknowledged before the sync was sent",
  ),
  check("Linearizability", "writes, and reads behind a sync, are linearizable, znode by znode"),
  check(
    "LinearizabilityUndecided",
    "the linearizability checker comes to an end: a run it gives up on is not judged",
  ),
  logCheck("AcknowledgedIsCommitted", "what was acknowledged is in the log, under the zxid that was told"),
  logCheck("CommittedOnce", "no request is in the log twice"),
  logCheck("CommittedWasAsked", "nothing is in the log that no client, and not the service, asked for"),
  logCheck("SessionOrder", "a session's requests are done in the order in which it sent them"),
  logCheck(
    "EffectsAsAsked",
    "each transaction is what its request comes to on a tree that stands for itself",
  ),
  logCheck("RepliesAsModelled", "each reply to a write says what that tree says: errors, paths, Stats"),
  logCheck("ReadsShowAState", "a read shows that tree as it was at the zxid of its reply"),
  logCheck(
    "SweptWhenDue",
    "nothing goes by itself but an emptied container, and a childless TTL znode whose time is over",
  ),
  logCheck("EventBeforeState", "a watch event comes before any reply that shows what it announces"),
  logCheck("EventNotMissed", "a watch fires, on the connection that holds it, for the change it waits for"),
  logCheck(
    "EventNotLate",
    "where nothing goes wrong a client that is connected is told within the stated bound",
  ),
  logCheck("EventHasCause", "no watch event comes without a watch and a change"),
  logCheck("EventOnce", "a watch that fires once does so once, and a change is told once"),
  logCheck(
    "EventsAreExact",
    "a reader of events is told each that it reads of, in order and once, wherever it reads on",
  ),
  check("SessionNotEarly", "no session is expired before it was silent for its timeout"),
  logCheck("SessionNotLate", "in calm times no session outlives its timeout by more than the stated bound"),
  check("SessionIsOneClients", "no session is given to two clients"),
  check("SessionEndsByLog", "a session is over when its client is told so, and does nothing from then on"),
  check("SessionMoved", "no write is done by a connection that its session has left"),
  check("EphemeralsAsSessions", "ephemerals exist exactly as long as their sessions"),
  check("LockHeldOnce", "a lock has one holder at a time, sessions that are over not counted"),
  check("TokensGrow", "each holder's fencing token is larger than those before it"),
  check(
    "LeasesAtOnce",
    "a semaphore has no more holders at once than permits, sessions that are over not counted",
  ),
  logCheck("KeyDoneOnce", "what is asked for under a key is done once, and the key stands for nothing else"),
  logCheck("GuardsHold", "what a call does under a lock, or where it is free, is done only while that is so"),
  logCheck("LeaseNotEarly", "a lease lasts as long as its holder was told, unless it gives it back"),
  logCheck("LockDelayKept", "what a lease held that has expired stays closed for as long as it asked for"),
  logCheck(
    "HangUpGivesUp",
    "in calm times who hangs up in a lock's queue has left it before it could hold it",
  ),
  check(
    "CallReadsFresh",
    "a call's read shows what it must have seen, a linearizable one all acknowledged before",
  ),
  logCheck(
    "TokensBound",
    "what is asked under a token is done while it stands and within its grants, and never else",
  ),
  check("GuardedWritesGrow", "no write under a lock's old token is done after one under a newer"),
];

/** What was slept over was not done: that it is not, the log tells. */
function mayBeDone({ outcome }: Operation): boolean {
  return outcome.kind === "answered" || outcome.reason !== SLEPT_OVER;
}

/** All that is wrong with a history; nothing where it is as it should be. */
export function judge(history: ClientHistory, options: JudgeOptions = {}): readonly Violation[] {
  const { operations, events, sessions, holds, committed } = history;
  const { clockRateMax = 1, jumpsAhead = [], expiryLateMs = 0, calm = [] } = options;
  const { guardOf, configurationsMax, isDisturbed = () => true, soundFromMs = () => Infinity } = options;
  const { calls = [], readings = [] } = history;
  const called = callsAsOperations(calls);
  const ofCalls: Violation[] = [];
  const book = new CallBook(calls, (name, what) => ofCalls.push(new Violation(name, what)));
  const replayed =
    committed === undefined
      ? undefined
      : replay(operations, committed, calls.length === 0 ? undefined : book);
  if (replayed?.isWhole === true)
    book.finish(replayed.ended, { clockRateMax, jumpsAhead, expiryLateMs, calm }, isDisturbed);
  const late =
    replayed === undefined
      ? undefined
      : new LateEvents({
          operations,
          sessions,
          committed: committed ?? [],
          ended: replayed.ended,
          soundFromMs,
        });
  const found = [
    ...checkWriteOrder(operations),
    ...checkReadOrder(operations),
    ...checkLinearizability([...operations.filter(mayBeDone), ...called], sessions, {
      configurationsMax,
      sweeps: replayed?.sweeps ?? [],
    }),
    ...(replayed?.violations ?? []),
    ...(replayed?.isWhole === true ? checkWatches(operations, events, replayed, late) : []),
    ...(replayed?.isWhole === true ? checkReadings(readings, replayed) : []),
    ...checkSessions(sessions, operations, { clockRateMax, jumpsAhead, expiryLateMs, calm }, replayed),
    ...checkLocks(holds, [...operations, ...called], guardOf, replayed),
    ...checkCallReads(calls, operations),
    ...(replayed?.isWhole === true ? checkTokens(calls, replayed, (intent) => book.doneAt(intent)) : []),
    ...ofCalls,
  ];
  const rank = new Map(HISTORY_CHECKS.map(({ name }, index) => [name, index]));
  const rankOf = (one: Violation): number => must(rank.get(one.check), `${one.check} stands in no list`);
  return found.toSorted((a, b) => rankOf(a) - rankOf(b));
}
