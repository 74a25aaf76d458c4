/**
 * Creates that survive a lost answer. The name begins with a prefix that nobody else gives. Where the connection is
 * lost before the answer, the children are searched for it, behind a sync: then the create was done before, or
 * never will be. A znode with the right prefix of another session is none of ours: it is about to go, as its
 * session has expired (what Curator took for its own in CURATOR-498). So no attempt leaves a ghost in a queue, and
 * none stands there twice.
 * Source: Curator CreateBuilderImpl (protection mode), kazoo recipe/lock.py (_find_node).
 */
import { childOf } from "../base/path.ts";
import { makeContainers, NO_DATA, pause, persevere } from "./perseverance.ts";
import type { Created, CreateMode, RecipeClient, RecipeSession } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";

/** What to create. */
export interface ProtectedCreate {
  readonly parent: string;
  /** Nobody else's; the whole name, but for the number where the mode is sequential. */
  readonly prefix: string;
  readonly mode: Extract<CreateMode, "ephemeral" | "ephemeralSequential">;
  readonly data?: Uint8Array | undefined;
}

/** Between two looks at a znode of the same name that another session has, in ms. */
const FOREIGN_PAUSE_MS = 100;

/**
 * Creates the znode once, and its parents where they lack. Throws the fault `sessionLost` where the session ends
 * first.
 */
export async function createProtected(
  client: RecipeClient,
  session: RecipeSession,
  wanted: ProtectedCreate,
): Promise<Created> {
  const { parent, prefix, mode, data = NO_DATA } = wanted;
  for (;;) {
    mustLive(client, session);
    try {
      return await client.create(childOf(parent, prefix), { mode, data });
    } catch (error) {
      if (isKeeperError(error, "noNode")) await makeContainers(client, parent);
      else if (isKeeperError(error, "nodeExists") || isTransient(error)) {
        const found = await findProtected(client, session, wanted);
        if (found !== undefined) return found;
        // Another session's, under the same name: it goes soon.
        await pause(client.clock, FOREIGN_PAUSE_MS);
      } else throw error;
    }
  }
}

/**
 * Creates an ephemeral under a name that others may take, too; undefined where another one has it. Its parent must be
 * there. Throws the fault `sessionLost` where the session ends first.
 */
export async function createOwned(
  client: RecipeClient,
  session: RecipeSession,
  { path, data }: { readonly path: string; readonly data: Uint8Array },
): Promise<Created | undefined> {
  for (;;) {
    mustLive(client, session);
    try {
      return await client.create(path, { mode: "ephemeral", data });
    } catch (error) {
      // Taken, or nobody knows: then it is looked whose it is.
      const isTaken = isKeeperError(error, "nodeExists");
      if (!isTaken && !isTransient(error)) throw error;
      if (isTaken) return undefined;
      await persevere(client, async () => await client.sync(path));
      const stat = await persevere(client, async () => await client.exists(path));
      if (stat !== undefined) return stat.ephemeralOwner === session.id ? { path, stat } : undefined;
    }
  }
}

async function findProtected(
  client: RecipeClient,
  session: RecipeSession,
  { parent, prefix }: ProtectedCreate,
): Promise<Created | undefined> {
  try {
    await persevere(client, async () => await client.sync(parent));
    const { names } = await persevere(client, async () => await client.children(parent));
    const name = names.find((one) => one.startsWith(prefix));
    if (name === undefined) return undefined;
    const path = childOf(parent, name);
    const stat = await persevere(client, async () => await client.exists(path));
    return stat?.ephemeralOwner === session.id ? { path, stat } : undefined;
  } catch (error) {
    // Nothing is there: undefined says so.
    if (isKeeperError(error, "noNode")) return undefined;
    throw error;
  }
}

function mustLive(client: RecipeClient, session: RecipeSession): void {
  if (session.lost.aborted || client.session !== session) {
    throw new RecipeError("sessionLost", "the session is over");
  }
}
