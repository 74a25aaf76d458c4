/** `edgekeeper init`: a Worker with an ensemble in it, new, or added to one that is there. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";

import type { Command } from "commander";

import { ProgramError } from "../exit-code.ts";
import { type ConfigLanguage, editedConfig, parseConfig, tomlPieces } from "../init/config-edit.ts";
import { isComplete, missingPieces, type Pieces, withPieces } from "../init/pieces.ts";
import { missingExport, scaffold } from "../init/scaffold.ts";
import { Output } from "../output.ts";
import { programVersion } from "../version.ts";

const ABOUT =
  "Make a Worker with an ensemble in it: of one voter, which may become more by reconfig. Where the directory has a " +
  "wrangler.toml or wrangler.jsonc already the ensemble is added to that Worker: to its configuration what is " +
  "missing, and to its main module the exports. It overwrites no file unless told to.";

/** As commander reads them. */
interface InitOptions {
  readonly name?: string | undefined;
  readonly print?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** What was written, and what is to be done next. */
interface Done {
  readonly written: readonly string[];
  readonly notes: readonly string[];
  readonly next: readonly string[];
}

/** In the order in which wrangler looks for them. */
const CONFIGS: readonly (readonly [string, ConfigLanguage])[] = [
  ["wrangler.json", "json"],
  ["wrangler.jsonc", "json"],
  ["wrangler.toml", "toml"],
];

/** Adds the command to the program. */
export function addInitCommand(program: Command): void {
  program
    .command("init")
    .summary("make a Worker with an ensemble in it")
    .description(ABOUT)
    .argument("[directory]", "where the Worker is, or is to be", ".")
    .option("--name <name>", "the name of a new Worker (default: the directory's)")
    .option("--print", "change nothing, and print what would be written or added")
    .option("--force", "overwrite the files of a new Worker that are there")
    .option("--json", "print JSON, for programs")
    .action(async (directory: string, options: InitOptions) => {
      const there = CONFIGS.find(([name]) => existsSync(join(directory, name)));
      const isNew = there === undefined || options.force === true;
      if (options.name !== undefined && !isNew) {
        throw new ProgramError(`${join(directory, there[0])} names the Worker: leave --name out`);
      }
      const done = isNew ? await make(resolve(directory), options) : await add(directory, there, options);
      const output = new Output(options);
      const { written, notes, next } = done;
      const wrote = options.print === true ? [] : written.map((file) => `wrote ${file}`);
      const lines = [
        ...wrote,
        ...notes,
        ...(next.length === 0 ? [] : ["next:", ...next.map((line) => `  ${line}`)]),
      ];
      output.print(done, lines);
    });
}

async function make(directory: string, { name, print, force }: InitOptions): Promise<Done> {
  const files = scaffold(workerName(name ?? basename(directory)), programVersion());
  const paths = [...files.keys()].map((file) => join(directory, file));
  const there = paths.filter((path) => existsSync(path));
  if (there.length > 0 && force !== true && print !== true) {
    throw new ProgramError(
      `${there.map(shown).join(", ")} ${there.length === 1 ? "is" : "are"} there already, and nothing was written: ` +
        "say another directory, or --force to overwrite",
    );
  }
  if (print === true) {
    return { written: [], notes: [...files].map(([file, text]) => `# ${file}\n${text}`), next: [] };
  }
  for (const [file, text] of files) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), text);
  }
  const enter = directory === resolve(".") ? [] : [`cd ${shown(directory)}`];
  return {
    written: paths.map(shown),
    notes: [],
    next: [
      ...enter,
      "npm install",
      "npx wrangler dev                            # http://127.0.0.1:8787/hello",
      "npx wrangler deploy",
      "npx wrangler secret put EDGEKEEPER_SECRET   # 16 characters at least; until then every door is shut",
    ],
  };
}

async function add(
  directory: string,
  [configName, language]: readonly [string, ConfigLanguage],
  { print }: InitOptions,
): Promise<Done> {
  const configFile = join(directory, configName);
  const text = await readFile(configFile, "utf8");
  const table = parseConfig(text, language);
  const pieces = missingPieces(table);
  const main = table["main"];
  if (typeof main !== "string")
    throw new ProgramError(`${configFile} names no main module, so nothing can export the objects`);
  const mainFile = join(directory, main);
  const code = await readMain(mainFile);
  const lacking = missingExport(code);
  if (print === true) {
    const shownPieces = isComplete(pieces) ? [] : [`# ${configFile}\n${piecesText(pieces, language)}`];
    return {
      written: [],
      notes: [...shownPieces, ...(lacking === undefined ? [] : [`// ${mainFile}\n${lacking}`])],
      next: [],
    };
  }
  const written: string[] = [];
  // Made before anything is written: where it cannot be, all stays as it is.
  const edited = editedConfig(text, language, pieces);
  if (edited !== text) {
    await writeFile(configFile, edited);
    written.push(shown(resolve(configFile)));
  }
  if (lacking !== undefined) {
    const addition = `// The objects of the ensemble, and what other Workers are bound to.\n${lacking}\n`;
    await writeFile(mainFile, `${code.replace(/\n*$/, "\n")}\n${addition}`);
    written.push(shown(resolve(mainFile)));
  }
  return {
    written,
    notes: [
      ...(written.length === 0 ? ["the ensemble is in this Worker already"] : []),
      ...(pieces.compatibilityDate === undefined || table["compatibility_date"] === undefined
        ? []
        : [
            `compatibility_date is ${pieces.compatibilityDate} now, which the ensemble needs: it was earlier`,
          ]),
      ...(table["env"] === undefined
        ? []
        : [
            "bindings and variables are not inherited by [env]: add them to each environment that is deployed",
          ]),
    ],
    next: [
      "npm install edgekeeper",
      `import { keeperOf } from "edgekeeper/worker", and in a handler:`,
      `  using lease = await keeperOf(ctx).lock("orders/42", { waitMs: 10_000 });`,
    ],
  };
}

async function readMain(file: string): Promise<string> {
  if (!/\.[cm]?[jt]sx?$/.test(file))
    throw new ProgramError(`${file} is no module of JavaScript or TypeScript`);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ProgramError(`the main module ${file} cannot be read: build it first, or mend "main"`, {
      cause: error,
    });
  }
}

function piecesText(pieces: Pieces, language: ConfigLanguage): string {
  if (language === "json") return JSON.stringify(withPieces({}, pieces), null, 2);
  const { top, vars, tables } = tomlPieces(pieces);
  return [...top, ...(vars.length === 0 ? [] : ["", "[vars]", ...vars]), tables.trimEnd()]
    .join("\n")
    .trimStart();
}

/** As people write it. */
function shown(path: string): string {
  return relative(".", path) || ".";
}

/** What Cloudflare takes for the name of a Worker. */
function workerName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, NAME_MAX);
  if (name === "") throw new ProgramError(`"${text}" is no name for a Worker: give --name`);
  return name;
}

const NAME_MAX = 63;
