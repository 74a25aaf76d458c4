/**
 * The probe's doors. HTTP: `/OBJECT/OPERATION` reaches the object of that name. TCP: the first port's
 * connections reach the object `tcp`, the second's are answered here with the addresses that the Worker
 * saw.
 */

import type { Env } from "./probe.ts";

export { Probe } from "./probe.ts";

const doors: ExportedHandler<Env> & { connect(socket: Socket, env: Env): Promise<void> } = {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, object = "", operation = ""] = new URL(request.url).pathname.split("/");
    if (object === "healthz") return new Response("ok");
    const stub = env.PROBE.get(env.PROBE.idFromName(object));
    if (operation === "gated-call") return Response.json(await stub.gatedCall());
    return stub.fetch(request);
  },

  async connect(socket: Socket, env: Env): Promise<void> {
    const { localAddress = "", remoteAddress = "" } = await socket.opened;
    const reader = (socket.readable as ReadableStream<Uint8Array>).getReader();
    const first = await reader.read();
    reader.releaseLock();
    const line = first.done ? "" : new TextDecoder().decode(first.value);
    const [object = "", operation = ""] = line.trim().split(" ");
    if (operation === "addresses") {
      const writer = socket.writable.getWriter();
      await writer.write(new TextEncoder().encode(`${JSON.stringify({ localAddress, remoteAddress })}\n`));
      await writer.close();
      return;
    }

    const inner = env.PROBE.get(env.PROBE.idFromName(object)).connect(
      `${operation}.${remoteAddress.replace(":", "-")}:1`,
    );
    // A failure of either direction ends both: the other one would wait for ever.
    const pipes = [socket.readable.pipeTo(inner.writable), inner.readable.pipeTo(socket.writable)];
    const ends = await Promise.allSettled(pipes);
    if (ends.some((end) => end.status === "rejected"))
      await Promise.allSettled([socket.close(), inner.close()]);
  },
};

export default doors;
