/** What a disk holds behind a transaction, in a few numbers. */
import { ZXID_ZERO } from "../base/zxid.ts";
import type { Store } from "../durable/store.ts";
import type { PeerWrite } from "../zab/effects.ts";
import type { DiskState } from "./volume.ts";

/** What a disk holds of which a replica was let go. */
export const NOTHING_LEFT: DiskState = {
  acceptedEpoch: 0,
  currentEpoch: 0,
  base: ZXID_ZERO,
  last: ZXID_ZERO,
  lastDelivered: ZXID_ZERO,
  isDiverged: false,
  isDamaged: false,
};

/** Behind these writes, on what it held before. */
export function stateAfter(before: DiskState, writes: readonly PeerWrite[], store: Store): DiskState {
  let { acceptedEpoch, currentEpoch, isDiverged, isDamaged } = before;
  let lastDelivered = store.written;
  for (const write of writes) {
    if (write.kind === "epochs") ({ acceptedEpoch, currentEpoch } = write);
    else if (write.kind === "diverged") isDiverged = true;
    else if (write.kind === "install") {
      lastDelivered = write.last;
      isDiverged = false;
      isDamaged = false;
      break;
    }
  }
  const { base, last } = store.log;
  return { acceptedEpoch, currentEpoch, base, last, lastDelivered, isDiverged, isDamaged };
}
