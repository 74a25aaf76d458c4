/** Readers of events: each change that one reads of is told, in order and once, at whatever replicas it reads on. */
import { parentOf } from "../../../src/base/path.ts";
import { comparePositions, type Position, positionText } from "../../../src/keeper/event-stream.ts";
import type { Watched } from "../../../src/tree/event-filter.ts";
import { Violation } from "../verdict.ts";
import type { ChangeAt, Replay } from "./replay.ts";
import type { ReadingRecord } from "./types.ts";

/** A change, with its place among all. */
interface Placed {
  readonly at: Position;
  readonly change: ChangeAt;
}

/** Judges each reading by itself; `replay` must be whole. */
export function checkReadings(
  readings: readonly ReadingRecord[],
  { changes }: Pick<Replay, "changes">,
): readonly Violation[] {
  const placed = placesOf(changes);
  return readings.flatMap((reading) => judgeReading(reading, placed));
}

/** Within a transaction changes are counted from 1. */
function placesOf(changes: readonly ChangeAt[]): readonly Placed[] {
  let index = 0;
  let last: ChangeAt | undefined;
  return changes.map((change) => {
    index = last?.zxid === change.zxid ? index + 1 : 1;
    last = change;
    return { at: { zxid: change.zxid, index }, change };
  });
}

function judgeReading(reading: ReadingRecord, placed: readonly Placed[]): readonly Violation[] {
  const { client, watched, from, upTo, told } = reading;
  const due = placed.filter(({ at }) => comparePositions(at, from) > 0 && comparePositions(at, upTo) <= 0);
  const lines = due.flatMap(({ at, change }) => {
    const kind = kindFor(watched, change);
    return kind === undefined ? [] : [lineOf(at, kind.kind, kind.path)];
  });
  const seen = told.map(({ at, kind, path }) => lineOf(at, kind, path));
  const differs = seen.findIndex((line, index) => line !== lines[index]);
  if (differs < 0 && seen.length === lines.length) return [];
  const index = differs < 0 ? seen.length : differs;
  const asked = `${client} reads ${watched.part} of ${watched.path} from ${positionText(from)} to ${positionText(upTo)}`;
  const what = `${asked} and is told ${seen[index] ?? "nothing more"}, where ${lines[index] ?? "nothing more"} was due`;
  return [new Violation("EventsAreExact", what)];
}

function lineOf(at: Position, kind: string, path: string): string {
  return `${positionText(at)} ${kind} ${path}`;
}

/** What one who reads this is told of the change; undefined for nothing. */
function kindFor(
  { path, part }: Watched,
  change: ChangeAt,
): { readonly kind: string; readonly path: string } | undefined {
  const { kind, isOpen, isParentOpen } = change;
  const own = { kind, path: change.path };
  if (part === "recursive") {
    const isBelow = path === "/" || change.path === path || change.path.startsWith(`${path}/`);
    return isBelow && isOpen ? own : undefined;
  }
  const isList = part === "children" || part === "node";
  if (change.path === path)
    return isOpen && (part !== "children" || kind !== "dataChanged") ? own : undefined;
  if (!isList || kind === "dataChanged" || parentOf(change.path) !== path) return undefined;
  return isParentOpen ? { kind: "childrenChanged", path } : undefined;
}
