/** What kazoo's two parties have in common: a znode of one's own among those of the others. */
import { childOf } from "../base/path.ts";
import { persevere } from "./perseverance.ts";
import { PersistentNode } from "./persistent-node.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";

/** See the file's comment. */
export class PartyMembership {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #name: string;
  readonly #data: Uint8Array;
  #node: PersistentNode | undefined;

  constructor(
    client: RecipeClient,
    path: string,
    { name, identifier }: { readonly name: string; readonly identifier: string },
  ) {
    this.#client = client;
    this.#path = path;
    this.#name = name;
    this.#data = new TextEncoder().encode(identifier);
  }

  /** Whether it has joined and not left. */
  get isParticipating(): boolean {
    return this.#node !== undefined;
  }

  /** Takes part; resolves when it is seen to. A second time changes nothing. */
  async join(): Promise<void> {
    this.#node ??= new PersistentNode(this.#client, {
      path: childOf(this.#path, this.#name),
      data: this.#data,
    }).start();
    await this.#node.created;
  }

  /** Takes part no more; whether it did. */
  async leave(): Promise<boolean> {
    const node = this.#node;
    this.#node = undefined;
    await node?.close();
    return node !== undefined;
  }

  /** How many take part. */
  async size(): Promise<number> {
    return (await this.names()).length;
  }

  /** The names of all znodes there, in no order. */
  protected async names(): Promise<readonly string[]> {
    try {
      return (await persevere(this.#client, async () => await this.#client.children(this.#path))).names;
    } catch (error) {
      // No znode, no members.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }
}
