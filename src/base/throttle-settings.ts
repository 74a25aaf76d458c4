/**
 * How much clients may ask of one replica at once, beyond what its memory bounds.
 * Source: ZooKeeper RequestThrottler, ZooKeeperServer.shouldThrottle and checkRequestSize.
 */

/** Nought stands for no bound in each. */
export interface ThrottleSettings {
  /** Unanswered requests of all clients above which whoever has one is not read: globalOutstandingLimit. */
  readonly outstandingMax: number;
  /** Writes that are sent to the leader and not done; the others wait: requestThrottleLimit. */
  readonly forwardedMax: number;
  /** A write that has waited for longer than so many milliseconds is answered with -127: throttledOpWaitTime. */
  readonly waitMs: number;
  /** A request of more bytes is a large one: largeRequestThreshold. */
  readonly largeBytes: number;
  /** Bytes of large requests that may be unanswered; one more, and its connection is closed: largeRequestMaxBytes. */
  readonly largeTotalBytes: number;
}

/** Off, as in ZooKeeper, but for what it bounds by number and we by bytes: see ARCHITECTURE.md, section 8. */
export const THROTTLE_SETTINGS: ThrottleSettings = {
  outstandingMax: 0,
  forwardedMax: 0,
  waitMs: 0,
  largeBytes: 0,
  largeTotalBytes: 16 * 1024 * 1024,
};
