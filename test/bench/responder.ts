/**
 * A program that answers at once and does nothing, so that the load generator can show how fast it is by itself:
 * ZooKeeper's protocol on the first port, HTTP on the second. It ends with its standard input.
 */
import { createServer, type Socket } from "node:net";

const LENGTH_BYTES = 4;
const XID_AT = 4;
const OPCODE_AT = 8;
const GET_DATA = 4;
const SET_DATA = 5;

/** Length, protocol version, timeout, session, password with its length, and whether it is read only. */
const CONNECT_RESPONSE_BYTES = LENGTH_BYTES + 4 + 4 + 8 + 4 + 16 + 1;
/** Length, xid, zxid, error. */
const REPLY_BYTES = LENGTH_BYTES + 4 + 8 + 4;
const EVENT_XID = -1;

/** All connections that have read something are told of each set. */
const watchers = new Set<Socket>();

function serveWire(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  let isNew = true;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => watchers.delete(socket));
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const replies: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      if (isNew) replies.push(connectResponse());
      else replies.push(reply(bytes, at, socket));
      isNew = false;
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
    if (replies.length > 0) socket.write(Buffer.concat(replies));
  });
}

function connectResponse(): Buffer {
  const response = Buffer.alloc(CONNECT_RESPONSE_BYTES);
  response.writeInt32BE(CONNECT_RESPONSE_BYTES - LENGTH_BYTES, 0);
  response.writeInt32BE(30_000, 8);
  response.writeBigInt64BE(1n, 12);
  response.writeInt32BE(16, 20);
  return response;
}

function reply(bytes: Buffer, at: number, socket: Socket): Buffer {
  const opcode = bytes.readInt32BE(at + OPCODE_AT);
  if (opcode === GET_DATA) watchers.add(socket);
  if (opcode === SET_DATA && watchers.size > 0) {
    const event = replyOf(EVENT_XID);
    for (const watcher of watchers) watcher.write(event);
    watchers.clear();
  }
  return replyOf(bytes.readInt32BE(at + XID_AT));
}

function replyOf(xid: number): Buffer {
  const buffer = Buffer.alloc(REPLY_BYTES);
  buffer.writeInt32BE(REPLY_BYTES - LENGTH_BYTES, 0);
  buffer.writeInt32BE(xid, XID_AT);
  return buffer;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const BODY = '{"lease":"1","succeeded":true}';
const HTTP_RESPONSE = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);

/** Our clients send one request at a time, in one piece: a head, and a body as long as the head says. */
function serveHttp(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const head = rest.indexOf(HEAD_END);
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(rest.toString("latin1", 0, head))?.[1] ?? 0);
    if (rest.length < head + HEAD_END.length + length) return;
    rest = Buffer.alloc(0);
    socket.write(HTTP_RESPONSE);
  });
}

const [wirePort, httpPort] = process.argv.slice(2).map(Number);
process.stdin.on("end", () => process.exit(0)).resume();
createServer(serveWire).listen(wirePort, "127.0.0.1", 5000, () => {
  createServer(serveHttp).listen(httpPort, "127.0.0.1", 5000, () => console.log("ready"));
});
