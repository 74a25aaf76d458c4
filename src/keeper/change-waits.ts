/** Reads that wait until what they show is not what their callers know: the state decides, so no change is missed. */
import type { Zxid } from "../base/zxid.ts";
import { compareZxid } from "../base/zxid.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { parentOf } from "../base/path.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { CallResponse } from "./call.ts";
import type { OpenCall } from "./open-call.ts";

/** What a caller knows of a znode's data, or of its children: how often they changed, and by which write. */
export interface Known {
  /** version, or cversion. */
  readonly count: number;
  /** czxid, or pzxid. */
  readonly zxid: Zxid;
}

/** What to wait for where the data of children matter too: no path ends so. */
export function belowOf(path: string): string {
  return `${path}/`;
}

/** Those that wait, by the path that they read. */
export class ChangeWaits {
  readonly #byPath = new Map<string, Set<OpenCall>>();
  readonly #paths = new Map<OpenCall, string>();

  has(open: OpenCall): boolean {
    return this.#paths.has(open);
  }

  add(open: OpenCall, path: string): void {
    this.#paths.set(open, path);
    const there = this.#byPath.get(path);
    if (there === undefined) this.#byPath.set(path, new Set([open]));
    else there.add(open);
  }

  delete(open: OpenCall): void {
    const path = this.#paths.get(open);
    const there = path === undefined ? undefined : this.#byPath.get(path);
    if (path === undefined || there === undefined) return;
    this.#paths.delete(open);
    there.delete(open);
    if (there.size === 0) this.#byPath.delete(path);
  }

  /** Those that are to look again, as they wait no more. */
  take({ kind, path }: TreeEvent): readonly OpenCall[] {
    if (this.#paths.size === 0) return [];
    const parent = parentOf(path);
    const paths = kind === "dataChanged" ? [path, belowOf(parent)] : [path, parent, belowOf(parent)];
    const found = new Set(paths.flatMap((one) => [...(this.#byPath.get(one) ?? [])]));
    for (const open of found) this.delete(open);
    return [...found];
  }
}

/** Whether an answer shows what the caller knows; who knows of nothing knows that there is no such znode. */
export function isKnown(known: Known | undefined, code: number, response: CallResponse): boolean {
  if (known === undefined) return code === ERROR_CODES.noNode;
  if (code !== ERROR_CODES.ok) return false;
  if (response.op === "getData") {
    const { version, czxid } = response.stat;
    return known.count === version && compareZxid(known.zxid, czxid) === 0;
  }
  if (response.op !== "children2" && response.op !== "page") return false;
  const { cversion, pzxid } = response.stat;
  return known.count === cversion && compareZxid(known.zxid, pzxid) === 0;
}
