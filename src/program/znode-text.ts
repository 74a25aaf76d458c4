/** Znodes as the program prints them: for people as zkCli does, for programs as the HTTP API does. */
import { type Acl, PERMS } from "../base/acl.ts";
import { type Stat, type Znode, zxidText } from "../client/znode.ts";
import { zxidFromBigInt, zxidText as shortText } from "../base/zxid.ts";
import { usageError } from "./exit-code.ts";

/** A Stat as HTTP's documents have it. */
export function statDocument(stat: Stat): Readonly<Record<string, string | number | null>> {
  const { czxid, mzxid, pzxid, ephemeralOwner, ...numbers } = stat;
  return {
    czxid: zxidText(czxid),
    mzxid: zxidText(mzxid),
    pzxid: zxidText(pzxid),
    ...numbers,
    ephemeralOwner: ephemeralOwner === 0n ? null : sessionText(ephemeralOwner),
  };
}

/** A zxid as people read it, and as every command takes it: `EPOCH:COUNTER`. */
export function zxidShort(zxid: bigint): string {
  return shortText(zxidFromBigInt(zxid));
}

/** A session's id, sixteen hex digits. */
export function sessionText(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, "0");
}

/**
 * A Stat in lines, under zkCli's names and in its numbers, so that what reads those reads these; behind each zxid
 * stands what all other commands call it. Source: ZooKeeper StatPrinter.
 */
export function statLines(stat: Stat): readonly string[] {
  const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;
  const zxid = (value: bigint): string => `${hex(value)} (${zxidShort(value)})`;
  return [
    `cZxid = ${zxid(stat.czxid)}`,
    `ctime = ${new Date(stat.ctime).toISOString()}`,
    `mZxid = ${zxid(stat.mzxid)}`,
    `mtime = ${new Date(stat.mtime).toISOString()}`,
    `pZxid = ${zxid(stat.pzxid)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = ${hex(stat.ephemeralOwner)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ];
}

/** A znode as a document: its bytes in base64, and as text where they are UTF-8. */
export function znodeDocument({ path, data, stat }: Znode): Readonly<Record<string, unknown>> {
  const text = data === null ? undefined : utf8(data);
  return {
    path,
    data: data === null ? null : Buffer.from(data).toString("base64"),
    ...(text === undefined ? {} : { text }),
    stat: statDocument(stat),
  };
}

/** A znode's data for people: text as it is, anything else in base64. */
export function dataText(data: Uint8Array | null): string {
  if (data === null) return "null";
  return utf8(data) ?? `base64:${Buffer.from(data).toString("base64")}`;
}

function utf8(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch (error) {
    // Bytes that are no text.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The letters of permissions, in zkCli's order. */
const LETTERS: readonly (readonly [string, number])[] = [
  ["c", PERMS.create],
  ["d", PERMS.delete],
  ["r", PERMS.read],
  ["w", PERMS.write],
  ["a", PERMS.admin],
];

/** An access control list as `scheme:id:perms,...`. */
export function aclText(acl: readonly Acl[]): string {
  return acl
    .map(({ scheme, id, perms }) => {
      const letters = LETTERS.filter(([, bit]) => (perms & bit) !== 0).map(([letter]) => letter);
      return `${scheme}:${id}:${letters.join("")}`;
    })
    .join(",");
}

/** Reads such a text. Throws a usage error. Source: ZooKeeper AclParser. */
export function readAcl(text: string): readonly Acl[] {
  return text.split(",").map((entry) => {
    const [first, last] = [entry.indexOf(":"), entry.lastIndexOf(":")];
    const letters = entry.slice(last + 1);
    if (first < 1 || first === last || !/^[cdrwa]+$/.test(letters)) {
      throw usageError(`"${entry}" is no SCHEME:ID:PERMS, as world:anyone:cdrwa is; PERMS are some of cdrwa`);
    }
    const perms = LETTERS.reduce((sum, [letter, bit]) => (letters.includes(letter) ? sum | bit : sum), 0);
    return { scheme: entry.slice(0, first), id: entry.slice(first + 1, last), perms };
  });
}
