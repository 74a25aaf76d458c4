/**
 * What a create asks for. Source: ZooKeeper CreateMode, EphemeralType,
 * PrepRequestProcessor.pRequest2TxnCreate.
 */
import { KeeperError } from "../base/error-code.ts";
import type { SessionId } from "../base/ids.ts";
import type { CreateRequest } from "../base/request.ts";
import type { NodeOwner } from "../base/txn.ts";

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
 * nothing, unimplemented for TTL. As in ZooKeeper it is createContainer, not the flag, that makes a
 * container: `create` with the flag of a container makes a persistent znode (its txn record has no other word
 * for it).
 */
export function createModeOf(request: CreateRequest, session: SessionId): CreateMode {
  const { op, flags } = request;
  if (!Number.isInteger(flags) || flags < 0 || flags > TTL_SEQUENTIAL_FLAG) {
    throw new KeeperError("badArguments", `create flags ${flags}`);
  }
  if (flags >= TTL_FLAG) throw new KeeperError("unimplemented", "TTL znodes");
  // A time to live without a TTL flag. ZooKeeper refuses it, or, where it is negative, stops the server.
  if (op === "createTTL") throw new KeeperError("badArguments", `create flags ${flags} with TTL`);
  const sequential = flags !== CONTAINER_FLAG && (flags & 2) !== 0;
  if (op === "createContainer") return { sequential, owner: { mode: "container" } };
  const isEphemeral = flags !== CONTAINER_FLAG && (flags & EPHEMERAL_FLAG) !== 0;
  return {
    sequential,
    owner: isEphemeral ? { mode: "ephemeral", session } : { mode: "persistent" },
  };
}

/**
 * The create that a multi makes of one of its operations: there the flags say what is made, whatever the
 * operation's name, and only a container's answer carries a Stat (seen on 3.8.0). Throws KeeperError
 * marshallingError for a TTL flag without a time to live, which ZooKeeper cannot decode there. Source:
 * ZooKeeper MultiOperationRecord, Op.Create.
 */
export function createInMulti(request: CreateRequest): CreateRequest {
  const { op, flags } = request;
  if (flags === TTL_FLAG || flags === TTL_SEQUENTIAL_FLAG) {
    if (op === "createTTL") return request;
    throw new KeeperError("marshallingError", `create flags ${flags} without TTL in multi`);
  }
  if (flags === CONTAINER_FLAG) return { ...request, op: "createContainer" };
  return { ...request, op: "create" };
}

/**
 * What a sequential create appends: at least ten characters, zeros after the sign, as Java's `%010d` of an
 * int32. After 2147483647 comes -2147483648.
 */
export function sequenceText(childCreates: number): string {
  if (childCreates >= 0) return String(childCreates).padStart(10, "0");
  return `-${String(-childCreates).padStart(9, "0")}`;
}
