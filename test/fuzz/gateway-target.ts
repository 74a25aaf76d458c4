/**
 * The HTTP door: the app that ships, before replicas whose answers are those of real keepers. Steps: `request N text`,
 * the number saying how the deployment is configured. Every request is answered, with a status that has a meaning, and
 * errors with a problem document; who is not let in reaches no replica; and no replica is asked for anything but what
 * the gateway asks for, with headers that it wrote itself.
 */
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey, SignJWT } from "jose";
import { must } from "../../src/base/assert.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { isTokenText } from "../../src/base/token-text.ts";
import { readCaller } from "../../src/durable/handed-over.ts";
import { refusal } from "../../src/gateway/access.ts";
import { CallerIdentities } from "../../src/gateway/identities.ts";
import { answerCommand } from "../../src/keeper/operations/admin-commands.ts";
import { metricFamilies } from "../../src/keeper/operations/metric-families.ts";
import { moveRefusal } from "../../src/keeper/operations/move-leader.ts";
import type { Dice } from "./dice.ts";
import { expectThat, type Step, step, type Tally } from "./episode.ts";
import { requestParts, requestText } from "./http-requests.ts";
import type { Target } from "./target.ts";
import { Trio } from "./trio.ts";

const REQUESTS_PER_EPISODE = 60;
const STATUSES: ReadonlySet<number> = new Set([
  200, 202, 400, 401, 403, 404, 405, 409, 410, 413, 415, 426, 429, 501,
]);
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "upgrade",
  "edgekeeper-client",
  "edgekeeper-client-identities",
  "edgekeeper-client-parks",
  "edgekeeper-authorization",
  "edgekeeper-batch",
  // Of a text that the gateway wrote.
  "content-type",
]);
const WHO = "ann@example.org";

/** That there is no such znode is an answer to every call. */
const NO_NODE = {
  kind: "answered",
  zxid: { epoch: 1, counter: 1 },
  code: ERROR_CODES.noNode,
  response: { op: "empty" },
} as const;

const ACCESS = { ACCESS_TEAM: "team", ACCESS_AUD: "this" };
/** Configurations: on a laptop, with a secret, with Access too, with none of it, and where members may change. */
const VARIABLES: readonly Readonly<Record<string, string>>[] = [
  { EDGEKEEPER_DEV: "1" },
  { EDGEKEEPER_SECRET: "correct horse battery" },
  { EDGEKEEPER_SECRET: "correct horse battery", ...ACCESS },
  {},
  { EDGEKEEPER_DEV: "1", RECONFIG_ENABLED: "1", ...ACCESS },
];

/** See the file's comment. */
export const gatewayTarget: Target = {
  name: "gateway",
  make: (dice: Dice, size = REQUESTS_PER_EPISODE) =>
    Array.from({ length: size }, () => step("request", dice.below(VARIABLES.length), requestText(dice))),
  play: async (steps, tally) => await (await gateway()).play(steps, tally),
};

/** What the app is, and what it asks replicas for: its modules speak of the platform's types, which are not Node's. */
interface Product {
  makeApp(parts: object): { fetch(request: Request, env: unknown, context: object): Promise<Response> };
  readonly Whereabouts: new () => object;
  readonly Gatekeeper: new (now: () => number) => object;
  readonly GATEWAY_PATHS: Readonly<
    Record<
      "zk" | "status" | "call" | "calls" | "stream" | "command" | "bulk" | "moveLeader" | "metrics",
      string
    >
  >;
  readonly COMMAND_PARAMETER: string;
  readonly MOVE_TO_PARAMETER: string;
}

/** What goes on behind an answer may fail, as it may on the platform. */
const CONTEXT = { waitUntil: (work: Promise<unknown>): void => void work.catch(() => undefined) };

async function product(): Promise<Product> {
  const names = ["gateway/app", "gateway/gatekeeper", "gateway/whereabouts", "durable/entry"];
  const parts = names.map(async (name) => {
    return (await import(new URL(`../../src/${name}.ts`, import.meta.url).href)) as object;
  });
  return Object.assign({}, ...(await Promise.all(parts))) as Product;
}

let made: Promise<Gateway> | undefined;

/** Its keepers are only asked, and its keys cost time: one for all episodes. */
async function gateway(): Promise<Gateway> {
  made ??= Gateway.make();
  return await made;
}

/** The app, its replicas, and the tokens that stand for TOKEN, FORGED and EXPIRED. */
class Gateway {
  readonly #trio = new Trio(1).begin();
  readonly #product: Product;
  readonly #app: ReturnType<Product["makeApp"]>;
  readonly #tokens: ReadonlyMap<string, string>;
  #asked: Request[] = [];
  #nowMs = 0;

