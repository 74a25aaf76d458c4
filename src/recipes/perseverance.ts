/** What recipes do over lost connections: wait for a session, ask again, delete for certain, make parents. */
import { parentOf } from "../base/path.ts";
import type { Patience } from "./patience.ts";
import type { RecipeClient, RecipeClock, RecipeSession } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";

/** Between two attempts, in ms: a server that throttles is not asked again at once. */
const RETRY_PAUSE_MS = 20;

/** No bytes. */
export const NO_DATA: Uint8Array = new Uint8Array(0);

/** Waits until the client has a session that is not lost; throws the fault `closed` where it will never have one. */
export async function currentSession(client: RecipeClient, patience: Patience): Promise<RecipeSession> {
  for (;;) {
    const { session } = client;
    if (session !== undefined && !session.lost.aborted) return session;
    if (client.state === "closed") throw new RecipeError("closed", "the client is closed");
    await patience.of(stateChange(client));
  }
}

/** Resolves at the next change of the client's state. */
async function stateChange(client: RecipeClient): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = client.onState(() => {
      end();
      resolve();
    });
  });
}

/** Lets so much time pass. */
export async function pause(clock: RecipeClock, durationMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.later(durationMs, resolve);
  });
}

/**
 * Asks until there is an answer, over as many connections as that takes. For what may be done twice without harm:
 * reads, deletes of names that are one's own.
 */
export async function persevere<T>(client: RecipeClient, operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      // The connection was lost: it is asked again, below.
      if (!isTransient(error)) throw error;
    }
    await pause(client.clock, RETRY_PAUSE_MS);
  }
}

/** Deletes a znode that is nobody else's, however often the connection is lost; its absence is fine. */
export async function deleteSurely(client: RecipeClient, path: string): Promise<void> {
  try {
    await persevere(client, async () => await client.delete(path));
  } catch (error) {
    // It is gone, by whomever: all that is wanted.
    if (!isKeeperError(error, "noNode")) throw error;
  }
}

/** The same for what goes with its session: when that is over there is nothing more to do. */
export async function deleteEphemeral(
  client: RecipeClient,
  session: RecipeSession,
  path: string,
): Promise<void> {
  try {
    await persevere(client, async () => {
      // In a later session it could be another one's, under the same name.
      if (client.session === session) await client.delete(path);
    });
  } catch (error) {
    // It is gone, by itself or with its session.
    if (!isKeeperError(error, "noNode") && !isSessionOver(error, session)) throw error;
  }
}

/** Whether the error says, or the session itself, that the session is over. */
export function isSessionOver(error: unknown, session: RecipeSession): boolean {
  return session.lost.aborted || isKeeperError(error, "sessionExpired");
}

/** Makes the path and what lacks above it, as containers: they go by themselves when they have been emptied. */
export async function makeContainers(client: RecipeClient, path: string): Promise<void> {
  if (path === "/") return;
  try {
    await persevere(client, async () => await client.create(path, { mode: "container", data: NO_DATA }));
  } catch (error) {
    // It is there, or its parent lacks, which is made first.
    if (isKeeperError(error, "nodeExists")) return;
    if (!isKeeperError(error, "noNode")) throw error;
    await makeContainers(client, parentOf(path));
    await makeContainers(client, path);
  }
}

/** Runs it, and where a parent lacks makes that and runs it again. */
export async function withParents<T>(
  client: RecipeClient,
  path: string,
  operation: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      // A parent lacks: it is made below.
      if (!isKeeperError(error, "noNode")) throw error;
    }
    await makeContainers(client, parentOf(path));
  }
}

/**
 * Goes on with what nobody waits for any more. Its failure has no hearer: what fails here fails because the session
 * or the client is gone, and then what it was about is gone, too.
 */
export function inBackground(work: Promise<unknown>): void {
  work.catch(() => undefined);
}
