/**
 * Revoker: asks the holder of a lock, or one who waits for it, to give it back. Nothing is taken from anybody: the
 * holder's `onRevoke` is called, and what it does is its own.
 *
 * What can go wrong, and what happens then:
 * - The holder is gone before it is asked: nothing is to be done, and nothing is.
 * - The holder does not listen: it goes on. An operator who must have the lock deletes the holder's znode, which
 *   aborts the holder's `signal`; tokens keep what it still writes apart.
 *
 * Znodes: the data of the holder's become `__REVOKE__`. Source: Curator Revoker, ZooKeeper recipes (revocable locks).
 */
import { REVOKE_MESSAGE } from "./hold.ts";
import { persevere } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";

/** Asks the one whose znode is at the path: of InterProcessMutex.participants(), say. Whether it was still there. */
export async function attemptRevoke(client: RecipeClient, path: string): Promise<boolean> {
  const message = new TextEncoder().encode(REVOKE_MESSAGE);
  try {
    await persevere(client, async () => await client.set(path, message));
    return true;
  } catch (error) {
    // Whoever held it has given it back: false says so.
    if (isKeeperError(error, "noNode")) return false;
    throw error;
  }
}
