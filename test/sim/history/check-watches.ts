/** Watches: an event comes before any reply that shows what it announces; none is missed, none is made up. */
import { compareZxid, equalZxid, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import type { LateEvents } from "./check-late-events.ts";
import { type DueEvent, ExpectedEvents } from "./expected-events.ts";
import type { Replay } from "./replay.ts";
import { type Answered, inSendingOrder, isAnswered, operationLine } from "./told-operations.ts";
import type { EventRecord, Operation } from "./types.ts";

/** What a session's end, and the client's own library, tell: no znode changed. */
const FIRST_TYPE_OF_NO_ZNODE = 5;

/** Judges each connection by itself; `replay` must be whole. Without `late` no event is late. */
export function checkWatches(
  operations: readonly Operation[],
  events: readonly EventRecord[],
  replay: Replay,
  late?: LateEvents,
): readonly Violation[] {
  const byConnection = Map.groupBy(inSendingOrder(operations).filter(isAnswered), (one) => one.connection);
  const eventsOf = Map.groupBy(events, (one) => one.connection);
  const found: Violation[] = [];
  for (const [connection, replies] of byConnection) {
    const received = (eventsOf.get(connection) ?? []).filter(
      ({ event }) => event.type > 0 && event.type < FIRST_TYPE_OF_NO_ZNODE,
    );
    const { broken, due } = judgeConnection(replies, received, replay);
    found.push(...broken, ...(late?.judge(connection, due) ?? []));
  }
  for (const [connection, received] of eventsOf) {
    const [first] = received;
    if (byConnection.has(connection) || first === undefined) continue;
    if (first.event.type >= 1 && first.event.type < FIRST_TYPE_OF_NO_ZNODE) {
      found.push(new Violation("EventHasCause", `${eventText(first)}, where nothing was watched`));
    }
  }
  return found;
}

/** What is wrong on a connection, and what was due there. */
interface Judged {
  readonly broken: readonly Violation[];
  readonly due: readonly { readonly event: DueEvent; readonly came: EventRecord | undefined }[];
}

/** `replies` are in the order sent, which is the order they came in; but setWatches may overtake in numbers only. */
function judgeConnection(
  replies: readonly Answered[],
  received: readonly EventRecord[],
  replay: Replay,
): Judged {
  const [first] = replies;
  if (first === undefined || (received.length === 0 && !replies.some(watches)))
    return { broken: [], due: [] };
  const expected = new ExpectedEvents(replay, first.outcome.zxid);
  /** Up to which event each reply obliges. */
  const obliged: { readonly reply: Answered; readonly upTo: number }[] = [];
  for (const reply of replies) {
    expected.reply(reply);
    obliged.push({ reply, upTo: expected.due.length });
  }
  expected.end();
  return matched(expected.due, received, obliged);
}

function watches({ request }: Answered): boolean {
  if ("watch" in request) return request.watch;
  return request.op === "addWatch" || request.op === "setWatches" || request.op === "setWatches2";
}

function matched(
  due: readonly DueEvent[],
  received: readonly EventRecord[],
  obliged: readonly { readonly reply: Answered; readonly upTo: number }[],
): Judged {
  const found: Violation[] = [];
  const waiting = Map.groupBy(
    due.map((event, index) => ({ event, index })),
    ({ event }) => `${event.type} ${event.path}`,
  );
  const arrived = new Map<number, EventRecord>();
  for (const record of received) {
    const { type, path } = record.event;
    const candidates = waiting.get(`${type} ${path}`) ?? [];
    const fits = candidates.filter(({ event }) => isOf(record, event));
    const free = fits.find(({ index }) => !arrived.has(index));
    if (free !== undefined) arrived.set(free.index, record);
    else if (fits.length > 0) found.push(new Violation("EventOnce", `${eventText(record)} came before`));
    else found.push(new Violation("EventHasCause", `${eventText(record)}, and nothing is due`));
  }
  let at = 0;
  for (const { reply, upTo } of obliged) {
    for (; at < upTo; at++) {
      const event = due[at];
      if (event === undefined || !event.isOpen) continue;
      const record = arrived.get(at);
      if (record === undefined) {
        found.push(new Violation("EventNotMissed", `${dueText(event)} before ${operationLine(reply)}`));
      } else if (record.atMs > reply.endMs) {
        found.push(new Violation("EventBeforeState", `${eventText(record)} after ${operationLine(reply)}`));
      }
    }
  }
  return { broken: found, due: due.map((event, index) => ({ event, came: arrived.get(index) })) };
}

/** Where an event tells no zxid (those of setWatches do not) any of the kind will do. */
function isOf({ zxid }: EventRecord, event: DueEvent): boolean {
  if (zxid.epoch === 0xffffffff) return true;
  return event.isCaughtUp ? compareZxid(zxid, event.zxid) <= 0 : equalZxid(zxid, event.zxid);
}

function eventText({ client, connection, atMs, zxid, event }: EventRecord): string {
  const { type, path } = event;
  return `${client} connection ${connection} at ${atMs.toFixed(2)} ms: event ${type} of ${path} at ${zxidText(zxid)}`;
}

function dueText({ type, path, zxid }: DueEvent): string {
  return `event ${type} of ${path} at ${zxidText(zxid)} did not come`;
}
