/** The part of a door's context that no turn changes. */
import type { DoorContext } from "./door-context.ts";
import type { KeeperParts } from "./keeper-input.ts";
import { parkingSettings } from "./parking.ts";
import { makeSession, negotiateTimeout } from "./session-terms.ts";

/** What the shell has set. */
export type DoorSettings = Pick<
  DoorContext,
  "tree" | "auth" | "origin" | "negotiateTimeout" | "makeSession" | "bounds" | "isAudited" | "parking"
>;

/** What the shell has handed in for a door. */
export function doorSettings(parts: KeeperParts): DoorSettings {
  const { config, start, tree, auth } = parts;
  return {
    tree,
    auth,
    origin: { sid: config.sid, instance: start.instance },
    negotiateTimeout: (askedMs) => negotiateTimeout(askedMs, config),
    makeSession: (entropy) => makeSession(config.sid, entropy),
    bounds: config.bounds,
    isAudited: config.isAudited ?? false,
    parking: parkingSettings(parts),
  };
}
