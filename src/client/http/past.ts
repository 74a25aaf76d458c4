/** The past, and why things are as they are: the documents that tell it, read. */
import {
  bytesOfBase64,
  listOf,
  type Members,
  membersOf,
  numberOf,
  readDocument,
  textOf,
} from "./documents.ts";

/** A moment: a zxid in digits, or a time. */
export type Moment = string | bigint | Date;

/** A Stat as it was; undefined for what the history does not tell any more. */
export interface PastStat {
  readonly czxid: bigint | undefined;
  readonly mzxid: bigint | undefined;
  readonly pzxid: bigint | undefined;
  readonly ctime: number | undefined;
  readonly mtime: number | undefined;
  readonly version: number | undefined;
  readonly cversion: number | undefined;
  readonly aversion: number | undefined;
  /** 0n for none; undefined where that is not known. */
  readonly ephemeralOwner: bigint | undefined;
  readonly dataLength: number | undefined;
  readonly numChildren: number | undefined;
}

/** A znode as it was. */
export interface PastZnode {
  readonly path: string;
  /** Twenty digits: the write behind which it was so. */
  readonly asOf: string;
  /** When that write was; undefined where the history does not tell. */
  readonly asOfTime: Date | undefined;
  readonly data: Uint8Array | null;
  readonly stat: PastStat;
}

/** One side of a change. */
export interface PastSide {
  /** undefined where the history does not tell any more what it held. */
  readonly data: Uint8Array | null | undefined;
  readonly version: number | undefined;
}

/** What became of a path between two moments. */
export interface PastChange {
  readonly path: string;
  readonly change: "created" | "deleted" | "replaced" | "changed";
  /** Whether its data were set. */
  readonly isDataSet: boolean;
  /** Whether its access control list was set. */
  readonly isAclSet: boolean;
  readonly before: PastSide | undefined;
  readonly after: PastSide | undefined;
}

/** What is different below a path between two moments. */
export interface Difference {
  readonly path: string;
  /** Twenty digits, as `to` is: the writes behind which the two moments are. */
  readonly from: string;
  /** When that write was; undefined where the history does not tell. */
  readonly fromTime: Date | undefined;
  readonly to: string;
  readonly toTime: Date | undefined;
  readonly changes: readonly PastChange[];
}

/** Why something is as it is. */
export interface Explanation {
  /** In sentences, for people. */
  readonly summary: readonly string[];
  /** As the HTTP API tells it: ExplainedPath or ExplainedSessionAnswer of /openapi.json. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** A moment as the API takes it. */
export function momentText(moment: Moment): string {
  return moment instanceof Date ? moment.toISOString() : String(moment);
}

/** Reads a znode as it was. */
export function readPastZnode(text: string): PastZnode {
  const document = readDocument(text);
  const { path, asOf, asOfTime, data, stat } = document;
  return {
    path: textOf(path),
    asOf: textOf(asOf),
    asOfTime: knownTime(asOfTime),
    data: bytesOfBase64(data),
    stat: statOf(membersOf(stat)),
  };
}

/** Reads a page of a difference. */
export function readDifference(text: string): Difference & { readonly next: string | undefined } {
  const { path, from, fromTime, to, toTime, changes, next } = readDocument(text);
  return {
    path: textOf(path),
    from: textOf(from),
    fromTime: knownTime(fromTime),
    to: textOf(to),
    toTime: knownTime(toTime),
    changes: listOf(changes).map((change) => changeOf(membersOf(change))),
    next: next === null ? undefined : textOf(next),
  };
}

/** Reads an explanation. */
export function readExplanation(text: string): Explanation {
  const document = readDocument(text);
  return { summary: listOf(document["summary"]).map((line) => textOf(line)), document };
}

const CHANGES: ReadonlySet<string> = new Set(["created", "deleted", "replaced"]);

function changeOf({ path, change, data, acl, before, after }: Members): PastChange {
  const kind = textOf(change);
  return {
    path: textOf(path),
    change: CHANGES.has(kind) ? (kind as PastChange["change"]) : "changed",
    isDataSet: data === true,
    isAclSet: acl === true,
    before: sideOf(before),
    after: sideOf(after),
  };
}

function sideOf(value: unknown): PastSide | undefined {
  if (value === null) return undefined;
  const { data, known, version } = membersOf(value);
  return { data: known === true ? bytesOfBase64(data) : undefined, version: knownNumber(version) };
}

function statOf(stat: Members): PastStat {
  const czxid = knownZxid(stat["czxid"]);
  const owner = stat["ephemeralOwner"];
  return {
    czxid,
    mzxid: knownZxid(stat["mzxid"]),
    pzxid: knownZxid(stat["pzxid"]),
    ctime: knownNumber(stat["ctime"]),
    mtime: knownNumber(stat["mtime"]),
    version: knownNumber(stat["version"]),
    cversion: knownNumber(stat["cversion"]),
    aversion: knownNumber(stat["aversion"]),
    ephemeralOwner: owner === null ? (czxid === undefined ? undefined : 0n) : BigInt(`0x${textOf(owner)}`),
    dataLength: knownNumber(stat["dataLength"]),
    numChildren: knownNumber(stat["numChildren"]),
  };
}

function knownZxid(value: unknown): bigint | undefined {
  return value === null ? undefined : BigInt(textOf(value));
}

/** A deployment of before it was told leaves it out. */
function knownTime(value: unknown): Date | undefined {
  return value === null || value === undefined ? undefined : new Date(textOf(value));
}

function knownNumber(value: unknown): number | undefined {
  return value === null ? undefined : numberOf(value);
}
