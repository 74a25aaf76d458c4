/**
 * Who may come in. Every door refuses unless a secret is set, or the development flag, which only `npm start` passes
 * and with which nothing but this machine is let in. What a token lets its bearer do is the replicas' to say.
 */

/** The variables that decide. */
export interface AccessEnv {
  /** `1` only from `npm start`: no secret is asked for, and requests must come from this machine. */
  readonly EDGEKEEPER_DEV?: string;
  /** Shown by clients as `Authorization: Bearer ...`. */
  readonly EDGEKEEPER_SECRET?: string;
}

/** What a request shows of its origin. */
export interface Caller {
  readonly host: string;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  /** Where the page stands that makes a browser ask: `Sec-Fetch-Site`, which no page can write. */
  readonly fetchSite?: string | undefined;
}

/** Why somebody is refused. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly detail: string;
}

/** A shorter secret can be guessed. */
const SECRET_CHARACTERS_MIN = 16;

/** Why every door is shut, to everybody; undefined where none is. RPC asks this too. */
export function shutReason(env: AccessEnv): string | undefined {
  const secret = env.EDGEKEEPER_SECRET ?? "";
  if (secret !== "" && secret.length < SECRET_CHARACTERS_MIN) {
    return (
      `EDGEKEEPER_SECRET has fewer than ${SECRET_CHARACTERS_MIN} characters, so every door is shut: ` +
      "make one with openssl rand -hex 32"
    );
  }
  if (secret !== "" || env.EDGEKEEPER_DEV === "1") return undefined;
  return "this deployment has no secret, so every door is shut: run wrangler secret put EDGEKEEPER_SECRET";
}

/**
 * Why a caller is refused before it is asked who it is, or undefined. A page of another site, or a name that resolves
 * to this machine, must not reach an ensemble that asks for no secret.
 */
export function foreignRefusal(env: AccessEnv, caller: Caller): Refusal | undefined {
  const shut = shutReason(env);
  if (shut !== undefined) return { status: 403, detail: shut };
  if ((env.EDGEKEEPER_SECRET ?? "") !== "") return undefined;
  const isForeign =
    !isLocal(caller.host) ||
    (caller.origin !== undefined && !isLocalOrigin(caller.origin)) ||
    // A picture, a form or a link of that page sends no Origin.
    caller.fetchSite === "cross-site";
  if (!isForeign) return undefined;
  return {
    status: 403,
    detail:
      "in development only this machine is let in, by the names localhost and 127.0.0.1, and by no page of " +
      "another site",
  };
}

/**
 * Why who shows no token is refused, or undefined: then it speaks for the deployment. In development that is who shows
 * nothing: a wrong credential opens no door that the right one would not.
 */
export function refusal(env: AccessEnv, caller: Caller): Refusal | undefined {
  const foreign = foreignRefusal(env, caller);
  if (foreign !== undefined) return foreign;
  const secret = env.EDGEKEEPER_SECRET ?? "";
  const shown = (caller.authorization ?? "").replace(/^bearer /i, "Bearer ");
  if (secret === "") return isBearer(shown) ? { status: 401, detail: NO_SECRET } : undefined;
  if (sameText(shown, `Bearer ${secret}`)) return undefined;
  return {
    status: 401,
    detail: "send the deployment's secret, or a token, as Authorization: Bearer ...",
  };
}

const NO_SECRET =
  "what is shown as Authorization: Bearer is no token of this ensemble; in development no secret is asked for, so " +
  "leave it out, or show a token";

/** Whether a credential is shown that is to open doors; another scheme is for what stands behind them. */
function isBearer(shown: string): boolean {
  return shown.startsWith("Bearer ") && shown.trim() !== "Bearer";
}

/** Whether raw TCP, which carries no secret, is served: only in development, where the ports listen on loopback. */
export function servesTcp(env: AccessEnv): boolean {
  return env.EDGEKEEPER_DEV === "1" && shutReason(env) === undefined;
}

function isLocal(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "127.0.0.1" || name === "[::1]";
}

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLocal(new URL(origin).host);
}

const encoder = new TextEncoder();

/** Takes the same time wherever the difference is. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
