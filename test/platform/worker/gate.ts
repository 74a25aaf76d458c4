/**
 * Each way in which something leaves an object, once before a write of the turn and once after it.
 */

import type { Host, Operation } from "./probe.ts";

/** Sends a message before and one after a write, all in one turn. */
function sendAround(host: Host, send: (message: string) => void): void {
  send("before");
  host.write("around");
  send("after");
}

export const gateOperations: Readonly<Record<string, Operation>> = {
  /** An accepted WebSocket: any message starts it. */
  accepted(host) {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    server.addEventListener("message", (event) => {
      if (event.data === "fifo") host.ctx.waitUntil(interleave(host, server));
      else sendAround(host, (message) => server.send(message));
    });
    server.addEventListener("close", (event) => host.seen.push(`close ${event.code}`));
    return new Response(null, { status: 101, webSocket: client });
  },

  hibernatable(host) {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    host.ctx.acceptWebSocket(server);
    server.serializeAttachment({ kept: "attachment" });
    return new Response(null, { status: 101, webSocket: client });
  },

  /** Fetches to another object, whose clock says when each arrived. */
  async "fetch-around"(host) {
    const sink = host.env.PROBE.get(host.env.PROBE.idFromName("sink"));
    const startedAt = Date.now();
    const before = sink.fetch("http://probe/sink/now?before");
    host.write("around");
    const after = sink.fetch("http://probe/sink/now?after");
    const arrivals = [Number(await (await before).text()), Number(await (await after).text())];
    return Response.json({
      beforeMs: (arrivals[0] ?? 0) - startedAt,
      afterMs: (arrivals[1] ?? 0) - startedAt,
    });
  },

  now(host, request) {
    host.seen.push(new URL(request.url).search);
    return new Response(String(Date.now()));
  },

  /** A link to another object; the other end notes when each message arrived. */
  async "link-around"(host) {
    const receiver = host.env.PROBE.get(host.env.PROBE.idFromName("link-receiver"));
    const response = await receiver.fetch("http://probe/link-receiver/stamp", {
      headers: { upgrade: "websocket" },
    });
    const socket = response.webSocket;
    if (socket === null) return new Response("no link", { status: 500 });
    socket.accept();
    const arrivals: number[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.addEventListener("message", (event) => {
      arrivals.push(Number(event.data));
      if (arrivals.length === 2) resolve();
    });
    socket.addEventListener("close", () => reject(new Error("the link closed")));
    const startedAt = Date.now();
    sendAround(host, (message) => socket.send(message));
    await promise;
    socket.close(1000, "done");
    return Response.json({
      beforeMs: (arrivals[0] ?? 0) - startedAt,
      afterMs: (arrivals[1] ?? 0) - startedAt,
    });
  },

  /** Answers each message with the time at which it came. */
  stamp(host) {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    server.addEventListener("message", (event) => {
      host.seen.push(String(event.data));
      server.send(String(Date.now()));
    });
    return new Response(null, { status: 101, webSocket: client });
  },

  "response-without-write"() {
    return new Response("free");
  },

  "response-after-write"(host) {
    host.write("response");
    return new Response("held");
  },

  /** A body that goes on after its headers: one chunk before a write, one after. */
  "stream-around"(host) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const run = async (): Promise<void> => {
      // The headers are on their way before the turn that writes.
      await scheduler.wait(20);
      const chunks: Promise<void>[] = [];
      sendAround(host, (message) => chunks.push(writer.write(encoder.encode(`${message}\n`))));
      await Promise.all(chunks);
      await writer.close();
    };
    host.ctx.waitUntil(run());
    return new Response(readable, { headers: { "content-type": "text/event-stream" } });
  },
};

/** The messages of an interleaving: odd ones follow a write, even ones come turns later without one. */
async function interleave(host: Host, socket: WebSocket): Promise<void> {
  for (let index = 0; index < 20; index += 2) {
    socket.send(String(index));
    host.write("fifo");
    socket.send(String(index + 1));
    await scheduler.wait(1);
  }
}

export function onHibernatableMessage(
  host: Host,
  event: { readonly socket: WebSocket; readonly message: string | ArrayBuffer },
): void {
  if (event.message === "attachment") event.socket.send(JSON.stringify(event.socket.deserializeAttachment()));
  else sendAround(host, (message) => event.socket.send(message));
}

/** A TCP stream: what it does is the name before the first dot of the text it was opened with. */
export async function serveTcp(
  host: Host,
  stream: { readonly socket: Socket; readonly text: string },
): Promise<void> {
  const { socket, text } = stream;
  const operation = text.split(".")[0];
  const writer = socket.writable.getWriter();
  const encoder = new TextEncoder();
  host.seen.push(`tcp ${text}`);
  try {
    if (operation === "around") {
      const writes: Promise<void>[] = [];
      sendAround(host, (message) => writes.push(writer.write(encoder.encode(`${message}\n`))));
      await Promise.all(writes);
    } else {
      await writer.write(encoder.encode(`${text}\n`));
    }
    const reader = (socket.readable as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const chunk = await reader.read();
      if (chunk.done) break;
      host.seen.push(`tcp chunk ${new TextDecoder().decode(chunk.value)}`);
    }
    host.seen.push("tcp end");
    await writer.write(encoder.encode("last words\n"));
    await writer.close();
    host.seen.push("tcp closed");
  } catch (error) {
    host.seen.push(`tcp failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
