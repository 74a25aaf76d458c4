/** Under which token a holder of a lock did its write: the lock's check asks. */
import { parentOf, nameOf } from "../../../src/base/path.ts";
import type { Guard } from "../history/check-locks.ts";
import type { Operation } from "../history/types.ts";
import { PLACES } from "./workload.ts";

/** The guard of a lock client's protected write, undefined for all other operations. */
export function fencedWrite({ request }: Operation): Guard | undefined {
  if (request.op !== "multi") return undefined;
  for (const operation of request.operations) {
    if (operation.op !== "setData" || parentOf(operation.path) !== PLACES.fenced) continue;
    const told = /^(\d+):(\d+) /.exec(new TextDecoder().decode(operation.data ?? undefined));
    if (told === null) return undefined;
    return { lock: nameOf(operation.path), token: { epoch: Number(told[1]), counter: Number(told[2]) } };
  }
  return undefined;
}
