/** The create that a caller asks for. */
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import type { CreateRequest, NodeData } from "../../base/request.ts";
import { type App, problem } from "../documents.ts";
import type { NewZnode } from "./schemas.ts";

/** ZooKeeper's operation and flags (CreateMode) for each mode; the second of the flags is that of sequential ones. */
const MODES: Readonly<
  Record<
    NewZnode["mode"],
    { readonly op: CreateRequest["op"]; readonly flags: readonly [number, number | undefined] }
  >
> = {
  persistent: { op: "create2", flags: [0, 2] },
  ephemeral: { op: "create2", flags: [1, 3] },
  container: { op: "createContainer", flags: [4, undefined] },
  ttl: { op: "createTTL", flags: [5, 6] },
};

/** The request, or a problem where what is asked for does not go together. */
export function newZnode(
  context: Context<App>,
  path: string,
  data: NodeData,
  { mode, sequential, ttlMs }: NewZnode,
): CreateRequest | Response {
  const { op, flags } = MODES[mode];
  const flag = flags[sequential ? 1 : 0];
  const refuse = (detail: string): Response => problem(context, 400, "bad-request", detail);
  if (flag === undefined) return refuse("a container is not sequential");
  if ((mode === "ttl") !== (ttlMs !== undefined))
    return refuse("ttlMs goes with mode=ttl, and with no other");
  if (mode === "ephemeral" && context.req.header("session") === undefined) {
    return refuse(
      "an ephemeral goes with a session: make one by POST /sessions, and send its text as Session",
    );
  }
  return { op, path, data, acl: OPEN_ACL, flags: flag, ttlMs: ttlMs ?? 0 };
}
