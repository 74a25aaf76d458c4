/** Asks an ensemble whether it serves, and tells an ensemble that is not there yet from one that never will be. */
import { once } from "node:events";
import { type IncomingMessage, get } from "node:http";

/** An answer of the HTTP door. */
export interface Health {
  /** The status code; undefined where there was no answer. */
  readonly code: number | undefined;
  /** On one line. */
  readonly detail: string;
}

/** Where and how to ask. */
export interface HealthDoor {
  readonly port: number;
  /** The deployment's secret; undefined where its doors ask for none. */
  readonly secret: string | undefined;
  readonly timeoutMs: number;
}

/** Asks `/healthz` once. */
export async function askHealth(door: HealthDoor): Promise<Health> {
  return ask(door, "/healthz");
}

/** The status document of an ensemble; undefined where nobody tells it. */
export async function askStatus(door: HealthDoor, ensemble: string): Promise<string | undefined> {
  const { code, detail } = await ask(door, `/${ensemble}/v1/status`);
  return code === 200 ? detail : undefined;
}

/** Over node:http, as fetch refuses some ports that a user may choose. */
async function ask(door: HealthDoor, path: string): Promise<Health> {
  const { port, secret, timeoutMs } = door;
  const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  const request = get({
    host: "127.0.0.1",
    port,
    path,
    agent: false,
    headers,
    timeout: timeoutMs,
  });
  request.once("timeout", () => request.destroy(new Error("no answer in time")));
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const body = await response.setEncoding("utf8").reduce((all, chunk) => all + String(chunk), "");
    return { code: response.statusCode, detail: body.replaceAll(/\s+/g, " ").trim() };
  } catch (error) {
    // Until the runtime listens the connection is refused: that is one of the answers to wait through.
    return { code: undefined, detail: error instanceof Error ? error.message : String(error) };
  }
}

/** How often the door is asked while the ensemble elects its leader. */
const ASK_AGAIN_MS = 10;

/** An answer that waiting should not change is asked for again after this long. */
const REFUSED_AGAIN_MS = 500;

/** That many of them in a row, over a second: the Worker does not serve and will not. */
const REFUSALS_MAX = 3;

/** Counts answers that no waiting changes. An ensemble on its way refuses connections, or answers 503. */
export class HealthPatience {
  #refusals = 0;

  /** Milliseconds to wait before the next question; undefined where there is nothing to wait for. */
  nextAskMs(health: Health): number | undefined {
    if (health.code === undefined || health.code === 503) {
      this.#refusals = 0;
      return ASK_AGAIN_MS;
    }
    this.#refusals++;
    return this.#refusals < REFUSALS_MAX ? REFUSED_AGAIN_MS : undefined;
  }
}
