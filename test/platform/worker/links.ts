/** WebSockets from one object to another, opened by an internal fetch. */

import type { Host, Operation } from "./probe.ts";

/** How many frames each side sends in the order test. */
const FRAME_COUNT = 1000;

async function openLink(host: Host, target: string): Promise<WebSocket> {
  const [name = ""] = target.split("/");
  const stub = host.env.PROBE.get(host.env.PROBE.idFromName(name));
  const response = await stub.fetch(`http://probe/${target}`, { headers: { upgrade: "websocket" } });
  if (response.webSocket === null) throw new Error(`no link: ${response.status}`);
  return response.webSocket;
}

export const linkOperations: Readonly<Record<string, Operation>> = {
  /** Opens a link that nobody uses, and keeps it. `?to=` is the other object. */
  async "open-idle-link"(host, request) {
    const target = new URL(request.url).searchParams.get("to") ?? "";
    const socket = await openLink(host, `${target}/idle`);
    socket.accept();
    socket.addEventListener("close", (event) => host.seen.push(`close ${event.code} ${event.reason}`));
    host.opened.push(socket);
    return Response.json("open");
  },

  /** The far end of an idle link. It closes with 4001 when it is told so. */
  idle(host) {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.accept();
    server.addEventListener("message", () => server.close(4001, "told so"));
    server.addEventListener("close", (event) => host.seen.push(`close ${event.code} ${event.reason}`));
    return new Response(null, { status: 101, webSocket: client });
  },

  "tell-links"(host) {
    for (const socket of host.opened) socket.send("close");
    return Response.json(host.opened.length);
  },

  /** Sends numbered frames both ways at once, some binary, and tells what arrived here and there. */
  async "exchange-frames"(host) {
    const socket = await openLink(host, "exchange-receiver/number-frames");
    socket.binaryType = "arraybuffer";
    socket.accept();
    const received: string[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.addEventListener("message", (event) => {
      if (typeof event.data === "string" && event.data.startsWith("report ")) resolve(event.data.slice(7));
      else received.push(describeFrame(event.data));
    });
    sendFrames(socket);
    const reported = await promise;
    socket.close(1000, "done");
    return Response.json({ here: received, there: reported.split("|") });
  },

  /** The far end: sends its own frames, and reports what it got once it has all. */
  "number-frames"() {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    server.binaryType = "arraybuffer";
    server.accept();
    const received: string[] = [];
    server.addEventListener("message", (event) => {
      received.push(describeFrame(event.data));
      if (received.length === FRAME_COUNT) server.send(`report ${received.join("|")}`);
    });
    sendFrames(server);
    return new Response(null, { status: 101, webSocket: client });
  },

  /** What a binary frame is where nobody set binaryType. */
  async "default-binary-type"(host) {
    const socket = await openLink(host, "exchange-receiver/number-frames");
    socket.accept();
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.addEventListener("message", (event) => {
      if (typeof event.data !== "string") resolve(Object.prototype.toString.call(event.data));
    });
    const kind = await promise;
    socket.close(1000, "done");
    return Response.json(kind);
  },

  abort(host) {
    host.write("written in the turn of the abort");
    host.ctx.abort("the probe asked for it");
    return Response.json("unreachable");
  },

  /** Writes, waits until that is durable, writes again and aborts. */
  async "abort-after-sync"(host) {
    host.write("durable before the abort");
    await host.ctx.storage.sync();
    host.write("written in the turn of the abort");
    host.ctx.abort("the probe asked for it");
    return Response.json("unreachable");
  },

  /** Whether the clock moves while one turn runs, and over a wait. */
  async clock() {
    const first = Date.now();
    let spun = 0;
    for (let index = 0; index < 30_000_000; index += 1) spun = (spun + index) % 1009;
    const afterLoop = Date.now();
    await scheduler.wait(30);
    return Response.json({ loopMs: afterLoop - first, waitMs: Date.now() - afterLoop, spun });
  },
};

function sendFrames(socket: WebSocket): void {
  for (let index = 0; index < FRAME_COUNT; index += 1) {
    if (index % 2 === 0) socket.send(`text ${index}`);
    else socket.send(new TextEncoder().encode(`bytes ${index}`));
  }
}

function describeFrame(data: unknown): string {
  if (typeof data === "string") return data;
  return data instanceof ArrayBuffer
    ? new TextDecoder().decode(data)
    : `a ${Object.prototype.toString.call(data)}`;
}
