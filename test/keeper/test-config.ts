/** What every replica of a made-up ensemble is configured with, unless its test is about that. */
import type { KeeperConfig } from "../../src/keeper/config.ts";

/** See the file's comment. */
export const TEST_CONFIG: Pick<
  KeeperConfig,
  "ensemble" | "clientAddresses" | "tickTimeMs" | "reconfigEnabled"
> = {
  ensemble: "main",
  clientAddresses: [],
  tickTimeMs: 2000,
  reconfigEnabled: true,
};
