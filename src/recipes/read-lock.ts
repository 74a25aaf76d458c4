/**
 * ReadLock: the readers' side of kazoo's shared lock: it waits for the last writer before it.
 *
 * What can go wrong: all that can with an InterProcessReadWriteLock, and the same happens.
 *
 * Znodes: PATH (container) / 32HEX__rlock__NNNNNNNNNN (ephemeral sequential), its data the identifier.
 * Source: kazoo recipe/lock.py, ReadLock.
 */
import { KazooLock, type KazooLockSettings } from "./kazoo-lock.ts";
import { blockerOfReader, LOCK_MARKS } from "./lock-queue.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** See the file's comment. */
export class ReadLock extends KazooLock {
  constructor(client: RecipeClient, path: string, settings: KazooLockSettings = {}) {
    super(client, path, { mark: LOCK_MARKS.kazooRead, blockerOf: blockerOfReader }, settings);
  }
}
