/** Children with their data, as one read: of one state, as far as the caller may read each. */
import { ERROR_CODES } from "../base/error-code.ts";
import { MULTI_READ_BYTES_MAX } from "../base/limits.ts";
import { childOf } from "../base/path.ts";
import { maxZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import type { CallResponse, ChildData } from "./call.ts";
import type { LocalReads, Reader } from "./local-reads.ts";

/** What was asked, answered from the replica's tree. Of a znode that is missing there are no children. */
export function readChildren(
  reads: LocalReads,
  reader: Reader,
  { path, limit }: { readonly path: string; readonly limit: number },
): { readonly code: number; readonly response: CallResponse } {
  const { code, response } = reads.answer({ op: "getChildren2", path, watch: false }, reader);
  if (code === ERROR_CODES.noNode) return { code: ERROR_CODES.ok, response: childrenOf([], ZXID_ZERO, true) };
  if (response.op !== "children2") return { code, response: { op: "empty" } };
  const { children: names, stat } = response;
  const found: ChildData[] = [];
  let state = maxZxid(stat.pzxid, stat.czxid);
  let bytes = 0;
  let seen = 0;
  for (const name of names.slice(0, limit)) {
    const read = reads.answer({ op: "getData", path: childOf(path, name), watch: false }, reader);
    if (bytes > MULTI_READ_BYTES_MAX) break;
    seen++;
    if (read.response.op !== "getData") continue;
    const { data, stat: own } = read.response;
    bytes += data?.length ?? 0;
    state = maxZxid(state, own.mzxid);
    found.push({ name, data, stat: own });
  }
  return { code: ERROR_CODES.ok, response: childrenOf(found, state, seen === names.length) };
}

function childrenOf(
  children: readonly ChildData[],
  state: Zxid,
  isAll: boolean,
): CallResponse & { readonly op: "childrenData" } {
  return { op: "childrenData", children, state, isAll };
}
