/** Requests that are treated apart, by what they are. */
import { OPCODES } from "../jute/opcodes.ts";
import type { DecodedRequest } from "../jute/requests.ts";

/** A request under a number that it can be answered with. */
export type NumberedRequest = Exclude<DecodedRequest, { readonly kind: "headerless" }>;

/**
 * Whether nobody may ask for it. A check stands in a multi alone: by itself it is as good as unknown, decodable or not
 * (ZooKeeper Request.isValid).
 */
export function isUnknown(decoded: NumberedRequest): boolean {
  return decoded.kind === "unknownOpcode" || opcodeOf(decoded) === OPCODES.check;
}

/** Whether it is a login, which is taken off the wire before it is anybody's turn. */
export function isLogin(decoded: NumberedRequest): boolean {
  const opcode = opcodeOf(decoded);
  return opcode === OPCODES.auth || opcode === OPCODES.sasl;
}

/** Whether it ends its session. */
export function isFarewell(decoded: NumberedRequest): boolean {
  return opcodeOf(decoded) === OPCODES.closeSession;
}

/** What takes a leader, decodable or not; a check by itself is unknown first. Source: ReadOnlyRequestProcessor. */
const WRITES: ReadonlySet<number> = new Set([
  OPCODES.sync,
  OPCODES.create,
  OPCODES.create2,
  OPCODES.createTTL,
  OPCODES.createContainer,
  OPCODES.delete,
  OPCODES.setData,
  OPCODES.reconfig,
  OPCODES.setACL,
  OPCODES.multi,
]);

/** Whether a replica without a leader refuses it. */
export function isWrite(decoded: NumberedRequest): boolean {
  return WRITES.has(opcodeOf(decoded));
}

function opcodeOf(decoded: NumberedRequest): number {
  return decoded.kind === "request" ? OPCODES[decoded.request.op] : decoded.type;
}
