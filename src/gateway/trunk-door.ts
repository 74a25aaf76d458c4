/**
 * The door for trunks (src/trunk/frames.ts): who listens on the clients' ports is another program, beside the runtime,
 * which has one stream with each replica. The Worker only forwards it.
 */
import { replicaStub, TRUNK_NAME } from "../durable/entry.ts";
import { TRUNK_GREETING } from "../trunk/frames.ts";
import type { GatewayEnv } from "./documents.ts";

/** The greeting's line is no longer. */
const GREETING_BYTES_MAX = 64;

const LINE_FEED = 10;

/** Forwards a trunk to the replica that it names, until either side ends; hangs up on what is none. */
export async function forwardTrunk(socket: Socket, env: GatewayEnv): Promise<void> {
  const readable = socket.readable as ReadableStream<Uint8Array>;
  const greeting = await readGreeting(readable);
  if (greeting === undefined) {
    await socket.close();
    return;
  }
  const upstream = replicaStub(env, { ensemble: "main", sid: greeting.sid }).connect(TRUNK_NAME);
  const writer = (upstream.writable as WritableStream<Uint8Array>).getWriter();
  if (greeting.rest.length > 0) await writer.write(greeting.rest);
  writer.releaseLock();
  // When one side ends, so does the other: neither has anything to say to nobody.
  const fromReplica = upstream.readable as ReadableStream<Uint8Array>;
  try {
    await Promise.race([
      readable.pipeTo(upstream.writable as WritableStream<Uint8Array>),
      fromReplica.pipeTo(socket.writable as WritableStream<Uint8Array>),
    ]);
  } catch {
    // One side vanished: the other is closed below.
  }
  await Promise.allSettled([upstream.close(), socket.close()]);
}

/** Whose trunk it is, and what came right behind that. */
async function readGreeting(
  readable: ReadableStream<Uint8Array>,
): Promise<{ readonly sid: number; readonly rest: Uint8Array } | undefined> {
  const reader = readable.getReader();
  const parts: number[] = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      parts.push(...value);
      const end = parts.indexOf(LINE_FEED);
      if (end === -1 && parts.length < GREETING_BYTES_MAX) continue;
      const text = String.fromCharCode(...parts.slice(0, Math.max(0, end)));
      const sid = Number(text.slice(TRUNK_GREETING.length));
      if (!text.startsWith(TRUNK_GREETING) || !Number.isInteger(sid) || sid < 1) return undefined;
      return { sid, rest: Uint8Array.from(parts.slice(end + 1)) };
    }
  } catch {
    // Who opened it has gone before it said what it is.
    return undefined;
  } finally {
    reader.releaseLock();
  }
}
