/**
 * Who may come in. Every door refuses unless a secret is set, or the development flag, which only `npm start` passes
 * and with which nothing but this machine is let in.
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
}

/** Why the caller is refused, or undefined. */
export function refusal(
  env: AccessEnv,
  caller: Caller,
): { readonly status: 401 | 403; readonly detail: string } | undefined {
  const secret = env.EDGEKEEPER_SECRET ?? "";
  if (secret !== "") {
    if (sameText(caller.authorization ?? "", `Bearer ${secret}`)) return undefined;
    return { status: 401, detail: "send the deployment's secret as Authorization: Bearer SECRET" };
  }
  if (env.EDGEKEEPER_DEV !== "1") {
    return {
      status: 403,
      detail:
        "this deployment has no secret, so every door is shut: run wrangler secret put EDGEKEEPER_SECRET",
    };
  }
  // A page of another site, or a name that resolves to this machine, must not reach an ensemble without a secret.
  if (!isLocal(caller.host) || (caller.origin !== undefined && !isLocalOrigin(caller.origin))) {
    return {
      status: 403,
      detail: "in development only this machine is let in, by the names localhost and 127.0.0.1",
    };
  }
  return undefined;
}

/** Whether raw TCP, which carries no secret, is served: only in development, where the ports listen on loopback. */
export function servesTcp(env: AccessEnv): boolean {
  return env.EDGEKEEPER_DEV === "1";
}

function isLocal(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "127.0.0.1" || name === "[::1]";
}

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLocal(new URL(origin).host);
}

/** Takes the same time wherever the difference is. */
function sameText(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
