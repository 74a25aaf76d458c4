/**
 * The znodes that writes are going to ask a tree for, as far as they tell their paths: so that a store which has them
 * on disk reads many in one go, and not one by one.
 */
import type { Proposal } from "../zab/message.ts";
import { KnownProposal } from "./known-proposal.ts";
import type { ForwardedRequest } from "./link-message.ts";

/** No more of them, and those of one more write: what is read for them stays within a fraction of any cache. */
const PATHS_MAX = 2048;

/** What these requests look at when they are prepared. */
export function pathsAsked(requests: readonly ForwardedRequest[]): readonly string[] {
  const paths: string[] = [];
  for (const { request } of requests) {
    if (paths.length >= PATHS_MAX) break;
    for (const operation of request.op === "multi" ? request.operations : [request]) {
      // A sync looks at nothing.
      if ("path" in operation && operation.op !== "sync") paths.push(operation.path);
    }
  }
  return paths;
}

/** What these proposals look at when they are applied, as far as it is known what they say. */
export function pathsApplied(proposals: readonly Proposal[]): readonly string[] {
  const paths: string[] = [];
  for (const proposal of proposals) {
    if (paths.length >= PATHS_MAX) break;
    const txn = proposal instanceof KnownProposal ? proposal.txn : undefined;
    if (txn === undefined) continue;
    for (const operation of txn.kind === "multi" ? txn.operations : [txn]) {
      if ("path" in operation && operation.kind !== "barrier") paths.push(operation.path);
    }
  }
  return paths;
}
