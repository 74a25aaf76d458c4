/** Requests that are treated apart, by what they are. */
import { OPCODES } from "../jute/opcodes.ts";
import type { DecodedRequest } from "../jute/requests.ts";

type Numbered = Exclude<DecodedRequest, { readonly kind: "headerless" }>;

/**
 * Whether nobody may ask for it. A check stands in a multi alone: by itself it is as good as unknown, decodable or not
 * (ZooKeeper Request.isValid).
 */
export function isUnknown(decoded: Numbered): boolean {
  return decoded.kind === "unknownOpcode" || opcodeOf(decoded) === OPCODES.check;
}

/** Whether it is a login, which is taken off the wire before it is anybody's turn. */
export function isLogin(decoded: Numbered): boolean {
  const opcode = opcodeOf(decoded);
  return opcode === OPCODES.auth || opcode === OPCODES.sasl;
}

function opcodeOf(decoded: Numbered): number {
  return decoded.kind === "request" ? OPCODES[decoded.request.op] : decoded.type;
}
