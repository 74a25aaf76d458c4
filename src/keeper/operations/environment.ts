/** What `envi` and the command environment tell. Source: ZooKeeper Environment, without what is Java's. */
import { FOUR_LETTER_WORDS_DEFAULT } from "../../base/four-letter-words.ts";
import { versionText } from "./monitor.ts";
import type { Report } from "./report.ts";

/** By name, the version first: clients look for it in what their first read brings. */
export function environment({ status }: Report): Readonly<Record<string, string>> {
  return {
    "zookeeper.version": versionText(),
    "host.name": `${status.ensemble}/${status.sid}`,
    "os.name": "workerd",
  };
}

/** What the command system_properties tells: settings, under the names of ZooKeeper's system properties. */
export function systemProperties({ config }: Report): Readonly<Record<string, string>> {
  const words = config.fourLetterWords ?? FOUR_LETTER_WORDS_DEFAULT;
  return {
    "zookeeper.4lw.commands.whitelist": words.join(","),
    "zookeeper.maxCnxns": String(config.bounds.maxConnections),
  };
}
