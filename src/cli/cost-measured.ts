/**
 * What was measured of one replica of three: docs/cost.md tells when, where and how. test/cli/cost-measured counts the
 * messages again.
 */
import type { Measured } from "./cost-model.ts";

/** See the file's comment. */
export const MEASURED: Measured = {
  rowsPerWrite: 1.22,
  rowsPerWriteInBatches: 0.58,
  rowsPerLockCycle: 3.5,
  rowsPerNight: 9,
  // The alarm is set anew every fifteen seconds, a row each.
  rowsPerIdleMinute: 4,
  idleMessagesPerS: 29,
  messagesPerWrite: 3,
  wakeS: 1,
};
