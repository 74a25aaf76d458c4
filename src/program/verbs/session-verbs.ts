/** Verbs that make sense in a session that stays: logins, watches and ephemerals, as zkCli has them. */
import { Option } from "commander";

import type { VerbHost } from "./verb-host.ts";

/** Adds them. */
export function addSessionVerbs(host: VerbHost): void {
  host
    .command("addauth")
    .description("log in, as digest with USER:PASSWORD, say")
    .argument("<scheme>", "the kind of credential, such as digest")
    .argument("[auth]", "the credential, such as USER:PASSWORD")
    .action(async (scheme: string, auth: string | undefined, flags: object) => {
      await host.run(flags, async ({ client }) => await client.addAuth(scheme, auth ?? ""));
    });
  host
    .command("addWatch")
    .description("tell every change of a znode from now on")
    .argument("<path>", "the znode, there or not")
    .addOption(
      new Option("-m, --mode <mode>", "of it alone, or of all below it as well")
        .choices(["PERSISTENT", "PERSISTENT_RECURSIVE"])
        .default("PERSISTENT_RECURSIVE"),
    )
    .action(async (path: string, flags: { readonly mode: string }) => {
      await host.run(flags, async ({ client, onWatch }) => {
        await client.addWatch(path, onWatch, { recursive: flags.mode === "PERSISTENT_RECURSIVE" });
      });
    });
  host
    .command("removewatches")
    .description("tell no more of a znode")
    .argument("<path>", "the znode")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client }) => await client.removeWatches(path));
    });
  host
    .command("getEphemerals")
    .description("list the ephemerals of this session")
    .argument("[path]", "below this path", "/")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const paths = await client.ephemerals(path);
        output.print({ paths }, paths);
      });
    });
  host
    .command("config")
    .description("show who is in the ensemble")
    .action(async (flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const { text, ...config } = await client.config();
        output.print(config, text.split("\n"));
      });
    });
}
