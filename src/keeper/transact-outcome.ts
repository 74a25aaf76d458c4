/** What a transact gave, now or, under its key, before. */
import { assert } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import type { TransactRequest } from "../base/request.ts";
import type { Outcome } from "../base/txn.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { keyPathOf, readRemembered } from "../tree/call-keys.ts";
import { countOf } from "../tree/prepare-transact.ts";
import type { Tree } from "../tree/tree.ts";
import type { Delivered } from "./call-writes.ts";

/** The end of a transact. */
export interface Transacted extends Delivered {
  /** One for each of the operations that were asked for, or an error. */
  readonly outcome: Outcome;
  /** Where it had been done before: in which session, and which claim to it this asking is. */
  readonly remembered: { readonly session: SessionId; readonly claim: number } | undefined;
  /** What the counter stands at that was added to; undefined where none was. */
  readonly value: string | undefined;
}

/**
 * The outcome without what the service added to the transaction. What had been done before is read where it is
 * remembered, at the place in the order of what stands for the repetition: the leader saw it there when it proposed
 * that.
 * Throws KeeperError dataInconsistency where the super user has changed what is remembered.
 */
export function transacted(tree: Tree, request: TransactRequest, { zxid, outcome }: Delivered): Transacted {
  const { key, operations } = request;
  if ((outcome.kind === "barrier" || outcome.kind === "stat") && key !== undefined) {
    const node = tree.get(keyPathOf(key));
    assert(node !== undefined, "what a barrier names is there when it is delivered");
    const { outcomes, session, value } = readRemembered(node.data);
    const remembered = { session, claim: node.version };
    return { zxid: node.czxid, outcome: { kind: "multi", outcomes }, remembered, value };
  }
  if (outcome.kind !== "multi" || outcome.outcomes.some(({ kind }) => kind === "error")) {
    return { zxid, outcome, remembered: undefined, value: undefined };
  }
  const end = outcome.outcomes.length - (key === undefined ? 0 : 1);
  const outcomes = outcome.outcomes.slice(end - operations.length, end);
  const value = countOf(tree, request);
  return { zxid, outcome: { kind: "multi", outcomes }, remembered: undefined, value };
}

/** What went wrong, where something did: of several operations the one that failed. */
export function failureOf(outcome: Outcome): number | undefined {
  const all = outcome.kind === "multi" ? outcome.outcomes : [outcome];
  for (const one of all) if (one.kind === "error" && one.code !== ERROR_CODES.ok) return one.code;
  return undefined;
}
