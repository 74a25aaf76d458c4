/** The door that a bridge leads to: `/ENSEMBLE/zk` of a deployment, and who stands behind it. */
import { once } from "node:events";
import { type ClientRequest, get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";

import { WebSocket } from "ws";

import { ConnectionLossError } from "../client/errors.ts";
import { HttpProblemError } from "../client/http/http-errors.ts";
import { errorOfProblem, readProblem } from "../client/http/problems.ts";

/** Where it is, and what is shown to it. */
export interface DoorAddress {
  /** `https://host`, with nothing behind it. */
  readonly url: string;
  readonly ensemble: string;
  readonly token: string | undefined;
  /** Certificates to trust instead of those that Node knows, as PEM. */
  readonly ca: string | undefined;
}

/** A replica, as the status document lists it. */
export interface DoorReplica {
  readonly sid: number;
  readonly role: string;
  readonly isLeader: boolean;
}

/** An answer may take so long, in ms. */
const ANSWER_MS = 10_000;

/** A message of a replica is a piece of its stream; none is nearly as large as this. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes of an answer that are read. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** See the file's comment. */
export class Door {
  readonly #address: DoorAddress;

  constructor(address: DoorAddress) {
    this.#address = address;
  }

  /** Where its WebSocket is. */
  get socketUrl(): string {
    const { url, ensemble } = this.#address;
    return `${url.replace(/^http/, "ws")}/${ensemble}/zk`;
  }

  /** Who stands behind it. Throws the errors of the SDK: ForbiddenError where the token may not know. */
  async replicas(): Promise<readonly DoorReplica[]> {
    const { url, ensemble } = this.#address;
    const at = `${url}/${ensemble}/v1/status`;
    const get = at.startsWith("https:") ? getHttps : getHttp;
    let response: IncomingMessage;
    let text: string;
    try {
      const request = get(at, { ...this.#tls(), headers: this.#headers(), timeout: ANSWER_MS });
      request.once("timeout", () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
      [response] = (await once(request, "response")) as [IncomingMessage];
      text = await readAll(response);
    } catch (cause) {
      throw new ConnectionLossError({ at, cause, mayBeDone: false });
    }
    const status = response.statusCode ?? 0;
    if (status !== 200) throw errorOfProblem(readProblem(status, text), undefined);
    return replicasIn(text);
  }

  /** Opens a WebSocket to a replica, or to the nearest; `onRefused` is told what else the door answers. */
  dial(sid: number | undefined, onRefused: (error: Error) => void): WebSocket {
    const socket = new WebSocket(`${this.socketUrl}${sid === undefined ? "" : `?sid=${sid}`}`, {
      ...this.#tls(),
      headers: this.#headers(),
      handshakeTimeout: ANSWER_MS,
      maxPayload: MESSAGE_BYTES_MAX,
      // Small frames of a protocol that counts latency: compressing them costs more than it saves.
      perMessageDeflate: false,
    });
    socket.on("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
      readAll(response)
        .then((text) => onRefused(errorOfProblem(readProblem(response.statusCode ?? 0, text), undefined)))
        .catch((error: unknown) => onRefused(error instanceof Error ? error : new Error(String(error))))
        .finally(() => request.destroy());
    });
    return socket;
  }

  #headers(): Record<string, string> {
    const { token } = this.#address;
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  #tls(): { readonly ca?: string } {
    const { ca } = this.#address;
    return ca === undefined ? {} : { ca };
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > ANSWER_BYTES_MAX) throw new Error("the answer is too long to be one of a deployment");
  }
  return text;
}

/** Source: the status document, src/gateway/app.ts. */
function replicasIn(text: string): readonly DoorReplica[] {
  const bad = new HttpProblemError(
    { code: "bad-answer", status: 200 },
    { detail: "it is no status document: is that the address of a deployment?" },
  );
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw bad;
  }
  if (typeof document !== "object" || document === null || !("replicas" in document)) throw bad;
  const { replicas } = document;
  const leader = "leader" in document ? document.leader : null;
  if (!Array.isArray(replicas)) throw bad;
  return replicas.map((replica: unknown) => {
    if (typeof replica !== "object" || replica === null || !("sid" in replica)) throw bad;
    const { sid } = replica;
    if (typeof sid !== "number") throw bad;
    const role = "role" in replica ? String(replica.role) : "participant";
    return { sid, role, isLeader: sid === leader };
  });
}
