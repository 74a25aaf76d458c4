/** The documents of the HTTP API, read without trust: who answers may be a proxy. */
import { HttpProblemError } from "./http-errors.ts";
import type { Stat } from "../znode.ts";

/** A document's members. */
export type Members = Readonly<Record<string, unknown>>;

/** Reads a document. Throws HttpProblemError where it is none. */
export function readDocument(text: string): Members {
  try {
    return membersOf(JSON.parse(text));
  } catch (cause) {
    throw new HttpProblemError({ code: "bad-answer", status: 200 }, { detail: "it is no document", cause });
  }
}

/** A member that is a document. */
export function membersOf(value: unknown): Members {
  if (typeof value !== "object" || value === null) throw badMember("an object");
  return value as Members;
}

/** A member that is a text. */
export function textOf(value: unknown): string {
  if (typeof value !== "string") throw badMember("a text");
  return value;
}

/** A member that is a number. */
export function numberOf(value: unknown): number {
  if (typeof value !== "number") throw badMember("a number");
  return value;
}

/** A member that is a list. */
export function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw badMember("a list");
  return value;
}

/** A Stat's document. */
export function statOfDocument(value: unknown): Stat {
  const stat = membersOf(value);
  const owner = stat["ephemeralOwner"];
  return {
    czxid: BigInt(textOf(stat["czxid"])),
    mzxid: BigInt(textOf(stat["mzxid"])),
    pzxid: BigInt(textOf(stat["pzxid"])),
    ctime: numberOf(stat["ctime"]),
    mtime: numberOf(stat["mtime"]),
    version: numberOf(stat["version"]),
    cversion: numberOf(stat["cversion"]),
    aversion: numberOf(stat["aversion"]),
    ephemeralOwner: owner === null ? 0n : BigInt(`0x${textOf(owner)}`),
    dataLength: numberOf(stat["dataLength"]),
    numChildren: numberOf(stat["numChildren"]),
  };
}

/** Bytes in base64; null is null. */
export function bytesOfBase64(value: unknown): Uint8Array | null {
  if (value === null) return null;
  return Uint8Array.from(atob(textOf(value)), (character) => character.charCodeAt(0));
}

/** Bytes as base64. */
export function base64Of(bytes: Uint8Array): string {
  const parts: string[] = [];
  // A call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 4096) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  }
  return btoa(parts.join(""));
}

function badMember(wanted: string): HttpProblemError {
  const detail = `a member is not ${wanted}: is that the address of an ensemble?`;
  return new HttpProblemError({ code: "bad-answer", status: 200 }, { detail });
}
