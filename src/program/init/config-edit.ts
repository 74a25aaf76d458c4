/**
 * Puts the pieces into a wrangler.toml or a wrangler.jsonc as text, so that comments and order stay. What comes out is
 * parsed and compared with what was meant, before anybody writes it.
 */
import { isDeepStrictEqual } from "node:util";

import { applyEdits, type JSONPath, modify, parse as parseJson, type ParseError } from "jsonc-parser";
import { parse as parseToml } from "smol-toml";

import { ProgramError } from "../exit-code.ts";
import { type ConfigTable, type Pieces, withPieces } from "./pieces.ts";

/** The languages that wrangler reads. */
export type ConfigLanguage = "toml" | "json";

/** Reads a configuration. Throws ProgramError where it is not of its language. */
export function parseConfig(text: string, language: ConfigLanguage): ConfigTable {
  if (language === "toml") {
    try {
      return parseToml(text);
    } catch (error) {
      throw new ProgramError(`the configuration is no TOML: ${String(error)}`, { cause: error });
    }
  }
  const errors: ParseError[] = [];
  const value: unknown = parseJson(text, errors, { allowTrailingComma: true });
  if (errors.length === 0 && typeof value === "object" && value !== null) return value as ConfigTable;
  throw new ProgramError("the configuration is no JSON");
}

/** The text with the pieces in it. Throws ProgramError where it is written in a way that this cannot add to. */
export function editedConfig(text: string, language: ConfigLanguage, pieces: Pieces): string {
  const table = parseConfig(text, language);
  const edited = language === "toml" ? editedToml(text, pieces) : editedJson(text, table, pieces);
  if (isMeant(edited, language, withPieces(table, pieces))) return edited;
  throw new ProgramError(
    "the configuration is written in a way that is not added to by itself: init --print shows what is to be added",
  );
}

function isMeant(text: string, language: ConfigLanguage, meant: ConfigTable): boolean {
  const plain = (table: ConfigTable): unknown => {
    // An empty list, or table, and none are the same.
    return JSON.parse(JSON.stringify(table, (_, value: unknown) => (isEmpty(value) ? undefined : value)));
  };
  try {
    return isDeepStrictEqual(plain(parseConfig(text, language)), plain(meant));
  } catch (error) {
    // What came out is not of the language: it is not what was meant.
    if (error instanceof ProgramError) return false;
    throw error;
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The pieces as TOML: keys of the top level, variables, and tables that may stand at the end. */
export function tomlPieces(pieces: Pieces): {
  readonly top: string[];
  readonly vars: string[];
  readonly tables: string;
} {
  const { compatibilityDate, compatibilityFlags, bindings, migration, vars } = pieces;
  const text = (value: unknown): string => JSON.stringify(value);
  const tables = [
    ...bindings.map(
      (one) =>
        `\n[[durable_objects.bindings]]\nname = ${text(one.name)}\nclass_name = ${text(one.class_name)}\n`,
    ),
    ...(migration === undefined
      ? []
      : [
          `\n[[migrations]]\ntag = ${text(migration.tag)}\n` +
            `new_sqlite_classes = [${migration.new_sqlite_classes.map(text).join(", ")}]\n`,
        ]),
  ];
  return {
    top: [
      ...(compatibilityDate === undefined ? [] : [`compatibility_date = ${text(compatibilityDate)}`]),
      ...(compatibilityFlags.length === 0
        ? []
        : [`compatibility_flags = [${compatibilityFlags.map(text).join(", ")}]`]),
    ],
    vars: Object.entries(vars).map(([name, value]) => `${name} = ${text(value)}`),
    tables: tables.join(""),
  };
}

function editedToml(text: string, pieces: Pieces): string {
  const { top, vars, tables } = tomlPieces(pieces);
  let edited = text.endsWith("\n") || text === "" ? text : `${text}\n`;
  for (const line of top) edited = withTopLine(edited, line);
  if (vars.length > 0) {
    const block = `${vars.join("\n")}\n`;
    edited = /^\[vars\][^\S\n]*(#.*)?$/m.test(edited)
      ? edited.replace(/^\[vars\].*\n/m, (header) => `${header}${block}`)
      : `${edited}\n[vars]\n${block}`;
  }
  return edited + tables;
}

/** Sets a key of the top level; a list gets what it lacks. */
function withTopLine(text: string, line: string): string {
  const [key = "", value = ""] = line.split(" = ");
  const end = /^\s*\[/m.exec(text)?.index ?? text.length;
  const head = text.slice(0, end);
  const present = new RegExp(`^${key}\\s*=\\s*(.*?)\\s*$`, "m").exec(head);
  if (present === null)
    return `${head.replace(/\n*$/, "\n")}${line}\n${end === text.length ? "" : "\n"}${text.slice(end)}`;
  const [whole, old = ""] = present;
  const list = /^\[(.*)\]$/.exec(old)?.[1];
  const joined =
    list === undefined
      ? line
      : `${key} = [${[list.trim(), value.slice(1, -1)].filter((one) => one !== "").join(", ")}]`;
  return head.replace(whole, () => joined) + text.slice(end);
}

function editedJson(text: string, table: ConfigTable, pieces: Pieces): string {
  const { compatibilityDate, compatibilityFlags, bindings, migration, vars } = pieces;
  const isIndented = /^\{\s*\n(\s+)/.exec(text)?.[1] ?? "  ";
  const formattingOptions = { insertSpaces: !isIndented.startsWith("\t"), tabSize: isIndented.length };
  let edited = text;
  const put = (path: JSONPath, value: unknown, isArrayInsertion = false): void => {
    edited = applyEdits(edited, modify(edited, path, value, { formattingOptions, isArrayInsertion }));
  };
  const append = (path: JSONPath, has: boolean, values: readonly unknown[]): void => {
    if (values.length === 0) return;
    if (!has) put(path, values);
    else for (const value of values) put([...path, -1], value, true);
  };
  if (compatibilityDate !== undefined) put(["compatibility_date"], compatibilityDate);
  append(["compatibility_flags"], table["compatibility_flags"] !== undefined, compatibilityFlags);
  const objects = table["durable_objects"] as { readonly bindings?: unknown } | undefined;
  append(["durable_objects", "bindings"], objects?.bindings !== undefined, bindings);
  append(["migrations"], table["migrations"] !== undefined, migration === undefined ? [] : [migration]);
  for (const [name, value] of Object.entries(vars)) put(["vars", name], value);
  return edited;
}
