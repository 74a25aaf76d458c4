/**
 * ZooKeeper's four-letter words: a client sends the bare word on a fresh connection, gets text and is hung up on.
 * Source: ZooKeeper admin guide and org.apache.zookeeper.server.command.*.
 */
import { assertNever } from "../../base/assert.ts";
import {
  FOUR_LETTER_WORDS_DEFAULT,
  type FourLetterWord,
  isFourLetterWord,
} from "../../base/four-letter-words.ts";
import { sessionText } from "../../base/ids.ts";
import { zxidHex } from "../../base/zxid.ts";
import type { FrameDecoder } from "../../jute/framing.ts";
import { digestToBigInt } from "../../tree/digest.ts";
import type { ConnectionStatus } from "../status.ts";
import { configurationLines } from "./configuration.ts";
import { environment } from "./environment.ts";
import { javaDate } from "./java-date.ts";
import { Decimal } from "./java-json.ts";
import { averageLatency, monitorValues, versionText } from "./monitor.ts";
import { connectionExpiries, type ExpiryBucket, isServing, type Operation, type Report } from "./report.ts";

/** A word that a client sent. */
export interface AskedWord {
  /** Four letters, not always a word. */
  readonly word: string;
  /** What follows stmk. */
  readonly mask: bigint;
}

/** What a word is answered with, and what it changes. */
export interface WordAnswer {
  readonly text: string;
  readonly operation?: Operation;
}

const WORD_BYTES = 4;
const MASK_BYTES = 8;

/** The word that a connection begins with; undefined where it begins with something else, or with too little. */
export function readWord(decoder: FrameDecoder): AskedWord | "incomplete" | undefined {
  const word = decoder.peekFirstWord();
  if (word === undefined || !/^[a-z]{4}$/.test(word)) return undefined;
  if (word !== "stmk") return { word, mask: 0n };
  const bytes = decoder.peek(WORD_BYTES + MASK_BYTES);
  if (bytes === undefined) return "incomplete";
  return { word, mask: new DataView(bytes.buffer).getBigInt64(WORD_BYTES) };
}

/** The answer to a word: an empty one to a word that nobody knows, as ZooKeeper just hangs up on it. */
export function answerTo({ word, mask }: AskedWord, report: Report): WordAnswer {
  if (!isFourLetterWord(word)) return { text: "" };
  const answered = report.config.fourLetterWords ?? FOUR_LETTER_WORDS_DEFAULT;
  if (!answered.includes(word))
    return { text: `${word} is not executed because it is not in the whitelist.\n` };
  if (word === "stmk") return { text: String(mask), operation: { kind: "setTraceMask", mask } };
  if (!isServing(report)) return { text: textOfIdle(word, report) };
  if (word === "srst") return { text: "Server stats reset.\n", operation: { kind: "resetStats" } };
  if (word === "crst")
    return { text: "Connection stats reset.\n", operation: { kind: "resetConnectionStats" } };
  return { text: textOf(word, report) };
}

const NOT_SERVING = "This ZooKeeper instance is not currently serving requests";

/** These do not need a leader. */
const WITHOUT_LEADER: ReadonlySet<FourLetterWord> = new Set(["ruok", "envi", "gtmk"]);

/** What a replica without a leader answers. */
function textOfIdle(word: FourLetterWord, report: Report): string {
  if (WITHOUT_LEADER.has(word)) return textOf(word, report);
  if (word === "isro") return "null";
  return word === "hash" ? NOT_SERVING : `${NOT_SERVING}\n`;
}

function textOf(word: FourLetterWord, report: Report): string {
  switch (word) {
    case "ruok":
      return "imok";
    case "isro":
      return report.status.mode === "read-only" ? "ro" : "rw";
    case "gtmk":
      return String(report.traceMask);
    case "srvr":
      return `${head(report)}${figures(report)}`;
    case "stat":
      return `${head(report)}Clients:\n${clients(report)}\n${figures(report)}`;
    case "mntr":
      return monitor(report);
    case "conf":
      return configurationLines(report);
    case "cons":
      return connections(report);
    case "envi":
      return `Environment:\n${lines(Object.entries(environment(report)).map(([key, value]) => `${key}=${value}`))}`;
    case "dirs":
      return `datadir_size: ${report.databaseBytes}\nlogdir_size: ${report.databaseBytes}\n`;
    case "dump":
      return dump(report);
    case "hash":
      return lines(report.digests().map(digestLine));
    case "wchs":
      return watchSummary(report);
    case "wchp":
      return `${watchesByPath(report)}\n`;
    case "wchc":
      return `${watchesBySession(report)}\n`;
    case "stmk":
    case "srst":
    case "crst":
      return "";
    default:
      return assertNever(word);
  }
}

function head({ status }: Report): string {
  const mode = status.mode === "read-only" ? "READ-ONLY mode; serving only read-only clients\n" : "";
  return `Zookeeper version: ${versionText()}\n${mode}`;
}

