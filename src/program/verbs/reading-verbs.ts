/** Verbs that read: ls, get, stat, getAcl and their like, as zkCli has them. */
import { childOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NoNodeError } from "../../client/errors.ts";
import { aclText, dataText, statDocument, statLines, znodeDocument } from "../znode-text.ts";
import { AS_OF, printPast, printPastChildren } from "../past.ts";
import type { VerbHost } from "./verb-host.ts";

interface ReadFlags {
  readonly stat?: boolean | undefined;
  readonly watch?: boolean | undefined;
}

/** Adds them. */
export function addReadingVerbs(host: VerbHost): void {
  addLs(host);
  addGet(host);
  const stat = host.command("stat").description("show what is known of a znode beside its data");
  withWatch(host, stat.argument("<path>", "the znode")).action(async (path: string, flags: ReadFlags) => {
    await host.run(flags, async ({ client, output, onWatch }) => {
      const found = await client.exists(path, { watch: flags.watch === true ? onWatch : undefined });
      if (found === undefined) throw new NoNodeError({ path });
      output.print({ path, stat: statDocument(found) }, statLines(found));
    });
  });
  host
    .command("getAcl")
    .description("show the access control list of a znode")
    .argument("<path>", "the znode")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const { acl, stat: found } = await client.getAcl(path);
        output.print({ path, acl, aversion: found.aversion }, aclText(acl).split(","));
      });
    });
  host
    .command("getAllChildrenNumber")
    .description("count the znodes below a path, at any depth")
    .argument("<path>", "the znode")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const count = await client.descendantCount(path);
        output.print({ path, count }, String(count));
      });
    });
  host
    .command("whoami")
    .description("show what the session has proven to be")
    .action(async (flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const identities = await client.whoAmI();
        output.print(
          { identities },
          identities.map(({ scheme, id }) => `${scheme}: ${id}`),
        );
      });
    });
}

function withWatch(host: VerbHost, command: ReturnType<VerbHost["command"]>): typeof command {
  return host.isShell ? command.option("-w, --watch", "tell the next change") : command;
}

function addLs(host: VerbHost): void {
  const ls = host
    .command("ls")
    .description("list the children of a znode")
    .argument("[path]", "the znode", "/")
    .option("-s, --stat", "show its Stat, too")
    .option("-R, --recursive", "all below it, the znode itself first");
  if (!host.isShell) ls.option("--as-of <moment>", AS_OF);
  type Flags = ReadFlags & { readonly recursive?: boolean | undefined; readonly asOf?: string | undefined };
  withWatch(host, ls).action(async (path: string, flags: Flags) => {
    if (flags.asOf !== undefined) return await printPastChildren(path, flags.asOf, flags);
    await host.run(flags, async ({ client, output, onWatch }) => {
      if (flags.recursive === true) {
        const paths = await allBelow(client, path);
        output.print({ path, paths }, paths);
        return;
      }
      const watch = flags.watch === true ? onWatch : undefined;
      const { children, stat } = await client.childrenAndStat(path, { watch });
      const more = flags.stat === true;
      output.print(
        { path, children, ...(more ? { stat: statDocument(stat) } : {}) },
        host.isShell
          ? [`[${children.join(", ")}]`, ...(more ? statLines(stat) : [])]
          : [...children, ...(more ? statLines(stat) : [])],
      );
    });
  });
}

function addGet(host: VerbHost): void {
  const get = host
    .command("get")
    .description("show the data of a znode")
    .argument("<path>", "the znode")
    .option("-s, --stat", "show its Stat, too");
  if (!host.isShell) {
    get.option("--raw", "its bytes as they are, and no newline").option("--as-of <moment>", AS_OF);
  }
  type Flags = ReadFlags & { readonly raw?: boolean | undefined; readonly asOf?: string | undefined };
  withWatch(host, get).action(async (path: string, flags: Flags) => {
    if (flags.asOf !== undefined) return await printPast(path, flags.asOf, flags);
    await host.run(flags, async ({ client, output, onWatch }) => {
      const znode = await client.get(path, { watch: flags.watch === true ? onWatch : undefined });
      if (flags.raw === true) {
        process.stdout.write(znode.data ?? new Uint8Array(0));
        return;
      }
      const more = flags.stat === true ? statLines(znode.stat) : [];
      output.print(znodeDocument(znode), [dataText(znode.data), ...more]);
    });
  });
}

/** The paths of a subtree in their order, its root first; what goes meanwhile is left out. */
async function allBelow(client: Client, path: string): Promise<readonly string[]> {
  const paths: string[] = [];
  const visit = async (at: string): Promise<void> => {
    paths.push(at);
    let children: readonly string[];
    try {
      children = await client.children(at);
    } catch (error) {
      // It went while the tree was walked.
      if (error instanceof NoNodeError && at !== path) return;
      throw error;
    }
    for (const name of children) await visit(childOf(at, name));
  };
  await visit(path);
  return paths;
}
