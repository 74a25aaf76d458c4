/**
 * PersistentNode: a znode that is there as long as this object is, over lost connections and sessions.
 *
 * What can go wrong, and what happens then:
 * - The process dies: an ephemeral goes with its session; one of another mode stays.
 * - The session ends: the ephemeral goes, and is made again in the next session.
 * - Somebody deletes it: it is made again.
 * - An ephemeral of an older session stands at the path, this process's own before it was restarted, say: it is
 *   waited for to go, and then made anew, so that it never dies with a session that nobody keeps.
 * - The answer to a create is lost: it is looked for. A sequential one is found by its name.
 *
 * Znodes: PATH; with the mode `ephemeralSequential` DIRECTORY/_c_UUID-NAMENNNNNNNNNN. Parents are made as containers.
 * Source: Curator PersistentNode.
 */
import { nameOf, parentOf } from "../base/path.ts";
import { sameBytes } from "./compare-and-set.ts";
import { Latch } from "./latch.ts";
import { deleteEphemeral, deleteSurely, persevere, withParents } from "./perseverance.ts";
import { createProtected } from "./protected-create.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isClosed, isKeeperError, RecipeError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";
import { protectedPrefix } from "./unique-name.ts";

/** What is to be kept. */
export interface PersistentNodeSettings {
  readonly path: string;
  /** Default `ephemeral`. */
  readonly mode?: "ephemeral" | "ephemeralSequential" | "persistent" | "container" | "ttl" | undefined;
  readonly data: Uint8Array;
  /** For the mode `ttl`. */
  readonly ttlMs?: number | undefined;
  /** Whether it stays when the object is closed. Default false. */
  readonly staysWhenClosed?: boolean | undefined;
}

/** See the file's comment. */
export class PersistentNode {
  readonly #client: RecipeClient;
  readonly #settings: PersistentNodeSettings;
  readonly #created = new Latch();
  readonly #prefix: string;
  #upkeep: Upkeep | undefined;
  #data: Uint8Array;
  #actualPath: string | undefined;

  constructor(client: RecipeClient, settings: PersistentNodeSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#data = settings.data;
    this.#prefix = `${protectedPrefix(client)}${nameOf(settings.path)}`;
  }

  /** With the number, where it has one; undefined until it was made for the first time. */
  get actualPath(): string | undefined {
    return this.#actualPath;
  }

  get data(): Uint8Array {
    return this.#data;
  }

  /** Resolves when it was there for the first time. */
  get created(): Promise<void> {
    return this.#created.opened;
  }

  /** Begins. Once. */
  start(): this {
    if (this.#upkeep !== undefined)
      throw new RecipeError("misuse", "a node is started once: make another one");
    this.#upkeep = new Upkeep(this.#client, async () => await this.#look());
    return this;
  }

  /** What it is to hold from now on. Resolves when it does, if it is there; otherwise it is made so. */
  async setData(data: Uint8Array): Promise<void> {
    this.#data = data;
    const path = this.#actualPath;
    if (path === undefined) return;
    try {
      await persevere(this.#client, async () => await this.#client.set(path, data));
    } catch (error) {
      // It is made anew with these data.
      if (!isKeeperError(error, "noNode", "sessionExpired")) throw error;
    }
  }

  /** Keeps it no more, and deletes it unless it is to stay. */
  async close(): Promise<void> {
    await this.#upkeep?.stop();
    const path = this.#actualPath;
    if (path === undefined || this.#settings.staysWhenClosed === true) return;
    try {
      if (!this.#isEphemeral) return await deleteSurely(this.#client, path);
      const { session } = this.#client;
      const stat = await persevere(this.#client, async () => await this.#client.exists(path));
      if (session !== undefined && stat?.ephemeralOwner === session.id)
        await deleteEphemeral(this.#client, session, path);
    } catch (error) {
      // Where the session or the client is over there is nobody left to delete it: an ephemeral goes by itself.
      if (!isKeeperError(error, "sessionExpired") && !isClosed(error)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isEphemeral(): boolean {
    const { mode = "ephemeral" } = this.#settings;
    return mode === "ephemeral" || mode === "ephemeralSequential";
  }

  async #look(): Promise<void> {
    const { session } = this.#client;
    if (session === undefined || session.lost.aborted) return;
    const path = this.#actualPath;
    const ring = (): void => this.#upkeep?.ring();
    if (path !== undefined) {
      const stat = await this.#client.exists(path, ring);
      // One of a session that is over goes by itself, which rings.
      if (stat !== undefined) {
        if (!this.#isEphemeral || stat.ephemeralOwner === session.id) await this.#settled(path);
        return;
      }
    }
    if (this.#upkeep?.isStopped === true) return;
    try {
      this.#actualPath = await this.#create();
    } catch (error) {
      // Somebody else has made it: it is watched, and made anew when it goes.
      if (!isKeeperError(error, "nodeExists")) throw error;
      this.#actualPath = path ?? this.#settings.path;
    }
    ring();
  }

  async #create(): Promise<string> {
    const { mode = "ephemeral", ttlMs } = this.#settings;
    const session = this.#client.session;
    if (mode === "ephemeralSequential" && this.#actualPath === undefined && session !== undefined) {
      const parent = parentOf(this.#settings.path);
      const wanted = { parent, prefix: this.#prefix, mode, data: this.#data } as const;
      return (await createProtected(this.#client, session, wanted)).path;
    }
    // A sequential one that was there keeps its number.
    const path = this.#actualPath ?? this.#settings.path;
    const plain = mode === "ephemeralSequential" ? "ephemeral" : mode;
    const settings = { mode: plain, data: this.#data, ...(ttlMs === undefined ? {} : { ttlMs }) };
    await withParents(this.#client, path, async () => await this.#client.create(path, settings));
    return path;
  }

  /** It is there, and ours: its data must be, too. */
  async #settled(path: string): Promise<void> {
    const { data } = await this.#client.get(path);
    if (!sameBytes(data, this.#data)) await this.#client.set(path, this.#data);
    this.#created.open();
  }
}
