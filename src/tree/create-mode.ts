/**
 * What a create asks for. Source: ZooKeeper CreateMode, EphemeralType,
 * PrepRequestProcessor.pRequest2TxnCreate.
 */
import { KeeperError } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import type { CreateRequest } from "../base/request.ts";
import type { NodeOwner } from "../base/txn.ts";
import { TTL_MS_MAX } from "./idle.ts";

/** How the znode is named, and whose it will be. */
export interface CreateMode {
  /** Whether the parent's count of creates is appended to the name. */
  readonly sequential: boolean;
  readonly owner: NodeOwner;
}

const EPHEMERAL_FLAG = 1;
const CONTAINER_FLAG = 4;
const TTL_FLAG = 5;
const TTL_SEQUENTIAL_FLAG = 6;

/**
 * The mode that a request's operation and flags ask for. Throws KeeperError badArguments for flags that mean
 * nothing, a time to live that is none, or an ephemeral without a session, unimplemented for TTL where that is off. As
 * in ZooKeeper it is createContainer, not the flag, that makes a container: `create` with the flag of a container makes
 * a persistent znode (its txn record has no other word for it).
 */
export function createModeOf(
  request: CreateRequest,
  session: SessionId,
  hasExtendedTypes: boolean,
): CreateMode {
  const { op, flags } = request;
  if (!isMode(flags)) {
    throw new KeeperError("badArguments", `create flags ${flags}`);
  }
  if (flags >= TTL_FLAG) {
    if (!hasExtendedTypes) throw new KeeperError("unimplemented", "TTL znodes");
    return { sequential: flags === TTL_SEQUENTIAL_FLAG, owner: ttlOwner(request) };
  }
  // A time to live without a TTL flag. ZooKeeper refuses it, or, where it is negative, stops the server.
  if (op === "createTTL") throw new KeeperError("badArguments", `create flags ${flags} with TTL`);
  const sequential = isSequential(flags);
  if (op === "createContainer") return { sequential, owner: { mode: "container" } };
  const isEphemeral = flags !== CONTAINER_FLAG && (flags & EPHEMERAL_FLAG) !== 0;
  if (isEphemeral && session === NO_SESSION)
    throw new KeeperError("badArguments", "an ephemeral of no session");
  return {
    sequential,
    owner: isEphemeral ? { mode: "ephemeral", session } : { mode: "persistent" },
  };
}

/** Only createTTL carries a time to live: the flags of one without it are as wrong as a bad one. */
function ttlOwner({ op, ttlMs }: CreateRequest): NodeOwner {
  if (op !== "createTTL" || ttlMs <= 0 || ttlMs > TTL_MS_MAX) {
    throw new KeeperError("badArguments", `a time to live from 1 to ${TTL_MS_MAX} ms`);
  }
  return { mode: "ttl", ttlMs };
}

/**
 * The create that a multi makes of one of its operations: the flag of a container makes one there, whatever the
 * operation's name. Throws KeeperError marshallingError for flags that name no mode, or a TTL without a time to live:
 * ZooKeeper does so as it decodes. Source: ZooKeeper MultiOperationRecord, Op.Create (3.9.5).
 */
export function createInMulti(request: CreateRequest): CreateRequest {
  const { op, flags } = request;
  // Without the flag of a TTL it is an ordinary create there; a flag that means nothing is told in its place.
  if (op === "createTTL")
    return isMode(flags) && flags < TTL_FLAG ? createInMulti({ ...request, op: "create" }) : request;
  if (!isMode(flags) || flags >= TTL_FLAG) {
    throw new KeeperError("marshallingError", `create flags ${flags} in multi`);
  }
  return flags === CONTAINER_FLAG ? { ...request, op: "createContainer" } : request;
}

/** Whether flags ask for a number behind the name: 2, 3 and 6 do. */
export function isSequential(flags: number): boolean {
  return flags !== CONTAINER_FLAG && (flags & 2) !== 0;
}

function isMode(flags: number): boolean {
  return Number.isInteger(flags) && flags >= 0 && flags <= TTL_SEQUENTIAL_FLAG;
}

/**
 * What a sequential create appends: at least ten characters, zeros after the sign, as Java's `%010d` of an
 * int32. After 2147483647 comes -2147483648.
 */
export function sequenceText(childCreates: number): string {
  if (childCreates >= 0) return String(childCreates).padStart(10, "0");
  return `-${String(-childCreates).padStart(9, "0")}`;
}
