/**
 * A client's socket that does as it is told: it may stop reading, which the usual clients cannot. Over TCP, or as a
 * WebSocket whose handshake and frames are made by hand, as the usual WebSocket never stops reading either.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Bytes to and from a door; what comes is given to `onBytes`, as long as it is read. */
export interface RawSocket {
  readonly socket: Socket;
  send(bytes: Uint8Array): void;
  onBytes: (bytes: Uint8Array) => void;
}

/** Opens a TCP door. */
export async function openTcp(port: number): Promise<RawSocket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const raw: RawSocket = { socket, send: (bytes) => void socket.write(bytes), onBytes: () => undefined };
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => raw.onBytes(chunk));
  return raw;
}

/** Opens a WebSocket door. */
export async function openWebSocket(port: number, path: string): Promise<RawSocket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let buffered = Buffer.alloc(0);
  while (!buffered.includes("\r\n\r\n")) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    buffered = Buffer.concat([buffered, chunk]);
  }
  if (!buffered.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(buffered.toString("latin1"));
  const raw: RawSocket = {
    socket,
    send: (bytes) => void socket.write(binaryFrame(bytes)),
    onBytes: () => undefined,
  };
  const unwrap = new Unwrapper((bytes) => raw.onBytes(bytes));
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => unwrap.push(chunk));
  return raw;
}

/** A client's message: masked, by nought, which leaves the bytes as they are. */
function binaryFrame(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

/** Takes a server's frames apart; their payloads, whatever their kind, are the stream. */
class Unwrapper {
  readonly #feed: (bytes: Uint8Array) => void;
  #head = Buffer.alloc(0);
  #left = 0;

  constructor(feed: (bytes: Uint8Array) => void) {
    this.#feed = feed;
  }

  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#left > 0) {
        const piece = rest.subarray(0, this.#left);
        this.#left -= piece.length;
        rest = rest.subarray(piece.length);
        this.#feed(piece);
        continue;
      }
      this.#head = Buffer.concat([this.#head, rest.subarray(0, 1)]);
      rest = rest.subarray(1);
      const short = (this.#head[1] ?? 0) & 0x7f;
      const headLength = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
      if (this.#head.length < 2 || this.#head.length < headLength) continue;
      if (short === 126) this.#left = this.#head.readUInt16BE(2);
      else this.#left = short === 127 ? Number(this.#head.readBigUInt64BE(2)) : short;
      this.#head = Buffer.alloc(0);
    }
  }
}
