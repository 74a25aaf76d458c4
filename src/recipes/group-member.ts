/**
 * GroupMember: membership in a group by an id, and sight of who else is in it.
 *
 * What can go wrong, and what happens then:
 * - The member dies: it is gone from the group when its session is over, and the others see that.
 * - Its session ends: it is made a member again in the next one.
 * - Its connection is lost: who is in the group is as it was seen last, until there is a connection.
 * - Two processes take the same id: the second waits until the first is gone.
 *
 * Znodes: PATH (container) / ID (ephemeral, its data the payload). Source: Curator GroupMember.
 */
import { childOf, nameOf } from "../base/path.ts";
import { PathChildrenCache } from "./path-children-cache.ts";
import { NO_DATA } from "./perseverance.ts";
import { PersistentNode } from "./persistent-node.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** Who takes part. */
export interface GroupMemberSettings {
  readonly id: string;
  /** What the others see of it. */
  readonly payload?: Uint8Array | undefined;
}

/** See the file's comment. */
export class GroupMember {
  readonly #id: string;
  readonly #node: PersistentNode;
  readonly #cache: PathChildrenCache;

  constructor(client: RecipeClient, path: string, { id, payload = NO_DATA }: GroupMemberSettings) {
    this.#id = id;
    this.#node = new PersistentNode(client, { path: childOf(path, id), data: payload });
    this.#cache = new PathChildrenCache(client, path);
  }

  /** Joins; resolves when it is a member, and has seen the others. Once. */
  async start(): Promise<this> {
    this.#node.start();
    await Promise.all([this.#node.created, this.#cache.start()]);
    return this;
  }

  /** What each member shows, by its id; this one is always among them. */
  get currentMembers(): ReadonlyMap<string, Uint8Array | null> {
    const others = this.#cache.currentData.map(({ path, data }) => [nameOf(path), data] as const);
    return new Map([[this.#id, this.#node.data], ...others]);
  }

  /** Calls the listener when a member comes, goes, or shows something else. */
  onChange(listener: () => void): () => void {
    return this.#cache.onEvent(() => listener());
  }

  /** What the others are to see from now on. */
  async setThisData(payload: Uint8Array): Promise<void> {
    await this.#node.setData(payload);
  }

  /** Leaves. */
  async close(): Promise<void> {
    await this.#cache.close();
    await this.#node.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
