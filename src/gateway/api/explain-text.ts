/** What an explanation says in sentences, for people: the document beside it says the same to programs. */
import { sessionKey } from "../../base/ids.ts";
import { equalZxid, ZXID_ZERO, zxidDigits, zxidText } from "../../base/zxid.ts";
import type {
  Cause,
  Departure,
  ExplainedContender,
  ExplainedPath,
  ExplainedSession,
  ExplainedSessionAnswer,
  LookedBack,
} from "../../durable/explained.ts";

type Queue = NonNullable<ExplainedPath["queue"]>;

/** What goes by itself, by how it was made. */
const BY_ITSELF = {
  container: "it was a container, which goes when nothing is left in it",
  ttl: "it was a TTL znode, whose time was over",
  unknown: "an empty container, such as a lock that nobody holds, or a TTL znode whose time was over",
} as const;

/** About a path. */
export function sentencesOfPath(path: string, told: ExplainedPath): readonly string[] {
  const { stat, owner, queue, createdBy } = told;
  const sentences: string[] = [];
  if (stat === undefined) {
    sentences.push(...goneSentences(path, told));
  } else {
    const by =
      createdBy === undefined ? "who created it is not known any more" : `created ${causeText(createdBy)}`;
    sentences.push(`${path} is there, ${by}.`);
    if (owner !== undefined) sentences.push(`It is an ephemeral of ${sessionText(owner)}.`);
    sentences.push(...dataSentences(stat, told));
  }
  if (queue !== undefined) {
    const holders = queue.contenders.filter(({ isHolder }) => isHolder);
    const waiters = queue.contenders.filter(({ isHolder }) => !isHolder);
    sentences.push(heldSentence(queue, holders.length));
    for (const one of holders) sentences.push(`Held by ${contenderText(one)}.`);
    for (const one of waiters)
      sentences.push(`${one.isPlaceholder ? "Closed" : "Waits"}: ${contenderText(one)}.`);
  }
  const isDeserted = stat !== undefined && queue === undefined && wasDeserted(stat);
  if (isDeserted) {
    sentences.push("Nobody stands below it: if it is a lock, nobody holds it, and nobody waits.");
  }
  sentences.push(...leftSentences(told, isDeserted));
  return sentences;
}

/** How many hold, and how many wait for that. */
function heldSentence({ of, path, permits, contenders, count }: Queue, holders: number): string {
  const closed = contenders.filter(({ isPlaceholder }) => isPlaceholder).length;
  const waiting = count - holders - closed;
  const waits = `${waiting} wait${waiting === 1 ? "s" : ""} for it`;
  if (holders > 0) {
    const held =
      of === "semaphore" ? `${holders}${permits === undefined ? "" : ` of ${permits}`} permits held` : "";
    const holds = held === "" ? `${holders} hold${holders === 1 ? "s" : ""} it` : held;
    return `The ${of} ${path}: ${holds}, ${waits}.`;
  }
  if (closed > 0) return `Nobody holds the ${of} ${path}, which is closed for a delay; ${waits}.`;
  if (waiting > 0) return `Nobody holds the ${of} ${path}; ${waits}.`;
  return `Nobody holds the ${of} ${path}, and nobody waits for it: it is free.`;
}

/** Of what is not there: how it went, and since when it had been there. */
function goneSentences(path: string, { gone, left, lookedBack }: ExplainedPath): readonly string[] {
  if (gone === undefined)
    return [`${path} is not there, and ${unknown(lookedBack, "nothing is known of one that was")}.`];
  const went = `${path} is not there: it ${departed(gone, left.length > 0)}.`;
  const { createdBy } = gone;
  // When a lock's container was made says nothing beside who stood below it.
  return createdBy === undefined || left.length > 0
    ? [went]
    : [went, `It was created ${causeText(createdBy)}.`];
}

