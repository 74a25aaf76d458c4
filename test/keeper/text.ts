import type { NodeData } from "../../src/base/request.ts";

/** A znode's data as text. */
export function textOf(data: NodeData): string {
  return data === null ? "" : new TextDecoder().decode(data);
}
