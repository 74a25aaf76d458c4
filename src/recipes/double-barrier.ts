/**
 * DoubleBarrier: kazoo's name for the barrier through which members go together, in and out.
 *
 * What can go wrong: what can with a DistributedDoubleBarrier, with whose members it may be mixed, and the same
 * happens. kazoo's own members delete `ready` when the first of them leaves: one that had not seen it by then waits
 * for the next.
 *
 * Znodes: PATH (container) / 32HEX (ephemeral, its data the identifier), PATH/ready (persistent).
 * Source: kazoo recipe/barrier.py, DoubleBarrier.
 */
import { DistributedDoubleBarrier } from "./distributed-double-barrier.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { uuidHex } from "./unique-name.ts";

/** See the file's comment. */
export class DoubleBarrier extends DistributedDoubleBarrier {
  constructor(
    client: RecipeClient,
    path: string,
    settings: { readonly numClients: number; readonly identifier?: string },
  ) {
    const { numClients, identifier = "" } = settings;
    const data = new TextEncoder().encode(identifier);
    super(client, path, { memberCount: numClients, memberName: uuidHex(client), data });
  }
}
