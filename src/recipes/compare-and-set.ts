/** Changes that are made once or not at all, and what is said where the answer was lost. */
import { persevere, withParents } from "./perseverance.ts";
import type { RecipeClient, Stat } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";

/** What is to be written where. */
export interface Change {
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * Sets the data where the znode has that version; undefined where somebody was quicker, or the znode is gone. Where
 * the answer is lost it looks, behind a sync: most often the znode tells. Where it cannot tell, as others may have
 * written the same, it throws the fault `unknownOutcome`.
 */
export async function compareAndSet(
  client: RecipeClient,
  { path, data }: Change,
  version: number,
): Promise<Stat | undefined> {
  for (;;) {
    try {
      return await client.set(path, data, version);
    } catch (error) {
      // Another version, or none: somebody else was sooner, which undefined tells.
      if (isKeeperError(error, "badVersion", "noNode")) return undefined;
      if (!isTransient(error)) throw error;
      const found = await read(client, path);
      const isUntouched = found?.version === version;
      const isElse = found?.version === version + 1 && !sameBytes(found.data, data);
      if (isElse) return undefined;
      if (!isUntouched) throw unknown(path, error);
    }
  }
}

/** Creates a persistent znode; undefined where there is one. Throws as `compareAndSet` does. */
export async function createIfMissing(
  client: RecipeClient,
  { path, data }: Change,
): Promise<Stat | undefined> {
  for (;;) {
    try {
      const create = async (): Promise<Stat> =>
        (await client.create(path, { mode: "persistent", data })).stat;
      return await withParents(client, path, create);
    } catch (error) {
      // Somebody else was sooner, which undefined tells.
      if (isKeeperError(error, "nodeExists")) return undefined;
      if (!isTransient(error)) throw error;
      const found = await read(client, path);
      if (found === undefined) continue;
      if (found.version === 0 && !sameBytes(found.data, data)) return undefined;
      throw unknown(path, error);
    }
  }
}

/** Makes sure that there is a persistent znode; one that is there keeps its data. */
export async function ensureZnode(client: RecipeClient, { path, data }: Change): Promise<void> {
  const create = async (): Promise<unknown> =>
    await persevere(client, async () => await client.create(path, { mode: "persistent", data }));
  try {
    await withParents(client, path, create);
  } catch (error) {
    // It is there, which is all that is wanted.
    if (!isKeeperError(error, "nodeExists")) throw error;
  }
}

/** Whether they are the same bytes; null is not the same as none. */
export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

async function read(
  client: RecipeClient,
  path: string,
): Promise<{ readonly data: Uint8Array | null; readonly version: number } | undefined> {
  try {
    return await persevere(client, async () => {
      await client.sync(path);
      const { data, stat } = await client.get(path);
      return { data, version: stat.version };
    });
  } catch (error) {
    // Nothing is there: undefined says so.
    if (isKeeperError(error, "noNode")) return undefined;
    throw error;
  }
}

function unknown(path: string, cause: unknown): RecipeError {
  return new RecipeError(
    "unknownOutcome",
    `${path}: the answer was lost, and what the znode shows does not tell whether it was done`,
    cause,
  );
}
