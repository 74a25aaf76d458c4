/**
 * ShallowParty: kazoo's, a pool of those who take part, each with its identifier in its name: one list tells all.
 *
 * What can go wrong: what can with a Party, and the same happens. An identifier with a slash is refused by the
 * servers.
 *
 * Znodes: PATH (container) / 32HEX-IDENTIFIER (ephemeral). Source: kazoo recipe/party.py, ShallowParty.
 */
import { PartyMembership } from "./party-membership.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { uuidHex } from "./unique-name.ts";

/** See the file's comment. */
export class ShallowParty extends PartyMembership {
  constructor(client: RecipeClient, path: string, identifier = "") {
    super(client, path, { name: `${uuidHex(client)}-${identifier}`, identifier });
  }

  /** The identifiers of all, in no order. */
  async members(): Promise<readonly string[]> {
    return (await this.names()).map((name) => name.slice(name.indexOf("-") + 1));
  }
}