  private constructor(parts: Product, keys: JWTVerifyGetKey, tokens: ReadonlyMap<string, string>) {
    this.#product = parts;
    this.#app = parts.makeApp({
      callers: new CallerIdentities(() => keys),
      whereabouts: new parts.Whereabouts(),
      // A second goes by with each request, so that nobody is put off for having been wrong too often.
      gatekeeper: new parts.Gatekeeper(() => (this.#nowMs += 1000)),
    });
    this.#tokens = tokens;
  }

  static async make(): Promise<Gateway> {
    const [ours, theirs] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
    const keys = createLocalJWKSet({
      keys: [{ ...(await exportJWK(ours.publicKey)), kid: "1", alg: "RS256" }],
    });
    const sign = async (key: Parameters<SignJWT["sign"]>[0], expires: string): Promise<string> =>
      await new SignJWT({ email: WHO })
        .setProtectedHeader({ alg: "RS256", kid: "1" })
        .setIssuer("https://team.cloudflareaccess.com")
        .setAudience("this")
        .setExpirationTime(expires)
        .sign(key);
    const tokens = new Map([
      ["TOKEN", await sign(ours.privateKey, "24h")],
      ["FORGED", await sign(theirs.privateKey, "24h")],
      ["EXPIRED", await sign(ours.privateKey, "-24h")],
    ]);
    return new Gateway(await product(), keys, tokens);
  }

  async play(steps: readonly Step[], tally: Tally | undefined): Promise<number> {
    let count = 0;
    for (const { number, bytes } of steps) {
      const request = this.#requestOf(bytes);
      if (request === undefined) {
        tally?.hit("no request");
        continue;
      }
      count++;
      await this.#ask(request, number, tally);
    }
    return count;
  }

  async #ask(request: Request, configuration: number, tally: Tally | undefined): Promise<void> {
    this.#asked = [];
    const variables = must(VARIABLES[configuration], "a configuration");
    const env = this.#envOf(variables);
    if (!URL.canParse(request.url)) return await this.#askBadUrl(request, env, tally);
    const caller = {
      host: new URL(request.url).host,
      origin: request.headers.get("origin") ?? undefined,
      authorization: request.headers.get("authorization") ?? undefined,
    };
    const isRefused = refusal(variables, caller) !== undefined;
    // What a token is worth replicas say; who shows something of that form is asked about, and told no more.
    const isLetIn = !isRefused || isTokenText(caller.authorization?.replace(/^bearer /i, "") ?? "");
    const response = await this.#app.fetch(request, env, CONTEXT);
    const { status } = response;
    const what = (): string => `${request.method} ${request.url} is answered ${status}`;
    expectThat(STATUSES.has(status), what);
    tally?.hit(`status ${status}`);
    const text = await response.text();
    // What a replica says of snapshot and restore is passed on as ZooKeeper's AdminServer would say it.
    const { bulk } = this.#product.GATEWAY_PATHS;
    const isReplicas = this.#asked.some(({ url }) => new URL(url).pathname === bulk);
    if (status >= 400 && request.method !== "HEAD" && !isReplicas) checkProblem(text, what);
    if (isRefused)
      expectThat(!text.includes("no-such-ensemble"), () => `${what()}, which tells of ensembles`);
    if (!isLetIn) {
      expectThat(status === 401 || status === 403, () => `${what()} to who is not let in`);
      expectThat(this.#asked.length === 0, () => `${what()}, and a replica was asked for who is not let in`);
    }
    for (const asked of this.#asked) this.#checkAsked(asked, request, tally);
  }

  /** The runtime hands over whatever Host and path make, even where that is no URL. */
  async #askBadUrl(request: Request, env: unknown, tally: Tally | undefined): Promise<void> {
    const response = await this.#app.fetch(request, env, CONTEXT);
    const what = (): string => `"${request.url}" is answered ${response.status}`;
    expectThat(response.status === 400, what);
    if (request.method !== "HEAD") checkProblem(await response.text(), what);
    expectThat(this.#asked.length === 0, () => `${what()}, and a replica was asked`);
    tally?.hit("no URL");
  }

  /** What a replica was asked. */
  #checkAsked(asked: Request, { method, url, headers }: Request, tally: Tally | undefined): void {
    const { GATEWAY_PATHS, COMMAND_PARAMETER } = this.#product;
    const { pathname, searchParams } = new URL(asked.url);
    tally?.hit(`asked ${pathname}`);
    const isOwn = Object.values(GATEWAY_PATHS).includes(pathname);
    expectThat(isOwn, () => `${method} ${url} asks a replica for ${pathname}`);
    for (const name of asked.headers.keys()) {
      expectThat(OWN_HEADERS.has(name), () => `${method} ${url} passes the header ${name} on`);
    }
    if (pathname === GATEWAY_PATHS.moveLeader) {
      expectThat(method === "POST", () => `${method} ${url} moves the leader`);
    }
    const isReset = /reset|rst/i.test(searchParams.get(COMMAND_PARAMETER) ?? "");
    expectThat(!isReset || /reset|rst/i.test(new URL(url).pathname), () => `${url} resets by its query`);
    if (pathname !== GATEWAY_PATHS.zk) return;
    const token = headers.get("cf-access-jwt-assertion");
    for (const { scheme, id } of readCaller(asked.headers).identities ?? []) {
      const isToken = scheme === "scope" && /^token [0-9a-f]{64}$/.test(id);
      const isProven = isToken || (scheme === "access" && id === WHO && token !== null);
      expectThat(isProven, () => `${url} is taken for ${scheme}:${id}`);
      tally?.hit("identity proven");
    }
  }

