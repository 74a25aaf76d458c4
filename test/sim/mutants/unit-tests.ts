/**
 * The unit tests: those that drive one module alone. A deliberate defect must get past them, or it shows nothing that
 * only a simulation finds. Tests of several replicas together, be they peers or whole keepers, are not among them.
 */

/** Files and folders, as vitest takes them. */
export const UNIT_TESTS: readonly string[] = [
  "test/base/",
  "test/jute/",
  "test/tree/",
  "test/durable/",
  // Tables, and single peers whose counterparts the test plays.
  "test/zab/election.test.ts",
  "test/zab/history.test.ts",
  "test/zab/leader.test.ts",
  "test/zab/learner.test.ts",
  "test/zab/learner-stall.test.ts",
  "test/zab/pipeline.test.ts",
  "test/zab/quorum.test.ts",
  "test/zab/sync-plan.test.ts",
  "test/zab/voice-tally.test.ts",
  "test/zab/paper/fast-leader-election.test.ts",
  "test/zab/paper/phase-1-discovery.test.ts",
  "test/zab/paper/phase-2-synchronization.test.ts",
  "test/zab/paper/phase-3-broadcast.test.ts",
  // The keeper's parts, each by itself.
  "test/keeper/client-door.test.ts",
  "test/keeper/config-node.test.ts",
  "test/keeper/digests.test.ts",
  "test/keeper/leader-desk.test.ts",
  "test/keeper/session-tracker.test.ts",
  "test/keeper/snapshot-codec.test.ts",
  "test/keeper/snapshot-sender.test.ts",
  "test/keeper/turn-outbox.test.ts",
];
