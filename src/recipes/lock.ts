/**
 * Lock: kazoo's lock, not re-entrant, on one path with kazoo's own without any setting there. With Curator's and
 * the HTTP API's locks on the path a kazoo client must be told to see them: `extra_lock_patterns=["-lock-"]`; this
 * one does.
 *
 * What can go wrong: all that can with an InterProcessMutex, and the same happens. kazoo's holder is not told that
 * its session has ended unless it asks for the state itself; here `signal` tells.
 *
 * Znodes: PATH (container) / 32HEX__lock__NNNNNNNNNN (ephemeral sequential), its data the identifier.
 * Source: kazoo recipe/lock.py, Lock.
 */
import { KazooLock, type KazooLockSettings } from "./kazoo-lock.ts";
import { blockerOfWriter, LOCK_MARKS } from "./lock-queue.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class Lock extends KazooLock {
  constructor(client: RecipeClient, path: string, settings: KazooLockSettings = {}) {
    super(client, path, { mark: LOCK_MARKS.kazooLock, blockerOf: blockerOfWriter }, settings);
  }
}