  #envOf(variables: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
    const namespace = {
      idFromName: (name: string) => ({ name, toString: () => `object of ${name}` }),
      get: ({ name }: { readonly name: string }) => ({
        id: { toString: () => `object of ${name}` },
        fetch: async (url: string, init?: RequestInit) => await this.#answer(name, new Request(url, init)),
      }),
    };
    return { ...variables, VOTERS: "1,2,3", REPLICA: namespace };
  }

  /** As the object answers, whose keeper this is; a WebSocket needs the platform, and is only said to be open. */
  async #answer(name: string, request: Request): Promise<Response> {
    this.#asked.push(request);
    const { keeper } = this.#trio.replica(Number(name.split("/")[1]));
    const { pathname, searchParams } = new URL(request.url);
    const { GATEWAY_PATHS, COMMAND_PARAMETER, MOVE_TO_PARAMETER } = this.#product;
    const shell = {
      commits: 1,
      snapshots: 0,
      logBatches: 1,
      databaseBytes: 1,
      rowsWritten: 1,
      asleep: false,
    };
    const status = { ...keeper.status(), ...shell };
    switch (pathname) {
      case GATEWAY_PATHS.status:
        return Response.json(status);
      case GATEWAY_PATHS.call:
        return Response.json(NO_NODE);
      case GATEWAY_PATHS.calls: {
        const calls = (await request.text()).split("\n");
        return new Response(calls.map((_, index) => `${index} ${JSON.stringify(NO_NODE)}\n`).join(""));
      }
      case GATEWAY_PATHS.stream: {
        // A stream would not end: what was asked for is older than the history.
        const zxid = { epoch: 1, counter: 1 };
        return Response.json({ kind: "refused", reason: "gone", zxid, oldest: zxid });
      }
      case GATEWAY_PATHS.metrics:
        return Response.json(metricFamilies(keeper.report(), status));
      case GATEWAY_PATHS.command: {
        const asked = searchParams.get(COMMAND_PARAMETER) ?? "";
        return new Response(answerCommand(asked, new Map(searchParams), keeper.report()).text);
      }
      case GATEWAY_PATHS.bulk:
        // As one answers whoever may not do all to the root.
        return Response.json({ command: searchParams.get(COMMAND_PARAMETER), error: "no" }, { status: 401 });
      case GATEWAY_PATHS.moveLeader: {
        const refused = moveRefusal(Number(searchParams.get(MOVE_TO_PARAMETER)), keeper.status().zab);
        return refused === undefined
          ? new Response(null, { status: 202 })
          : Response.json(refused, { status: 409 });
      }
      default:
        return new Response("open");
    }
  }

  /** The request that a text stands for; undefined where no HTTP server would make one of it. */
  #requestOf(bytes: Uint8Array): Request | undefined {
    const { method, url, headers, body } = requestParts(bytes);
    // What an HTTP server hands over has a scheme, a host and a path, whether or not they make a URL.
    if (!URL.canParse(url) && !/^http:\/\/[^/?#]+\//.test(url)) return undefined;
    if (!/^https?:\/\/[^/]/.test(url)) return undefined;
    try {
      const written = new Headers();
      for (const [name, value] of headers) written.append(name, this.#tokenIn(value));
      const hasBody = method !== "GET" && method !== "HEAD" && body !== "";
      const isUrl = URL.canParse(url);
      const request = new Request(isUrl ? url : "http://no-url/", {
        method,
        headers: written,
        ...(hasBody ? { body } : {}),
      });
      return isUrl ? request : Object.defineProperty(request, "url", { value: url });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return undefined;
    }
  }

  #tokenIn(value: string): string {
    const [name = "", change] = value.split("@");
    const token = this.#tokens.get(name);
    if (token === undefined) return value;
    const [at = "0", character = ""] = (change ?? "").split("=");
    if (change === undefined) return token;
    const place = Number(at) % token.length;
    return token.slice(0, place) + character + token.slice(place + 1);
  }
}

function checkProblem(text: string, what: () => string): void {
  const isProblem = /^\{.*"code":".+".*"detail":".+"/s.test(text);
  expectThat(isProblem, () => `${what()} without a problem document: ${text.slice(0, 80)}`);
  JSON.parse(text);
}
