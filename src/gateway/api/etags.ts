/** ETags of znodes' data: what a caller knows of them, and what it wants to be so. */
import { z } from "@hono/zod-openapi";
import type { Guard } from "../../base/request.ts";
import type { Stat } from "../../base/stat.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { Known } from "../../durable/entry.ts";
import { readZxid } from "./schemas.ts";

/** `"VERSION-CZXID"`: a znode made anew under the same name has another. */
const ETAG_OF_DATA = /"(-?\d{1,10})-(\d{20})"/;

/** What If-Match takes: the version may stand alone. */
const ETAG = /^(?:W\/)?"(-?\d{1,10})(?:-(\d{20}))?"$/;

/** The header If-Match. */
export const ifMatch: z.ZodOptional<z.ZodString> = z
  .string()
  .regex(ETAG, "an ETag as GET shows it, or a version in quotes")
  .optional()
  .describe("The ETag of what was read, or a version in quotes: only where it is that still, otherwise 412.");

/** The ETag of data with this Stat. */
export function etagOf({ version, czxid }: Pick<Stat, "version" | "czxid">): string {
  return `"${version}-${zxidDigits(czxid)}"`;
}

/** What If-Match asks for: the version, and that the znode was not made anew meanwhile. */
export function expected(
  path: string,
  header: string | undefined,
): { readonly version: number; readonly guards: readonly Guard[] } {
  const [, version, czxid] = ETAG.exec(header ?? "") ?? [];
  const guards: readonly Guard[] =
    czxid === undefined ? [] : [{ kind: "same", path, czxid: readZxid(czxid) }];
  return { version: version === undefined ? -1 : Number(version), guards };
}

/** What If-None-Match says that the caller knows of data: of several the first that it can be. */
export function knownData(header: string | undefined): Known | undefined {
  return knownBy(ETAG_OF_DATA, header);
}

/** The same of another kind of ETag, by its count and zxid. */
export function knownBy(pattern: RegExp, header: string | undefined): Known | undefined {
  const [, count, zxid] = pattern.exec(header ?? "") ?? [];
  return count === undefined || zxid === undefined
    ? undefined
    : { count: Number(count), zxid: readZxid(zxid) };
}

/** Whether an If-None-Match names the ETag. */
export function names(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
