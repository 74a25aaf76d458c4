/** Events as text/event-stream has them. Source: HTML, "Server-sent events", section 9.2.5. */
import type { Sid } from "../base/ids.ts";
import { type Zxid, zxidDigits } from "../base/zxid.ts";
import type { ToldEvent } from "../tree/event-filter.ts";
import { endOf, type Position, positionText, type StreamEnd } from "./event-stream.ts";
import { STREAM_RETRY_MS } from "./stream-limits.ts";

/** The beginning: from where on events are told, the state's zxid there, and by which replica. */
export function openText(position: Position, state: Zxid, replica: Sid): string {
  const told = { zxid: zxidDigits(state), replica };
  return `retry: ${STREAM_RETRY_MS}\n${eventText("open", position, told)}`;
}

/** A change of a znode, or of its list of children. */
export function changeText({ kind, path }: ToldEvent, position: Position, timeMs: number): string {
  return eventText(kind, position, { type: kind, path, zxid: zxidDigits(position.zxid), time: timeMs });
}

/** The whole tree was replaced: nothing that was known before counts. */
export function resetText(zxid: Zxid): string {
  return eventText("reset", endOf(zxid), { type: "reset", zxid: zxidDigits(zxid) });
}

/**
 * A comment, for proxies on the way and to find out who is still there. Where all is told up to a position, its id goes
 * with it: without data it is no event, but the reader comes back with it, however long nothing happened for it.
 */
export function aliveText(position: Position | undefined): string {
  return position === undefined ? ": alive\n\n" : `: alive\nid: ${positionText(position)}\n\n`;
}

/** Why nothing comes any more. It has no id: a reader that comes back goes on behind the last event. */
export function endText(reason: StreamEnd, state: Zxid): string {
  return `event: end\ndata: ${JSON.stringify({ reason, zxid: zxidDigits(state) })}\n\n`;
}

function eventText(event: string, position: Position, told: object): string {
  return `id: ${positionText(position)}\nevent: ${event}\ndata: ${JSON.stringify(told)}\n\n`;
}
