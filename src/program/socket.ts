/** WebSockets of the package ws, which says with what status and words one was refused, as the runtime's do not. */
import type { ClientRequest, IncomingMessage } from "node:http";

import { WebSocket } from "ws";

import { errorOfProblem, readProblem } from "../client/http/problems.ts";
import type { WebSocketClass } from "../client/web-socket.ts";

/** Bytes of a refusal that are read. */
const REFUSAL_BYTES_MAX = 64 * 1024;

/** Another credential is needed, or another address: to ask again is no use. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 403, 404]);

/** A class of WebSockets that tells of refusals which asking again does not change. */
export function socketClass(onRefused: (error: Error) => void): WebSocketClass {
  const known = class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols ?? []);
      this.on("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
        readRefusal(response)
          .then((error) => {
            if (FINAL.has(response.statusCode ?? 0)) onRefused(error);
            this.emit("error", error);
          })
          .catch((error: unknown) => this.emit("error", error))
          .finally(() => request.destroy());
      });
    }
  };
  // Its events are more than the SDK asks for.
  return known as unknown as WebSocketClass;
}

/** The error that the answer to an upgrade stands for, where it is no WebSocket. */
async function readRefusal(response: IncomingMessage): Promise<Error> {
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > REFUSAL_BYTES_MAX) break;
  }
  return errorOfProblem(readProblem(response.statusCode ?? 0, text), undefined);
}
