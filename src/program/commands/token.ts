/** `edgekeeper token`: makes, lists and revokes tokens of an ensemble, over its HTTP API. */
import { type Command, InvalidArgumentError } from "commander";

import { type Grant, grantText, readGrant } from "../../base/grant.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { columns, Output } from "../output.ts";
import { durationMs } from "../option-values.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";

const ABOUT =
  "Make, list and revoke tokens of an ensemble. It takes the secret of the deployment, or a token with admin:/, " +
  "in EDGEKEEPER_TOKEN.";

const ID_DIGITS_MIN = 8;

/** Digits of an id that a list shows: enough to name it. */
const ID_DIGITS_SHOWN = 16;

/** A token as the API shows it. */
interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Grant[];
  readonly expiresAt: string | null;
}

interface CreateOptions extends ReachOptions {
  readonly name: string;
  readonly scope: readonly Grant[];
  readonly expires?: number | undefined;
}

/** Adds the command to the program. */
export function addTokenCommand(program: Command): void {
  const token = program.command("token").summary("make, list and revoke tokens").description(ABOUT);
  const make = token
    .command("create")
    .description("make a token; it is shown once")
    .requiredOption("--name <name>", "what lists and logs call it")
    .requiredOption(
      "--scope <scope>",
      "what its bearer may do: some of read,write,admin, a colon, and a path: it and all below it; may be repeated",
      collectGrant,
    )
    .option(
      "--expires <time>",
      "it ends after so long: a number and s, m, h or d; without, when revoked",
      durationMs,
    );
  withReach(make).action(create);
  withReach(token.command("list").description("show all tokens, without what proves them")).action(list);
  withReach(
    token
      .command("revoke")
      .description("revoke a token")
      .argument("<id>", "as list shows it, or its beginning: 8 digits at least"),
  ).action(revoke);
}

async function create({ name, scope, expires, ...options }: CreateOptions): Promise<void> {
  const reach = await Reach.of(options);
  const life = expires === undefined ? {} : { expiresInMs: expires };
  const answer = await reach.ask("POST", "/v1/tokens", { name, scopes: scope, ...life });
  const made = answer as Token & { readonly token: string };
  const output = new Output(options);
  if (!output.isJson) output.note(`${line(made).join("  ")}\nThe token is shown this once:`);
  output.print(made, made.token);
}

async function list(options: ReachOptions): Promise<void> {
  const tokens = await tokensOf(await Reach.of(options));
  const output = new Output(options);
  // Who reads the list by a program gets an empty one.
  if (tokens.length === 0 && !output.isJson) return output.note("there are no tokens");
  output.print({ tokens }, columns(tokens.map(line)));
}

async function revoke(prefix: string, options: ReachOptions): Promise<void> {
  if (!new RegExp(`^[0-9a-f]{${ID_DIGITS_MIN},64}$`).test(prefix)) {
    throw usageError(`"${prefix}" is no id: it is ${ID_DIGITS_MIN} to 64 hex digits, as list shows them`);
  }
  const reach = await Reach.of(options);
  const found = (await tokensOf(reach)).filter(({ id }) => id.startsWith(prefix));
  const [token] = found;
  if (token === undefined || found.length > 1) {
    throw new ProgramError(
      `${token === undefined ? "no token has" : "several tokens have"} an id that begins so`,
    );
  }
  await reach.ask("DELETE", `/v1/tokens/${token.id}`);
  new Output(options).print({ revoked: token }, `revoked: ${line(token).join("  ")}`);
}

async function tokensOf(reach: Reach): Promise<readonly Token[]> {
  return ((await reach.ask("GET", "/v1/tokens")) as { readonly tokens: readonly Token[] }).tokens;
}

function collectGrant(text: string, before: readonly Grant[] | undefined): readonly Grant[] {
  const grant = readGrant(text);
  if (typeof grant === "string") throw new InvalidArgumentError(grant);
  return [...(before ?? []), grant];
}

function line({ id, name, scopes, expiresAt }: Token): readonly string[] {
  const until = expiresAt === null ? "no end" : `until ${expiresAt}`;
  return [id.slice(0, ID_DIGITS_SHOWN), name, scopes.map(grantText).join(" "), until];
}