/** Who has left the queue; of what nobody holds, who held it last, or how far back that was looked for. */
function leftSentences(
  { queue, left, gone, lookedBack }: ExplainedPath,
  isDeserted: boolean,
): readonly string[] {
  const isHeld = queue?.contenders.some(({ isHolder }) => isHolder) === true;
  const last = isHeld ? undefined : left.find(({ held }) => held === true);
  const sentences = left.map((one) => (one === last ? `Held last by ${leftText(one)}.` : beforeText(one)));
  if (isHeld || lookedBack === undefined) return sentences;
  const mayHaveBeenHeld = isDeserted || queue !== undefined || gone?.why === "removed-by-itself";
  if (last === undefined && mayHaveBeenHeld) {
    sentences.push(`Who held it last, if anybody, ${unknown(lookedBack, "is not known")}.`);
  }
  if (last !== undefined && last.createdBy === undefined) {
    const what = last.heldSinceMs === undefined ? "Since when" : "When it asked";
    sentences.push(`${what}, and under which token, ${unknown(lookedBack, "is not known")}.`);
  }
  return sentences;
}

/** Who stood there, since when, under which token, and how that ended. */
function leftText(one: Departure): string {
  return `${whoText(one)}${tokenText(one)}: it ${departed(one)}`;
}

function beforeText(one: Departure): string {
  if (one.held === true) return `Before: held by ${leftText(one)}.`;
  return `Before: ${one.held === false ? "waited for by " : ""}${whoText(one)}: it ${departed(one)}.`;
}

function whoText({ path, head, held, heldSinceMs, createdBy }: Departure): string {
  const name = textOf(head) ?? "";
  const cameMs = createdBy?.timeMs;
  const since = held === true ? heldText(heldSinceMs, cameMs) : cameMs === undefined ? "" : sinceText(cameMs);
  return `${path}${name === "" ? "" : ` (${oneLine(name)})`}${since}`;
}

/** Since when it holds, and when it asked for it where that was before; else what is known of the two. */
function heldText(heldSinceMs: number | undefined, cameMs: number | undefined): string {
  const came = cameMs === undefined ? "" : new Date(cameMs).toISOString();
  if (heldSinceMs === undefined) return came === "" ? "" : `, in the queue since ${came}`;
  return `${sinceText(heldSinceMs)}${came === "" || cameMs === heldSinceMs ? "" : `, asked at ${came}`}`;
}

function sinceText(timeMs: number): string {
  return ` since ${new Date(timeMs).toISOString()}`;
}

function tokenText({ createdBy }: Departure): string {
  return createdBy === undefined ? "" : `, token ${zxidDigits(createdBy.zxid)}`;
}

/** What it holds, and who set that last; nothing where nobody ever put anything in. */
function dataSentences(
  { dataLength, version, mtime, mzxid, czxid }: NonNullable<ExplainedPath["stat"]>,
  { head, setBy }: ExplainedPath,
): readonly string[] {
  const isAsCreated = equalZxid(mzxid, czxid);
  if (dataLength === 0 && isAsCreated) return [];
  const size = `${dataLength} byte${dataLength === 1 ? "" : "s"}`;
  const text = textOf(head);
  const isWhole = head?.length === dataLength;
  const holds = text === undefined ? size : `${oneLine(text)}${isWhole ? "" : "..."} (${size})`;
  const unknownCause = `at ${new Date(mtime).toISOString()} (zxid ${zxidText(mzxid)}), by whom is not known any more`;
  const change = isAsCreated
    ? "as it was created"
    : `version ${version}, set last ${setBy === undefined ? unknownCause : causeText(setBy)}`;
  return [dataLength === 0 ? `It holds no data: ${change}.` : `It holds ${holds}: ${change}.`];
}

/** As it stands within a sentence. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** The text of bytes that may end within a character; undefined where they are no text, or hold what no line does. */
export function textOf(head: Uint8Array | undefined): string | undefined {
  if (head === undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(head, { stream: true });
    return /\p{Cc}/u.test(text.replaceAll(/[\t\n\r]/g, " ")) ? undefined : text;
  } catch {
    // They are no UTF-8.
    return undefined;
  }
}

/** It had children, and has none. */
function wasDeserted({ numChildren, cversion }: NonNullable<ExplainedPath["stat"]>): boolean {
  return numChildren === 0 && cversion !== 0;
}

