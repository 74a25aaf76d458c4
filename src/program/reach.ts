/** Where the ensemble is and what is shown to it: the options that every command has which asks one. */
import { type Command, Option } from "commander";

import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { http, type HttpClient } from "../client/http/http-client.ts";
import { errorOfProblem, readProblem } from "../client/http/problems.ts";
import { ConnectionLossError } from "../client/errors.ts";
import type { ConnectOptions } from "../client/options.ts";
import { ProgramError, usageError } from "./exit-code.ts";
import { readText } from "./files.ts";
import { checkListening } from "./listening.ts";
import { socketClass } from "./socket.ts";

/** As commander reads them. */
export interface ReachOptions {
  readonly url: string;
  readonly ensemble: string;
  readonly tokenFile?: string | undefined;
  readonly json?: boolean | undefined;
}

const URL_DEFAULT = "http://127.0.0.1:8787";

/** How long the first connection may take, in ms; a refusal is told at once. */
const CONNECT_MS = 10_000;

/** How long a request is asked again where nobody answers, in ms. */
const RETRY_MS = 5000;

/** Gives a command the options. */
export function withReach(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "where the ensemble is").env("EDGEKEEPER_URL").default(URL_DEFAULT))
    .addOption(
      new Option("--ensemble <name>", "which of its ensembles").env("EDGEKEEPER_ENSEMBLE").default("main"),
    )
    .option("--token-file <file>", "holds the secret or the token to show (or the variable EDGEKEEPER_TOKEN)")
    .option("--json", "print JSON, for programs");
}

/** An ensemble, and what is shown to it. */
export class Reach {
  /** Without a slash at the end. */
  readonly url: string;
  readonly ensemble: string;
  readonly token: string | undefined;

  private constructor(url: string, ensemble: string, token: string | undefined) {
    this.url = url;
    this.ensemble = ensemble;
    this.token = token;
  }

  /** Reads the options, for who asks at once. Throws ProgramError, also where nobody listens. */
  static async of(options: ReachOptions): Promise<Reach> {
    const reach = await Reach.later(options);
    await checkListening(reach.url);
    return reach;
  }

  /** The same for who may ask only later. */
  static async later({ url, ensemble, tokenFile }: ReachOptions): Promise<Reach> {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw usageError(`"${url}" is no URL of a deployment: give --url ${URL_DEFAULT}`);
    }
    if (!/^[\w.-]+$/.test(ensemble))
      throw usageError(`"${ensemble}" is no name of an ensemble: --ensemble main`);
    const { origin, pathname } = new URL(url);
    if (pathname !== "/")
      throw usageError(`give ${origin} as --url, and the name of the ensemble as --ensemble`);
    return new Reach(origin, ensemble, await tokenOf(tokenFile));
  }

  /** The same, and nothing is shown to it. */
  withoutToken(): Reach {
    return new Reach(this.url, this.ensemble, undefined);
  }

  /** What the SDK takes for an address. */
  get address(): string {
    return `${this.url}/${this.ensemble}`;
  }

  /** The SDK over HTTP. */
  http(): HttpClient {
    return http(this.address, {
      retryMs: RETRY_MS,
      ...(this.token === undefined ? {} : { token: this.token }),
    });
  }

  /** A session. A refusal is told at once, and why. Throws ProgramError and the SDK's errors. */
  async session(options: Omit<ConnectOptions, "token" | "WebSocket"> = {}): Promise<Client> {
    const refused = new AbortController();
    const { signal } = options;
    const both = signal === undefined ? refused.signal : AbortSignal.any([signal, refused.signal]);
    const client = await connect(this.address, {
      connectTimeoutMs: CONNECT_MS,
      ...options,
      ...this.socketOptions((error) => refused.abort(error)),
      signal: both,
    });
    await logIn(client, "EDGEKEEPER_AUTH");
    return client;
  }

  /** What `connect` takes to show the token, by WebSockets that tell why one was refused. */
  socketOptions(onRefused: (error: Error) => void): Pick<ConnectOptions, "token" | "WebSocket"> {
    const WebSocket = socketClass(onRefused);
    return this.token === undefined ? { WebSocket } : { WebSocket, token: this.token };
  }

  /** Asks a route below the ensemble, such as `/v1/status`. Throws the errors that problem documents stand for. */
  async ask(method: string, path: string, body?: object): Promise<unknown> {
    const at = `${this.address}${path}`;
    const headers = {
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    let response: Response;
    let text: string;
    try {
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      response = await fetch(at, init);
      text = await response.text();
    } catch (cause) {
      throw new ConnectionLossError({ at, cause, mayBeDone: method !== "GET" });
    }
    if (!response.ok) throw errorOfProblem(readProblem(response.status, text), undefined);
    if (text === "") return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ProgramError(`${at} answered with no JSON: is that the address of a deployment?`, { cause });
    }
  }
}

/** As the variable says: a scheme, a colon and what it takes, such as digest:super:password. */
export async function logIn(
  client: Client,
  variable: "EDGEKEEPER_AUTH" | "EDGEKEEPER_ZOOKEEPER_AUTH",
): Promise<void> {
  const told = process.env[variable] ?? "";
  if (told === "") return;
  const [scheme = "", ...auth] = told.split(":");
  await client.addAuth(scheme, auth.join(":"));
}

async function tokenOf(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? process.env["EDGEKEEPER_TOKEN"] || undefined : (await readText(file)).trim();
}
