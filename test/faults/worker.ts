/**
 * The product, with a door for faults: POST /faults/ENSEMBLE/SID with a fault as JSON (see fault.ts).
 */
import { replicaStub } from "../../src/durable/entry.ts";
import type { TcpEnv } from "../../src/gateway/tcp.ts";
import product from "../../src/worker.ts";
import { FAULT_PATH } from "./faulty-replica.ts";

export { Register } from "../../src/durable/register.ts";
export { Edgekeeper } from "../../src/worker.ts";
export { FaultyReplica } from "./faulty-replica.ts";

const worker: ExportedHandler<TcpEnv> = {
  ...product,
  async fetch(request, env, ctx) {
    const [, door, ensemble, sid] = new URL(request.url).pathname.split("/");
    if (door !== "faults" || ensemble === undefined) {
      return (await product.fetch?.(request, env, ctx)) ?? new Response(null, { status: 500 });
    }
    const stub = replicaStub(env, { ensemble, sid: Number(sid) });
    try {
      return await stub.fetch(`http://replica${FAULT_PATH}`, { method: "POST", body: await request.text() });
    } catch {
      // An aborted object cannot answer: that is what was asked for.
      return new Response("aborted", { status: 202 });
    }
  },
};

export default worker;
