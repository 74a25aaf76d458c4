/**
 * Party: kazoo's, a pool of those who take part, each with an identifier in its data.
 *
 * What can go wrong, and what happens then:
 * - A member dies: it is gone when its session is over.
 * - A member's session ends: it is made a member again in the next one. (kazoo's has to join again.)
 *
 * Znodes: PATH (container) / 32HEX__party__ (ephemeral, its data the identifier). Source: kazoo recipe/party.py.
 */
import { childOf } from "../base/path.ts";
import { identifiersAt } from "./kazoo-lock.ts";
import { PartyMembership } from "./party-membership.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { uuidHex } from "./unique-name.ts";

const MARK = "__party__";

/** See the file's comment. */
export class Party extends PartyMembership {
  readonly #client: RecipeClient;
  readonly #path: string;

  constructor(client: RecipeClient, path: string, identifier = "") {
    super(client, path, { name: `${uuidHex(client)}${MARK}`, identifier });
    this.#client = client;
    this.#path = path;
  }

  /** The identifiers of all, in no order. */
  async members(): Promise<readonly string[]> {
    const names = (await this.names()).filter((name) => name.includes(MARK));
    return await identifiersAt(
      this.#client,
      names.map((name) => childOf(this.#path, name)),
    );
  }
}
