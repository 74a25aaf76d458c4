/** `edgekeeper diff` and `edgekeeper explain`: what became of znodes, and why things are as they are. */
import type { Command } from "commander";

import type { PastChange, PastSide } from "../../client/http/past.ts";
import { usageError } from "../exit-code.ts";
import { columns, Output } from "../output.ts";
import { momentOf } from "../past.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { dataText, zxidShort } from "../znode-text.ts";

interface DiffOptions extends ReachOptions {
  readonly all?: boolean | undefined;
  readonly from: string;
  readonly to?: string | undefined;
}

const DIFF_ABOUT =
  "Show what is different at a path and below between two moments, as far as the history that is kept tells. A " +
  "moment is a zxid as 1:234, a time as 2026-11-29T10:00:00Z, or so long ago, as 10m. Schemas and earlier versions, " +
  "which Edgekeeper keeps below configuration documents, are counted, and listed with --all or --json.";

const EXPLAIN_ABOUT =
  "Explain a path (it begins with a slash) or a session (its id of 16 hex digits): what a znode holds and who set " +
  "that, who holds a lock and who waits, whose an ephemeral is, where a session is attached and when it was heard " +
  "of; of what is gone, how it went.";

/** As Edgekeeper spells it, and as ZooKeeper does. */
const SESSION_ID = /^(?:[0-9a-fA-F]{16}|0x[0-9a-fA-F]{1,16})$/;

const KINDS: readonly PastChange["change"][] = ["created", "changed", "replaced", "deleted"];

/** Of data so much is shown to people. */
const SHOWN_MAX = 60;

/** Adds the commands to the program. */
export function addPastCommands(program: Command): void {
  withReach(
    program
      .command("diff")
      .summary("show what is different between two moments")
      .description(DIFF_ABOUT)
      .argument("<path>", "the znode, with all below it")
      .requiredOption("--from <moment>", "the first")
      .option("--to <moment>", "the second (default: now)")
      .option("--all", "with what is kept below configuration documents"),
  ).action(diff);
  withReach(
    program
      .command("explain")
      .summary("explain a path or a session")
      .description(EXPLAIN_ABOUT)
      .argument("<path|session>", "what"),
  ).action(explain);
}

async function diff(path: string, options: DiffOptions): Promise<void> {
  const nowMs = Date.now();
  const from = momentOf(options.from, nowMs);
  const to = options.to === undefined ? undefined : momentOf(options.to, nowMs);
  const found = await (await Reach.of(options)).http().difference(path, { from, to });
  const changes = found.changes.map(({ before, after, ...rest }) => ({
    ...rest,
    before: sideDocument(before),
    after: sideDocument(after),
  }));
  const [begin, end] = [writeText(found.from, found.fromTime), writeText(found.to, found.toTime)];
  // Who asks about one of those wants to see it.
  const isAll = options.all === true || isKept({ path });
  const own = isAll ? found.changes : found.changes.filter((change) => !isKept(change));
  new Output(options).print({ ...found, changes }, [
    `from ${begin} to ${end}: ${countsText(own)}`,
    ...columns([...own].toSorted((a, b) => Number(isKept(a)) - Number(isKept(b))).map(lineOf)),
    ...hiddenLines(found.changes.length - own.length),
  ]);
}

/** How many of each kind. */
function countsText(changes: readonly PastChange[]): string {
  const counts = KINDS.flatMap((kind) => {
    const count = changes.filter(({ change }) => change === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return counts.length === 0 ? "nothing is different" : counts.join(", ");
}

function hiddenLines(count: number): readonly string[] {
  if (count === 0) return [];
  return [
    `and ${count} in what is kept beside them, schemas and earlier versions of documents: --all lists it`,
  ];
}

async function explain(what: string, options: ReachOptions): Promise<void> {
  const client = (await Reach.of(options)).http();
  if (!what.startsWith("/") && !SESSION_ID.test(what)) {
    throw usageError(
      `"${what}" is neither a path, which begins with a slash, nor a session's id, which has 16 hex digits (fewer ` +
        "behind 0x, as ZooKeeper leaves out zeros)",
    );
  }
  const told = what.startsWith("/") ? await client.explain(what) : await client.explainSession(what);
  new Output(options).print(told.document, told.summary);
}

/** A zxid says little to people: when that was is told beside it, where the history tells. */
function writeText(zxid: string, time: Date | undefined): string {
  // Before every write there is no moment that anybody could name.
  if (BigInt(zxid) === 0n) return "the beginning";
  const short = zxidShort(BigInt(zxid));
  return time === undefined ? short : `${short} (${time.toISOString()})`;
}

/** Whether it is what is kept beside a configuration document, as in the dashboard: nobody writes it by its path. */
function isKept({ path }: Pick<PastChange, "path">): boolean {
  return /\/\.(?:history|schema)(?:\/|$)/.test(path);
}

function sideDocument(side: PastSide | undefined): object | null {
  if (side === undefined) return null;
  const { data, version } = side;
  const known =
    data === undefined ? { known: false } : { data: data && Buffer.from(data).toString("base64") };
  return { version: version ?? null, ...known };
}

function lineOf({ path, change, isAclSet, isDataSet, before, after }: PastChange): readonly string[] {
  const acl = isAclSet ? "its access control list" : "";
  if (change === "changed" && !isDataSet) return [change, path, acl];
  const sides = [before, after].flatMap((side) => (side === undefined ? [] : [sideText(side)]));
  return [change, path, sides.join(" -> "), acl];
}

function sideText({ data }: PastSide): string {
  if (data === undefined) return "(not known any more)";
  if (data === null || data.length === 0) return "(empty)";
  const plain = dataText(data);
  // What would break the line, or not be seen, is told as in a string of a program.
  const text = /^\s|\s$|\p{Cc}/u.test(plain) ? JSON.stringify(plain) : plain;
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}...`;
}
