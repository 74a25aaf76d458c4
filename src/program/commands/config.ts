/** `edgekeeper config`: configuration documents, JSON with versions and a history, as the HTTP API has them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Command } from "commander";

import { BadVersionError, NoNodeError, NodeExistsError } from "../../client/errors.ts";
import type { ConfigDocument, HttpConfig } from "../../client/http/http-config.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { readText } from "../files.ts";
import { columns, Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";

interface GetOptions extends ReachOptions {
  readonly revision?: string | undefined;
}

interface SetOptions extends ReachOptions {
  readonly file?: string | undefined;
  readonly create?: boolean | undefined;
}

/** Adds the command to the program. */
export function addConfigCommand(program: Command): void {
  const config = program
    .command("config")
    .summary("read and write configuration documents")
    .description("Read and write configuration documents: JSON with versions, a history and maybe a schema.");
  const named = (name: string): Command =>
    withReach(config.command(name).argument("<name>", "the document; NAME is the znode /config/NAME"));
  named("get")
    .description("print a document")
    .option("--revision <digits>", "as it was at this revision, as history shows it")
    .action(get);
  named("set")
    .description("replace a document; a schema that it has must be satisfied")
    .argument("[json]", "what it is to be")
    .option("--file <file>", "read that from a file, - for the standard input")
    .option("--create", "only if there is none yet")
    .action(set);
  named("edit")
    .description("change a document in $VISUAL or $EDITOR; nothing is lost where somebody else was quicker")
    .action(edit);
  named("history").description("list what a document was, the latest first").action(history);
}

async function documentNamed(name: string, options: ReachOptions): Promise<HttpConfig> {
  return (await Reach.of(options)).http().config(name);
}

async function get(name: string, options: GetOptions): Promise<void> {
  const document = await documentNamed(name, options);
  const { value, revision } =
    options.revision === undefined
      ? await document.get({ linearizable: true })
      : await document.at(options.revision);
  new Output(options).print({ name, revision, value }, pretty(value));
}

async function set(name: string, text: string | undefined, options: SetOptions): Promise<void> {
  if ((text === undefined) === (options.file === undefined)) throw usageError("say the JSON, or --file");
  const given = text ?? (await readText(options.file ?? "-"));
  const value = parsed(given);
  const document = await documentNamed(name, options);
  const revision = await document.set(value, { createOnly: options.create });
  new Output(options).print({ name, revision }, `revision ${revision}`);
}

async function history(name: string, options: ReachOptions): Promise<void> {
  const revisions = await (await documentNamed(name, options)).history();
  new Output(options).print(
    { name, revisions },
    columns(
      revisions.map(({ revision, version, writtenAt, current }) => {
        return [revision, `version ${version}`, writtenAt, current ? "current" : ""];
      }),
    ),
  );
}

async function edit(name: string, options: ReachOptions): Promise<void> {
  const document = await documentNamed(name, options);
  const output = new Output(options);
  const before = await present(document);
  const original = before === undefined ? "{}\n" : `${pretty(before.value)}\n`;
  const directory = await mkdtemp(join(tmpdir(), "edgekeeper-edit-"));
  const file = join(directory, `${name.replaceAll(/[^\w.-]/g, "_")}.json`);
  await writeFile(file, original, { mode: 0o600 });
  try {
    await openEditor(file);
    const text = await readFile(file, "utf8");
    if (text === original) {
      output.print({ name, changed: false }, "nothing was changed");
      await rm(directory, { recursive: true });
      return;
    }
    const value = parsed(text);
    const revision = await document.set(
      value,
      before === undefined ? { createOnly: true } : { same: before },
    );
    output.print({ name, changed: true, revision }, `revision ${revision}`);
    await rm(directory, { recursive: true });
  } catch (error) {
    const isLate = error instanceof BadVersionError || error instanceof NodeExistsError;
    const what = isLate ? "somebody else has changed it meanwhile" : reasonOf(error);
    throw new ProgramError(`${what}: nothing was written; what you made of it is in ${file}`, {
      cause: error,
    });
  }
}

async function present(document: HttpConfig): Promise<ConfigDocument | undefined> {
  try {
    return await document.get({ linearizable: true });
  } catch (error) {
    // There is none: that is the answer.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** Editors are named with their options, so the name is a line for a shell. */
async function openEditor(file: string): Promise<void> {
  const editor = process.env["VISUAL"] || process.env["EDITOR"] || "vi";
  const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new ProgramError(`${editor} ended with code ${String(code)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`that is no JSON: ${reasonOf(error)}`, error);
  }
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