function figures({ status, ...report }: Report): string {
  const { counters } = status;
  const all = [
    `Latency min/avg/max: ${counters.latencyMinMs}/${averageLatency(counters).toString()}/${counters.latencyMaxMs}`,
    `Received: ${counters.received}`,
    `Sent: ${counters.sent}`,
    `Connections: ${status.connections}`,
    `Outstanding: ${status.heldRequests + status.outstandingProposals}`,
    `Zxid: ${zxidHex(report.lastZxid)}`,
    `Mode: ${status.mode}`,
    `Node count: ${status.znodes}`,
  ];
  if (status.mode === "leader") all.push(`Proposal sizes last/min/max: ${report.metrics.proposalSizes.text}`);
  return lines(all);
}

function clients(report: Report): string {
  return lines(report.connections().map((connection) => ` ${connectionHead(connection).join("")})`));
}

function connections(report: Report): string {
  const shown = report.connections().map((connection) => {
    const [head = "", traffic = ""] = connectionHead(connection);
    const { session, stats } = connection;
    if (session === undefined) return ` ${head}${traffic})`;
    const lastZxid = stats.lastZxid === undefined ? "0xffffffffffffffff" : zxidHex(stats.lastZxid);
    const fields = [
      `sid=${sessionText(session)}`,
      `lop=${stats.lastOperation}`,
      `est=${connection.openedMs}`,
      `to=${connection.timeoutMs}`,
      ...(stats.lastXid < 0 ? [] : [`lcxid=0x${stats.lastXid.toString(16)}`]),
      `lzxid=${lastZxid}`,
      `lresp=${stats.lastResponseMs}`,
      `llat=${stats.lastLatencyMs}`,
      `minlat=${stats.minLatencyMs}`,
      `avglat=${stats.averageLatencyMs}`,
      `maxlat=${stats.maxLatencyMs}`,
    ];
    return ` ${head}${traffic},${fields.join(",")})`;
  });
  return `${lines(shown)}\n`;
}

/** Address, what its socket is waited for (1: input, 4: room for output), and traffic. */
function connectionHead(connection: ConnectionStatus): readonly string[] {
  const { remoteAddress, queued, stats } = connection;
  return [
    `/${remoteAddress}[${interestOps(connection)}]`,
    `(queued=${queued},recved=${stats.received},sent=${stats.sent}`,
  ];
}

/** As java.nio's SelectionKey counts them: OP_READ and OP_WRITE. */
export function interestOps({ isRead, isOwed }: ConnectionStatus): number {
  return (isRead ? 1 : 0) + (isOwed ? 4 : 0);
}

function monitor(report: Report): string {
  return lines(
    monitorValues(report).map(([name, value]) => {
      const text = value instanceof Decimal ? value.toString() : String(value);
      return `zk_${name}\t${text}`;
    }),
  );
}

/** Signed, as Java prints its longs. */
function digestLine({ zxid, digest }: ReturnType<Report["digests"]>[number]): string {
  return `${zxidHex(zxid).slice(2)}: ${BigInt.asIntN(64, digestToBigInt(digest))}`;
}

function dump(report: Report): string {
  const ephemerals = report.ephemerals();
  const all = ["SessionTracker dump:", ...sessionLines(report), "ephemeral nodes dump:"];
  all.push(`Sessions with Ephemerals (${ephemerals.length}):`);
  for (const [session, paths] of ephemerals) {
    all.push(`${sessionText(session)}:`, ...paths.map((path) => `\t${path}`));
  }
  all.push("Connections dump:");
  const expiring = connectionExpiries(report);
  const connectionLine = ({ remoteAddress, session }: ConnectionStatus): string =>
    `ip: /${remoteAddress} sessionId: ${sessionText(session ?? 0n)}`;
  all.push(...bucketLines("Connections", expiring, connectionLine));
  return lines(all);
}

/** A leader knows when sessions expire; the others know which there are. */
function sessionLines(report: Report): readonly string[] {
  const expiries = report.expiries();
  if (expiries !== undefined) return bucketLines("Session", expiries, sessionText);
  const sessions = report.sessions();
  return [
    `Global Sessions(${sessions.length}):`,
    ...sessions.map(({ session, timeoutMs }) => `${sessionText(session)}\t${timeoutMs}ms`),
  ];
}

function bucketLines<Item>(
  title: string,
  buckets: readonly ExpiryBucket<Item>[],
  show: (item: Item) => string,
): readonly string[] {
  const count = buckets.reduce((sum, { items }) => sum + items.length, 0);
  const all = [`${title} Sets (${buckets.length})/(${count}):`];
  for (const { atMs, items } of buckets) {
    all.push(`${items.length} expire at ${javaDate(atMs)}:`, ...items.map((item) => `\t${show(item)}`));
  }
  return all;
}

function watchSummary(report: Report): string {
  const { watchers, paths, watches } = report.watches().summary;
  return `${watchers} connections watching ${paths} paths\nTotal watches:${watches}\n`;
}

function watchesByPath(report: Report): string {
  const { byPath } = report.watches();
  return lines(
    byPath.flatMap(([path, sessions]) => [path, ...sessions.map((session) => `\t${sessionText(session)}`)]),
  );
}

function watchesBySession(report: Report): string {
  const { bySession } = report.watches();
  return lines(
    bySession.flatMap(([session, paths]) => [sessionText(session), ...paths.map((path) => `\t${path}`)]),
  );
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
