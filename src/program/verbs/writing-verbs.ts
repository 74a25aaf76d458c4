/** Verbs that write: create, set, delete, deleteall, setAcl and sync, as zkCli has them. */
import { Option } from "commander";

import { childOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import type { CreateMode } from "../../client/options.ts";
import { usageError } from "../exit-code.ts";
import { readBytes } from "../files.ts";
import { durationMs, wholeNumber } from "../option-values.ts";
import { aclText, readAcl, statDocument, statLines } from "../znode-text.ts";
import type { VerbHost } from "./verb-host.ts";

const VERSION_MAX = 2_147_483_647;

const versionOption = (): Option =>
  new Option("-v, --version <n>", "only if it has this version").argParser(wholeNumber(-1, VERSION_MAX));

interface CreateFlags {
  readonly sequential?: boolean | undefined;
  readonly ephemeral?: boolean | undefined;
  readonly container?: boolean | undefined;
  readonly ttl?: number | undefined;
  readonly parents?: boolean | undefined;
  readonly file?: string | undefined;
}

/** Adds them. */
export function addWritingVerbs(host: VerbHost): void {
  addCreate(host);
  addSet(host);
  addSetAcl(host);
  host
    .command("delete")
    .description("delete a znode that has no children")
    .argument("<path>", "the znode")
    .addOption(versionOption())
    .action(async (path: string, flags: { readonly version?: number | undefined }) => {
      await host.run(flags, async ({ client, output }) => {
        await client.delete(path, { version: flags.version });
        output.print({ deleted: path }, []);
      });
    });
  host
    .command("deleteall")
    .description("delete a znode and all below it, one by one: it is no transaction")
    .argument("<path>", "the znode")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        await client.delete(path, { recursive: true });
        output.print({ deleted: path }, []);
      });
    });
  host
    .command("sync")
    .description("wait until the replica has all that was acknowledged to anybody before")
    .argument("[path]", "the znode", "/")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        await client.sync(path);
        output.print({ synced: path, zxid: client.lastZxid }, []);
      });
    });
}

function addCreate(host: VerbHost): void {
  const create = host
    .command("create")
    .description("create a znode; prints its path")
    .argument("<path>", "the znode")
    .argument("[data]", "its data")
    .argument("[acl]", "its access control list, SCHEME:ID:PERMS and so on (default: world:anyone:cdrwa)")
    .option("-s, --sequential", "with a number behind its name")
    .option("-c, --container", "it goes with its last child")
    .option("-t, --ttl <time>", "it goes when it was not changed for so long, such as 10s", durationMs)
    .option("-p, --parents", "make what is missing above it")
    .option("--file <file>", "its data from a file, - for the standard input");
  if (host.isShell) create.option("-e, --ephemeral", "it goes with this session");
  create.action(
    async (path: string, data: string | undefined, acl: string | undefined, flags: CreateFlags) => {
      const bytes = await dataGiven(data, flags.file);
      await host.run(flags, async ({ client, output }) => {
        const { path: made, stat } = await client.create(path, bytes, {
          mode: modeOf(flags),
          sequential: flags.sequential,
          ttlMs: flags.ttl,
          parents: flags.parents === true ? "persistent" : undefined,
          ...(acl === undefined ? {} : { acl: readAcl(acl) }),
        });
        output.print({ path: made, stat: statDocument(stat) }, host.isShell ? `Created ${made}` : made);
      });
    },
  );
}

function addSet(host: VerbHost): void {
  host
    .command("set")
    .description("replace the data of a znode")
    .argument("<path>", "the znode")
    .argument("[data]", "its data")
    .option("-s, --stat", "show its Stat afterwards")
    .addOption(versionOption())
    .option("--file <file>", "its data from a file, - for the standard input")
    .action(
      async (
        path: string,
        data: string | undefined,
        flags: { readonly stat?: boolean; readonly version?: number; readonly file?: string },
      ) => {
        const bytes = await dataGiven(data, flags.file);
        if (bytes === undefined) throw usageError("say the data behind the path, or --file");
        await host.run(flags, async ({ client, output }) => {
          const stat = await client.set(path, bytes, { version: flags.version });
          output.print({ path, stat: statDocument(stat) }, flags.stat === true ? statLines(stat) : []);
        });
      },
    );
}

function addSetAcl(host: VerbHost): void {
  type Flags = { readonly version?: number | undefined; readonly recursive?: boolean | undefined };
  host
    .command("setAcl")
    .description("replace the access control list of a znode")
    .argument("<path>", "the znode")
    .argument("<acl>", "SCHEME:ID:PERMS, and more behind commas; PERMS are some of cdrwa")
    .option("-R, --recursive", "of all below it as well, one by one")
    .addOption(versionOption())
    .action(async (path: string, text: string, flags: Flags) => {
      const acl = readAcl(text);
      await host.run(flags, async ({ client, output }) => {
        const paths = flags.recursive === true ? await subtree(client, path) : [path];
        for (const one of paths) await client.setAcl(one, acl, { version: flags.version });
        output.print({ path, acl, count: paths.length }, host.isShell ? aclText(acl) : []);
      });
    });
}

async function subtree(client: Client, path: string): Promise<readonly string[]> {
  const below: string[] = [];
  for (const name of await client.children(path)) below.push(...(await subtree(client, childOf(path, name))));
  return [path, ...below];
}

function modeOf({ ephemeral, container, ttl }: CreateFlags): CreateMode {
  const asked = [ephemeral === true, container === true, ttl !== undefined].filter(Boolean);
  if (asked.length > 1) throw usageError("a znode is ephemeral, a container or has a TTL: say one of these");
  if (ephemeral === true) return "ephemeral";
  if (container === true) return "container";
  return ttl === undefined ? "persistent" : "ttl";
}

async function dataGiven(
  text: string | undefined,
  file: string | undefined,
): Promise<Uint8Array | undefined> {
  if (text !== undefined && file !== undefined)
    throw usageError("the data come from the command line or from --file");
  if (file !== undefined) return await readBytes(file);
  return text === undefined ? undefined : new TextEncoder().encode(text);
}
