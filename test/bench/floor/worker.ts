/**
 * What the runtime costs by itself: an HTTP door that answers everything with the same few bytes, and TCP doors that
 * pass each connection to an object, which answers from memory what a ZooKeeper client sends first and last.
 */
import { DurableObject } from "cloudflare:workers";

interface Env {
  readonly DOOR: DurableObjectNamespace<Door>;
}

/** Length, protocol version, timeout, session, password with its length, and whether it is read only. */
const WELCOME = new Uint8Array(4 + 4 + 4 + 8 + 4 + 16 + 1);
const welcome = new DataView(WELCOME.buffer);
welcome.setInt32(0, WELCOME.length - 4);
welcome.setInt32(8, 30_000);
welcome.setBigInt64(12, 1n);
welcome.setInt32(20, 16);

/** Length, xid, zxid, error. */
const REPLY_BYTES = 4 + 4 + 8 + 4;

/** Takes connections. */
export class Door extends DurableObject<Env> {
  override async connect(socket: Socket): Promise<void> {
    const reader = (socket.readable as ReadableStream<Uint8Array>).getReader();
    const writer = (socket.writable as WritableStream<Uint8Array>).getWriter();
    let chunk = await reader.read();
    if (!chunk.done) await writer.write(WELCOME);
    for (chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      await writer.write(replyTo(chunk.value));
    }
    await socket.close();
  }
}

/** Of its frame the xid comes back. */
function replyTo(frame: Uint8Array): Uint8Array {
  const reply = new Uint8Array(REPLY_BYTES);
  reply[3] = REPLY_BYTES - 4;
  reply.set(frame.subarray(4, 8), 4);
  return reply;
}

const doors: ExportedHandler<Env> & { connect(socket: Socket, env: Env): Promise<void> } = {
  fetch() {
    return new Response('{"lease":"1"}', { headers: { "content-type": "application/json" } });
  },

  async connect(socket, env) {
    const { localAddress = "" } = await socket.opened;
    const upstream = env.DOOR.get(env.DOOR.idFromName(localAddress)).connect("floor:0");
    const toObject = socket.readable.pipeTo(upstream.writable);
    await Promise.allSettled([upstream.readable.pipeTo(socket.writable), toObject]);
  },
};

export default doors;
