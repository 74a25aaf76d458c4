/** What a Worker's configuration must have so that there is an ensemble in it. */
import { readWorkerConfig } from "../../cli/worker-config.ts";
import { ProgramError } from "../exit-code.ts";
import { ownFile } from "../own-file.ts";

/** A wrangler configuration, as parsed from TOML or JSON. */
export type ConfigTable = Readonly<Record<string, unknown>>;

/** A binding of a Durable Object. */
export interface ObjectBinding {
  readonly name: string;
  readonly class_name: string;
}

/** What is missing of a configuration. */
export interface Pieces {
  /** undefined where it is late enough. */
  readonly compatibilityDate: string | undefined;
  readonly compatibilityFlags: readonly string[];
  readonly bindings: readonly ObjectBinding[];
  /** undefined where migrations have made the classes. */
  readonly migration: { readonly tag: string; readonly new_sqlite_classes: readonly string[] } | undefined;
  readonly vars: Readonly<Record<string, string>>;
}

/** One voter, which may become more by reconfig: what it takes is in the variables from the start. */
const VARS = { VOTERS: "1", RECONFIG_ENABLED: "1" } as const;

/** It makes our timers cheaper, and changes what those of a Worker's own code are: that is not ours to choose. */
const FLAG_OF_OURS = "no_nodejs_global_timers";

/** What every Worker needs that has an ensemble in it: as our own says it. */
function needed(): Pick<Pieces, "compatibilityFlags" | "bindings"> & { readonly compatibilityDate: string } {
  const file = ownFile("wrangler.toml");
  if (file === undefined) throw new ProgramError("the package has lost its wrangler.toml: install it anew");
  const { compatibilityDate, compatibilityFlags, durableObjects } = readWorkerConfig(file);
  const bindings = durableObjects.map(({ name, className }) => ({ name, class_name: className }));
  const flags = compatibilityFlags.filter((flag) => flag !== FLAG_OF_OURS);
  return { compatibilityDate, compatibilityFlags: flags, bindings };
}

/** What is missing of a configuration; all of it of an empty one. Throws ProgramError where something is in the way. */
export function missingPieces(table: ConfigTable): Pieces {
  const { compatibilityDate, compatibilityFlags, bindings } = needed();
  const present = listOf(tableOf(table, "durable_objects"), "bindings").map(
    (one) => one as Partial<ObjectBinding>,
  );
  for (const { name, class_name: wanted } of bindings) {
    const other = present.find((one) => one.name === name && one.class_name !== wanted);
    if (other === undefined) continue;
    throw new ProgramError(
      `the binding ${name} leads to ${String(other.class_name)}, and the ensemble needs that name: rename yours`,
    );
  }
  const migrations = listOf(table, "migrations").map(
    (one) => one as { readonly new_sqlite_classes?: unknown },
  );
  const made = migrations.flatMap((one) => listOf(one, "new_sqlite_classes"));
  const classes = bindings.map((one) => one.class_name).filter((name) => !made.includes(name));
  const flags = listOf(table, "compatibility_flags");
  const vars = tableOf(table, "vars");
  const date = table["compatibility_date"];
  const isLateEnough = typeof date === "string" && date >= compatibilityDate;
  return {
    compatibilityDate: isLateEnough ? undefined : compatibilityDate,
    compatibilityFlags: compatibilityFlags.filter((flag) => !flags.includes(flag)),
    bindings: bindings.filter(({ name }) => !present.some((one) => one.name === name)),
    migration:
      classes.length === 0
        ? undefined
        : { tag: migrations.length === 0 ? "v1" : "edgekeeper-v1", new_sqlite_classes: classes },
    vars: Object.fromEntries(Object.entries(VARS).filter(([name]) => vars[name] === undefined)),
  };
}

/** Whether nothing is missing. */
export function isComplete(pieces: Pieces): boolean {
  const { compatibilityDate, compatibilityFlags, bindings, migration, vars } = pieces;
  const isOld = compatibilityDate !== undefined || migration !== undefined;
  return !isOld && compatibilityFlags.length + bindings.length + Object.keys(vars).length === 0;
}

/** The configuration with the pieces in it. */
export function withPieces(table: ConfigTable, pieces: Pieces): ConfigTable {
  const { compatibilityDate, compatibilityFlags, bindings, migration, vars } = pieces;
  const objects = tableOf(table, "durable_objects");
  return {
    ...table,
    ...(compatibilityDate === undefined ? {} : { compatibility_date: compatibilityDate }),
    compatibility_flags: [...listOf(table, "compatibility_flags"), ...compatibilityFlags],
    durable_objects: { ...objects, bindings: [...listOf(objects, "bindings"), ...bindings] },
    migrations: [...listOf(table, "migrations"), ...(migration === undefined ? [] : [migration])],
    vars: { ...tableOf(table, "vars"), ...vars },
  };
}

function tableOf(table: ConfigTable, key: string): ConfigTable {
  const value = table[key] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value as ConfigTable;
  throw new ProgramError(`"${key}" of the configuration must be a table`);
}

function listOf(table: object, key: string): readonly unknown[] {
  const value: unknown = (table as ConfigTable)[key] ?? [];
  if (Array.isArray(value)) return value;
  throw new ProgramError(`"${key}" of the configuration must be a list`);
}
