/**
 * `npm run token`: makes, lists and revokes tokens of an ensemble, over its HTTP API.
 */

import { parseArgs } from "node:util";

import { type Grant, grantText, readGrant } from "../base/grant.ts";
import { StartError } from "./start-error.ts";

const USAGE = `Makes, lists and revokes tokens of an Edgekeeper ensemble.

  npm run token -- create --name NAME --scope PERMISSIONS:/PREFIX [--scope ...] [--expires 30d]
  npm run token -- list
  npm run token -- revoke ID

  --scope TEXT        what its bearer may do: some of read,write,admin, a colon, and a path: it and all below it
  --expires TIME      it ends after so long: a number and s, m, h or d; without this when it is revoked
  --url URL           where the ensemble is (EDGEKEEPER_URL, or http://127.0.0.1:8787)
  --ensemble NAME     which one (main)
  --help, -h          this text

What to show the ensemble, its secret or a token with admin:/, is read from EDGEKEEPER_TOKEN. An ID is what list
shows, or the beginning of it, 8 digits at least.
`;

const ID_DIGITS_MIN = 8;

/** Digits of an id that a list shows: enough to name it. */
const ID_DIGITS_SHOWN = 16;

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

async function main(args: readonly string[]): Promise<number> {
  try {
    const { flags, words } = parse(args);
    if (flags.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    const [command, ...rest] = words;
    const api = new TokenApi(flags);
    if (command === "create" && rest.length === 0) await create(api, flags);
    else if (command === "list" && rest.length === 0) await list(api);
    else if (command === "revoke" && rest.length === 1) await revoke(api, rest[0] ?? "");
    else throw new StartError("say create, list or revoke ID; see npm run token -- --help");
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`edgekeeper: ${error.message}`);
    return 1;
  }
}

interface Flags {
  name?: string | undefined;
  scope?: string[] | undefined;
  expires?: string | undefined;
  url?: string | undefined;
  ensemble?: string | undefined;
  help?: boolean | undefined;
}

function parse(args: readonly string[]): {
  readonly flags: Readonly<Flags>;
  readonly words: readonly string[];
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: "string" },
        scope: { type: "string", multiple: true },
        expires: { type: "string" },
        url: { type: "string" },
        ensemble: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { flags: values, words: positionals };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`${reason.replace(/\.$/, "")}; see npm run token -- --help`, { cause: error });
  }
}

/** A token as the API shows it. */
interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Grant[];
  readonly expiresAt: string | null;
}

/** The tokens of one ensemble. */
class TokenApi {
  readonly #url: string;

  constructor({ url, ensemble }: Flags) {
    const base = url ?? (process.env["EDGEKEEPER_URL"] || "http://127.0.0.1:8787");
    if (!URL.canParse(base)) throw new StartError(`"${base}" is no URL: give --url http://127.0.0.1:8787`);
    this.#url = `${base.replace(/\/+$/, "")}/${encodeURIComponent(ensemble ?? "main")}/v1/tokens`;
  }

  /** What is answered; throws StartError with the problem's words. */
  async ask(method: string, path = "", body?: object): Promise<unknown> {
    const credential = process.env["EDGEKEEPER_TOKEN"] ?? "";
    const headers = {
      ...(credential === "" ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    let response: Response;
    try {
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      response = await fetch(`${this.#url}${path}`, init);
    } catch (error) {
      throw new StartError(`nobody answers at ${this.#url}: is the ensemble up?`, { cause: error });
    }
    const text = await response.text();
    if (response.ok) return text === "" ? undefined : JSON.parse(text);
    throw new StartError(`${response.status} ${detailOf(text)}`);
  }

  async list(): Promise<readonly Token[]> {
    return ((await this.ask("GET")) as { readonly tokens: readonly Token[] }).tokens;
  }
}

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: string };
    return detail ?? text;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text.slice(0, 200);
  }
}

async function create(api: TokenApi, { name, scope = [], expires }: Flags): Promise<void> {
  if (name === undefined || scope.length === 0) {
    throw new StartError("create takes --name NAME and --scope PERMISSIONS:/PREFIX");
  }
  const scopes = scope.map((text) => {
    const grant = readGrant(text);
    if (typeof grant === "string") throw new StartError(`--scope: ${grant}`);
    return grant;
  });
  const life = expires === undefined ? {} : { expiresInMs: durationMs(expires) };
  const made = (await api.ask("POST", "", { name, scopes, ...life })) as Token & { readonly token: string };
  console.error(`${line(made)}\nThe token is shown this once:`);
  console.log(made.token);
}

async function list(api: TokenApi): Promise<void> {
  for (const token of await api.list()) console.log(line(token));
}

async function revoke(api: TokenApi, prefix: string): Promise<void> {
  if (!new RegExp(`^[0-9a-f]{${ID_DIGITS_MIN},64}$`).test(prefix)) {
    throw new StartError(`"${prefix}" is no id: it is ${ID_DIGITS_MIN} to 64 hex digits, as list shows them`);
  }
  const found = (await api.list()).filter(({ id }) => id.startsWith(prefix));
  const [token] = found;
  if (token === undefined || found.length > 1) {
    throw new StartError(
      `${found.length === 0 ? "no token has" : "several tokens have"} an id that begins so`,
    );
  }
  await api.ask("DELETE", `/${token.id}`);
  console.log(`revoked: ${line(token)}`);
}

function line({ id, name, scopes, expiresAt }: Token): string {
  const until = expiresAt === null ? "no end" : `until ${expiresAt}`;
  return [id.slice(0, ID_DIGITS_SHOWN), name, scopes.map(grantText).join(" "), until].join("  ");
}

function durationMs(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS[unit];
  if (count === undefined || unitMs === undefined || Number(count) === 0) {
    throw new StartError(`--expires takes a number and s, m, h or d, such as 30d, not "${text}"`);
  }
  return Number(count) * unitMs;
}

// Last, as what it runs has to be there.
process.exitCode = await main(process.argv.slice(2));
