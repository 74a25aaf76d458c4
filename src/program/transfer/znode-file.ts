/**
 * Znodes in a file: a line of JSON each, behind one that says what it is, and before one with their number and the
 * SHA-256 of all lines above. A name that ends in `.gz` is compressed.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { once } from "node:events";

import { type Acl, OPEN_ACL } from "../../base/acl.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { type CopiedStat, type CopiedZnode, isOpen } from "./copied-znode.ts";

const FORMAT = 1;

/** A znode's czxid, in the last member of its line: what data may say of it is in base64. */
const CZXID = /,"stat":\{"czxid":"(\d{20})"/;

/** The first line. */
export interface FileHeader {
  readonly edgekeeper: "znodes";
  readonly format: number;
  /** The path that was exported: the first znode's. */
  readonly root: string;
  /** Twenty digits: no fencing token in the tree is larger. With `exact` it is the moment that the tree is of. */
  readonly zxid: string;
  /** Whether it is of one moment; otherwise each znode is as it was when it was read. */
  readonly exact?: boolean;
  readonly madeAt: string;
}

interface FileLine {
  readonly path: string;
  readonly data: string | null;
  readonly acl?: readonly Acl[];
  readonly mode?: CopiedZnode["mode"];
  readonly ttlMs?: number;
  readonly stat?: CopiedStat;
}

/** Writes a file that must not be there yet; gives how many znodes it has. Where that fails nothing is left of it. */
export async function writeZnodes(
  file: string,
  header: Pick<FileHeader, "root" | "zxid" | "exact">,
  znodes: AsyncIterable<CopiedZnode>,
): Promise<number> {
  const hash = createHash("sha256");
  const lines = new PassThrough();
  const output = createWriteStream(file, { flags: "wx", mode: 0o600 });
  // One that was there before is not ours to touch.
  await once(output, "open");
  const written = file.endsWith(".gz") ? pipeline(lines, createGzip(), output) : pipeline(lines, output);
  // Its failure is awaited below; until then it is no unhandled one.
  written.catch(() => undefined);
  const put = async (document: object): Promise<void> => {
    const line = `${JSON.stringify(document)}\n`;
    hash.update(line);
    if (!lines.write(line)) await Promise.race([once(lines, "drain"), written]);
  };
  let count = 0;
  try {
    await put({ edgekeeper: "znodes", format: FORMAT, ...header, madeAt: new Date().toISOString() });
    for await (const znode of znodes) {
      await put(lineOf(znode));
      count++;
    }
    lines.end(`${JSON.stringify({ znodes: count, sha256: hash.digest("hex") })}\n`);
    await written;
    return count;
  } catch (error) {
    output.destroy();
    await rm(file, { force: true });
    throw error;
  }
}

/** What a whole file is. */
export interface CheckedFile extends FileHeader {
  readonly znodes: number;
  /** No znode in it was made later, even where it was read while others wrote: twenty digits. */
  readonly newest: string;
}

/** Reads a file to its end, and checks that it is whole. Throws ProgramError where it is not. */
export async function checkZnodes(file: string): Promise<CheckedFile> {
  const hash = createHash("sha256");
  let header: FileHeader | undefined;
  let count = 0;
  let newest = "";
  let end: string | undefined;
  for await (const line of linesOf(file)) {
    const made = CZXID.exec(line)?.[1] ?? "";
    if (made > newest) newest = made;
    if (end !== undefined) hash.update(`${end}\n`);
    if (header === undefined) header = headerIn(file, line);
    else if (end !== undefined) count++;
    end = line;
  }
  const last = parsed(end ?? "");
  const isWhole =
    header !== undefined && last?.["sha256"] === hash.digest("hex") && last["znodes"] === count - 1;
  if (header === undefined || !isWhole) {
    throw damaged(file, "it is not whole: its last line is missing, or its checksum is another");
  }
  return { ...header, znodes: count - 1, newest: header.zxid > newest ? header.zxid : newest };
}

/** The znodes of a file that was checked. */
export async function* readZnodes(file: string): AsyncGenerator<CopiedZnode, void> {
  let isFirst = true;
  for await (const line of linesOf(file)) {
    const document = parsed(line);
    if (!isFirst && document !== undefined && !("sha256" in document)) yield znodeIn(file, document);
    isFirst = false;
  }
}

function lineOf({ path, data, acl, mode, ttlMs, stat }: CopiedZnode): FileLine {
  return {
    path,
    data: data === null ? null : Buffer.from(data).toString("base64"),
    ...(isOpen(acl) ? {} : { acl }),
    ...(mode === "persistent" ? {} : { mode }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(stat === undefined ? {} : { stat }),
  };
}

function znodeIn(file: string, document: Readonly<Record<string, unknown>>): CopiedZnode {
  const { path, data, acl = OPEN_ACL, mode = "persistent", ttlMs } = document as Partial<FileLine>;
  if (typeof path !== "string" || (typeof data !== "string" && data !== null) || !Array.isArray(acl)) {
    throw damaged(file, "a line is no znode");
  }
  const bytes = data === null ? null : Uint8Array.from(Buffer.from(data, "base64"));
  return { path, data: bytes, acl: acl as readonly Acl[], mode, ttlMs };
}

function headerIn(file: string, line: string): FileHeader {
  const document = parsed(line);
  if (document?.["edgekeeper"] !== "znodes")
    throw damaged(file, "it is no file of edgekeeper export or backup");
  const header = document as unknown as FileHeader;
  if (header.format !== FORMAT) {
    throw damaged(
      file,
      `it has the format ${header.format}, and this program knows ${FORMAT}: use a newer one`,
    );
  }
  return header;
}

async function* linesOf(file: string): AsyncGenerator<string, void> {
  const source = createReadStream(file);
  const input: Readable = file.endsWith(".gz") ? source.pipe(createGunzip()) : source;
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    input.destroy();
  };
  source.on("error", fail);
  input.on("error", fail);
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line;
  } catch (error) {
    failure ??= error;
  }
  if (failure === undefined) return;
  const reason = failure instanceof Error ? failure.message : JSON.stringify(failure);
  const isCompression =
    failure instanceof Error && "code" in failure && String(failure.code).startsWith("Z_");
  throw isCompression ? damaged(file, reason) : usageError(`cannot read ${file}: ${reason}`, failure);
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // No JSON: the caller says which line of which file.
    return undefined;
  }
}

function damaged(file: string, what: string): ProgramError {
  return new ProgramError(`${file}: ${what}`, { code: "damaged-file" });
}

/** Says what to do where a file cannot be written. */
export function explainFile(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EEXIST") throw new ProgramError(`${String(error)}: choose another name`, { cause: error });
  if (code === "ENOENT" || code === "EACCES" || code === "ENOSPC")
    throw new ProgramError(String(error), { cause: error });
  throw error;
}
