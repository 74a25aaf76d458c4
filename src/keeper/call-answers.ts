/** What calls are answered with, whatever they ask for. */
import { ERROR_CODES } from "../base/error-code.ts";
import type { Zxid } from "../base/zxid.ts";
import type { CallAnswer, CallResponse } from "./call.ts";
import { CALL_SESSION_MS_MAX, CALL_SESSION_MS_MIN } from "./limits.ts";

/** The answer; an error tells nothing but itself, and of a queue how many stand before. */
export function answered(
  zxid: Zxid,
  code: number,
  response: CallResponse,
): CallAnswer & { readonly kind: "answered" } {
  const isTold = code === ERROR_CODES.ok || response.op === "queued";
  return { kind: "answered", zxid, code, response: isTold ? response : { op: "empty" } };
}

/** The timeout that a caller's session gets, in ms, for the one that was asked for. */
export function sessionTimeout(askedMs: number): number {
  return Math.min(Math.max(askedMs, CALL_SESSION_MS_MIN), CALL_SESSION_MS_MAX);
}
