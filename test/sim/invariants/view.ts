/** What invariants need to see of the world and of a replica: less than there is, so that a test can fake it. */
import type { Sid } from "../../../src/base/ids.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { Tree } from "../../../src/tree/tree.ts";
import type { PeerStart } from "../../../src/zab/config.ts";
import type { Proposal } from "../../../src/zab/message.ts";
import type { DiskView } from "../../../src/world/observer.ts";
import { Violation } from "../verdict.ts";
import type { InvariantName } from "./names.ts";

/** One start of one replica; see MachineView. */
export interface Watched {
  readonly sid: Sid;
  readonly name: string;
  readonly instance: number;
  readonly isSuperseded: boolean;
  readonly keeper: { readonly serving: boolean };
  readonly tree: Pick<
    Tree,
    "digest" | "totals" | "lastApplied" | "sessions" | "get" | "childNames" | "ephemeralsOf"
  >;
  readonly start: PeerStart;
  /** How far the tree is that the replica has written. */
  readonly written: Zxid;
  readLog(after: Zxid, upTo: Zxid): readonly Proposal[];
}

/** The world; see WorldView. */
export interface WatchedWorld {
  readonly nowMs: number;
  readonly moment: number;
  readonly voters: readonly Sid[];
  readonly sids: readonly Sid[];
  machines(): Iterable<Watched>;
  disk(sid: Sid): DiskView;
}

/** Ends the run under the name of what is broken. */
export function broken(name: InvariantName, what: string): never {
  throw new Violation(name, what);
}

/** Ends the run unless the condition holds; the text is made only then. */
export function demand(isSo: boolean, name: InvariantName, what: () => string): void {
  if (!isSo) broken(name, what());
}
