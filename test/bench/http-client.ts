/** One keep-alive connection of HTTP/1.1 that asks one thing at a time, and looks at no more than it must. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const EMPTY = Buffer.alloc(0);

/** Behind "HTTP/1.1 ". */
const STATUS_AT = 9;

/** The bytes of a POST. */
export function postOf(port: number, path: string, body: string): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** See the file's comment. */
export class HttpConnection {
  readonly port: number;
  readonly #socket: Socket;
  #rest: Buffer = EMPTY;
  #waiting: PromiseWithResolvers<Answer> | undefined;

  private constructor(port: number, socket: Socket) {
    this.port = port;
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error(`the server at port ${port} hung up`)));
  }

  static async open(port: number): Promise<HttpConnection> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new HttpConnection(port, socket);
  }

  /** Throws where the connection is lost. */
  async ask(request: Buffer): Promise<Answer> {
    if (this.#waiting !== undefined) throw new Error("one request at a time");
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request);
    return await this.#waiting.promise;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const answer = readAnswer(this.#rest);
    if (answer === undefined) return;
    this.#rest = EMPTY;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** A whole answer; undefined where it is not whole yet. Nothing follows it, as nothing more was asked. */
export function readAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const status = Number(head.slice(STATUS_AT, STATUS_AT + 3));
  const bodyAt = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: "" };
    const body = readChunks(bytes, bodyAt);
    return body === undefined ? undefined : { status, body };
  }
  const end = bodyAt + Number(length);
  return bytes.length < end ? undefined : { status, body: bytes.toString("utf8", bodyAt, end) };
}

function readChunks(bytes: Buffer, from: number): string | undefined {
  const parts: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const length = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + length + 2;
    if (bytes.length < end) return undefined;
    if (length === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
