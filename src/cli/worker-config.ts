/**
 * The Worker as wrangler.toml describes it. `wrangler deploy` and the local starter read the same file, so
 * what runs on a laptop is what is deployed. A key that this reader does not know is an error and not
 * ignored: a binding that is silently missing would show only at its first use.
 */

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { parse } from "smol-toml";

import { StartError } from "./start-error.ts";

/** A Durable Object class of the Worker; every one of ours stores in SQLite. */
export interface DurableObjectBinding {
  readonly name: string;
  readonly className: string;
}

/** A binding from the Worker to an entrypoint of a Worker that runs here. */
export interface ServiceBinding {
  readonly name: string;
  /** The Worker's name. */
  readonly service: string;
  readonly entrypoint: string | undefined;
  /** What the entrypoint finds in `ctx.props`, as JSON. */
  readonly props: string | undefined;
}

/** What the starter needs to know of a Worker. Paths are absolute. */
export interface WorkerConfig {
  readonly name: string;
  readonly main: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly durableObjects: readonly DurableObjectBinding[];
  /** The classes that migrations created with SQLite storage. */
  readonly sqliteClasses: readonly string[];
  readonly services: readonly ServiceBinding[];
  /** The ports of the TCP doors, in the order of the file. */
  readonly tcpPorts: readonly number[];
  readonly vars: ReadonlyMap<string, string>;
  /** Whether functions and classes have the names of the source where the bundler would give them others. */
  readonly keepsNames: boolean;
}

/** Keys that matter to a deployment only. */
const DEPLOY_KEYS: ReadonlySet<string> = new Set([
  "$schema",
  "account_id",
  "dev",
  "env",
  "keep_vars",
  "limits",
  "observability",
  "placement",
  "preview_urls",
  "route",
  "routes",
  "send_metrics",
  "upload_source_maps",
  "workers_dev",
]);

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "name",
  "main",
  "compatibility_date",
  "compatibility_flags",
  "durable_objects",
  "migrations",
  "services",
  "connect",
  "keep_names",
  "vars",
]);

/**
 * Reads a wrangler.toml, which `option` names; `beside` are the names of other Workers that run here. Throws StartError
 * where it is missing, not TOML, or asks for what the starter cannot give.
 */
export function readWorkerConfig(
  path: string,
  beside: readonly string[] = [],
  option: "--config" | "--worker" = "--config",
): WorkerConfig {
  const file = resolve(path);
  const table = parseToml(file, option);
  for (const key of Object.keys(table)) {
    if (KNOWN_KEYS.has(key) || DEPLOY_KEYS.has(key)) continue;
    throw new StartError(
      `${file}: the local starter cannot give what "${key}" asks for: name a copy without it by ${option}, or run ` +
        "the Worker by wrangler dev.",
    );
  }
  const name = text(table["name"], `${file}: name`);
  const config: WorkerConfig = {
    name,
    main: resolve(dirname(file), text(table["main"], `${file}: main`)),
    compatibilityDate: text(table["compatibility_date"], `${file}: compatibility_date`),
    compatibilityFlags: texts(table["compatibility_flags"] ?? [], `${file}: compatibility_flags`),
    durableObjects: tables(table["durable_objects"] ?? {}, "bindings", file).map((entry) => ({
      name: text(entry["name"], `${file}: durable_objects.bindings.name`),
      className: text(entry["class_name"], `${file}: durable_objects.bindings.class_name`),
    })),
    sqliteClasses: tables(table, "migrations", file).flatMap((entry) => migratedClasses(entry, file)),
    services: tables(table, "services", file).map((entry) =>
      serviceBinding(entry, { names: [name, ...beside], file }),
    ),
    tcpPorts: tables(table, "connect", file).map((entry) => tcpPort(entry, file)),
    vars: varsOf(table["vars"] ?? {}, file),
    keepsNames: table["keep_names"] !== false,
  };
  for (const binding of config.durableObjects) {
    if (config.sqliteClasses.includes(binding.className)) continue;
    throw new StartError(`${file}: no migration lists ${binding.className} in new_sqlite_classes.`);
  }
  return config;
}

type Table = Readonly<Record<string, unknown>>;

function parseToml(file: string, option: string): Table {
  if (/\.jsonc?$/.test(file)) {
    throw new StartError(`${file}: ${option} takes a wrangler.toml; JSON is not read here.`);
  }
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    const isDirectory = error instanceof Error && "code" in error && error.code === "EISDIR";
    const remedy = isDirectory
      ? `it is a directory: ${option} ${join(file, "wrangler.toml")}`
      : `${option} takes the wrangler.toml of a Worker`;
    throw new StartError(`cannot read the Worker's configuration ${file}: ${remedy}.`, { cause: error });
  }
  try {
    return parse(source);
  } catch (error) {
    throw new StartError(`${file} is not valid TOML: ${String(error)}`, { cause: error });
  }
}

function migratedClasses(entry: Table, file: string): readonly string[] {
  for (const key of Object.keys(entry)) {
    if (key === "tag" || key === "new_sqlite_classes") continue;
    throw new StartError(`${file}: the local starter does not know the migration "${key}".`);
  }
  return texts(entry["new_sqlite_classes"] ?? [], `${file}: migrations.new_sqlite_classes`);
}

function serviceBinding(
  entry: Table,
  { names, file }: { readonly names: readonly string[]; readonly file: string },
): ServiceBinding {
  const service = text(entry["service"], `${file}: services.service`);
  if (!names.includes(service)) {
    throw new StartError(
      `${file}: the service ${service} is another Worker; the local starter runs ${names.join(", ")} alone.`,
    );
  }
  const { entrypoint, props } = entry;
  return {
    name: text(entry["binding"], `${file}: services.binding`),
    service,
    entrypoint: entrypoint === undefined ? undefined : text(entrypoint, `${file}: services.entrypoint`),
    props: props === undefined ? undefined : JSON.stringify(props),
  };
}

function tcpPort(entry: Table, file: string): number {
  if (entry["protocol"] !== "tcp")
    throw new StartError(`${file}: a connect entry must have protocol = "tcp".`);
  const port = entry["port"];
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StartError(`${file}: a connect entry needs a port from 1 to 65535, not ${String(port)}.`);
  }
  return port;
}

function varsOf(value: unknown, file: string): ReadonlyMap<string, string> {
  if (!isTable(value)) throw new StartError(`${file}: vars must be a table.`);
  return new Map(
    Object.entries(value).map(([name, entry]) => {
      if (typeof entry !== "string") throw new StartError(`${file}: vars.${name} must be a text, in quotes.`);
      return [name, entry];
    }),
  );
}

function tables(parent: unknown, key: string, file: string): readonly Table[] {
  const list = isTable(parent) ? (parent[key] ?? []) : parent;
  if (!Array.isArray(list) || !list.every(isTable))
    throw new StartError(`${file}: ${key} must be a list of tables.`);
  return list;
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "")
    throw new StartError(`${what} must be a text, and not empty.`);
  return value;
}

function texts(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value)) throw new StartError(`${what} must be a list of texts.`);
  return value.map((entry) => text(entry, what));
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
