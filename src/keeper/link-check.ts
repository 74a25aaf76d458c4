/**
 * What a replica may not say, though it could be read: such a link is closed, as one that carries garbage. Replicas of
 * one deployment do not lie; but what is broken on its way, or by a defect of the other side, must end a link and not
 * the replica that hears it, which would hear the same again after each start. Whether a transaction fits the tree is
 * not asked: see docs/testing.md, "What is not played".
 */
import type { Sid } from "../base/ids.ts";
import { JuteError } from "../jute/jute-error.ts";
import type { LinkMessage, ToLeader } from "./link-message.ts";
import { membershipChangeOf } from "./membership-change.ts";
import type { TracedWrite } from "./tracer.ts";

/** What is wrong with what `from` says; undefined: nothing. */
export function linkMessageProblem(from: Sid, message: LinkMessage): string | undefined {
  if (message.kind === "trace") return placeProblem(message.message);
  if (message.kind === "toLeader") return originProblem(from, message.message);
  if (message.kind !== "zab" || message.message.kind !== "propose") return undefined;
  for (const { payload } of message.message.proposals) {
    const problem = payloadProblem(payload);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A replica forwards its own clients' writes alone: another takes what bears its sid for the answer to its own. */
function originProblem(from: Sid, message: ToLeader): string | undefined {
  if (message.kind !== "forward") return undefined;
  const foreign = message.requests.find(({ origin }) => origin.sid !== from);
  return foreign && `it forwards in the name of replica ${foreign.origin.sid}`;
}

/** Ids go on to a collector as they are. */
function placeProblem({ place: { traceId, spanId } }: TracedWrite): string | undefined {
  const isPlace = /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId);
  return isPlace ? undefined : "it traces by ids that are none";
}

/** It was read as a transaction with its frame; accepted, it is asked what it does to the members. */
function payloadProblem(payload: Uint8Array): string | undefined {
  try {
    membershipChangeOf(payload);
    return undefined;
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    return error.message;
  }
}
