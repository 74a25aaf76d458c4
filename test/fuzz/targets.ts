/** All that can be fuzzed in this process, and how much of a run each is worth. */
import { clientTarget } from "./client-target.ts";
import { gatewayTarget } from "./gateway-target.ts";
import { peersTarget } from "./peers-target.ts";
import { recordsTarget } from "./records-target.ts";
import type { Target } from "./target.ts";

/** See the file's comment. */
export const TARGETS: readonly { readonly target: Target; readonly share: number }[] = [
  { target: clientTarget, share: 0.45 },
  { target: recordsTarget, share: 0.42 },
  { target: peersTarget, share: 0.1 },
  { target: gatewayTarget, share: 0.03 },
];

/** The target of that name. */
export function targetOf(name: string): Target | undefined {
  return TARGETS.find(({ target }) => target.name === name)?.target;
}