/** About a session. */
export function sentencesOfSession(told: ExplainedSessionAnswer): readonly string[] {
  const { session, ephemerals, opened, ended, lost } = told;
  const id = sessionKey(session.session);
  const isOpen = session.timeoutMs !== undefined;
  const sentences = [
    isOpen
      ? `${capital(sessionText(session))}.`
      : ended === undefined
        ? `Session ${id} is not there, and ${unknown(told.lookedBack, "why is not known")}.`
        : ended.why === "expired"
          ? `Session ${id} expired ${whenText(ended)}: nothing had been heard of it for its timeout.`
          : `Session ${id} was closed by its owner ${whenText(ended)}, over replica ${ended.replica}.`,
  ];
  if (opened !== undefined)
    sentences.push(`It was opened ${whenText(opened)}, at replica ${opened.replica}.`);
  if (isOpen) sentences.push(ephemeralsText(ephemerals));
  if (lost.length > 0) sentences.push(`With it went ${lost.join(", ")}.`);
  return sentences;
}

function ephemeralsText(paths: readonly string[]): string {
  if (paths.length === 0) return "It has no ephemerals.";
  return `It has ${paths.length} ephemeral${paths.length === 1 ? "" : "s"}: ${paths.join(", ")}.`;
}

function contenderText(one: ExplainedContender): string {
  const name = new TextDecoder().decode(one.data ?? new Uint8Array());
  const who = one.owner === undefined ? "no session" : sessionText(one.owner);
  const behind = one.behind === undefined ? "" : `, behind ${one.behind}`;
  const since = one.isHolder ? heldText(one.heldSinceMs, one.ctime) : sinceText(one.ctime);
  const token = one.isHolder ? `, token ${zxidDigits(one.token)}` : "";
  return `${one.path}${name === "" ? "" : ` (${name})`}${since}${token}${behind}, of ${who}`;
}

function sessionText({ session, timeoutMs, tracked }: ExplainedSession): string {
  const id = `session ${sessionKey(session)}`;
  if (timeoutMs === undefined) return `${id}, which is over`;
  const terms = `${id} (timeout ${timeoutMs} ms)`;
  if (tracked === undefined) return `${terms}, of which the replica that was asked knows no more`;
  const { attachedTo, heardAgoMs, leftMs } = tracked;
  const where = attachedTo === undefined ? "" : `, attached to replica ${attachedTo}`;
  const heard =
    heardAgoMs === undefined
      ? "not heard of since the present leader was elected"
      : `heard of ${heardAgoMs} ms ago`;
  return `${terms}${where}, ${heard}, over in ${leftMs} ms if it stays silent`;
}

/** How it went; `wasQueue` where some are known to have stood in it. */
function departed({ why, by, held, mode }: Departure, wasQueue = false): string {
  const id = sessionKey(by.session);
  switch (why) {
    case "session-expired":
      return `went ${whenText(by)} as session ${id} expired: nothing had been heard of it for its timeout`;
    case "session-closed":
      // Nobody can tell whether its client did so, or the ensemble as the wait was over.
      return held === false
        ? `gave up waiting, or was let go, ${whenText(by)}, as session ${id} was closed, over replica ${by.replica}`
        : `went ${whenText(by)} as session ${id} was closed by its owner, over replica ${by.replica}`;
    case "removed-by-itself": {
      const known = mode === "container" || mode === "ttl" ? mode : undefined;
      const cause =
        known === undefined && wasQueue ? "nobody stood in it any more" : BY_ITSELF[known ?? "unknown"];
      return `went ${whenText(by)} by itself: ${cause}`;
    }
    case "deleted":
      return `was deleted ${causeText(by)}`;
  }
}

function causeText(cause: Cause): string {
  const who = cause.isOwn
    ? "the leader"
    : cause.session === 0n
      ? "a caller"
      : `session ${sessionKey(cause.session)}`;
  return `by ${who}, over replica ${cause.replica}, ${whenText(cause)}`;
}

function whenText({ zxid, timeMs }: Cause): string {
  return `at ${new Date(timeMs).toISOString()} (zxid ${zxidText(zxid)})`;
}

function unknown(lookedBack: LookedBack | undefined, what: string): string {
  if (lookedBack === undefined) return what;
  const { to, isAll } = lookedBack;
  if (!isAll) return `${what}: it was looked for back to zxid ${zxidText(to)}, and no further`;
  return equalZxid(to, ZXID_ZERO)
    ? `${what}: the history, which is kept from the very beginning, tells of none`
    : `${what}: the history that is kept reaches back to zxid ${zxidText(to)} only`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
