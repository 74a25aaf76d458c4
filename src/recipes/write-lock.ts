/**
 * WriteLock: the writer's side of kazoo's shared lock: it waits for whoever is before it, readers and writers.
 *
 * What can go wrong: all that can with an InterProcessMutex, and the same happens.
 *
 * Znodes: PATH (container) / 32HEX__lock__NNNNNNNNNN (ephemeral sequential), its data the identifier.
 * Source: kazoo recipe/lock.py, WriteLock.
 */
import { KazooLock, type KazooLockSettings } from "./kazoo-lock.ts";
import { blockerOfWriter, LOCK_MARKS } from "./lock-queue.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class WriteLock extends KazooLock {
  constructor(client: RecipeClient, path: string, settings: KazooLockSettings = {}) {
    super(client, path, { mark: LOCK_MARKS.kazooLock, blockerOf: blockerOfWriter }, settings);
  }
}
