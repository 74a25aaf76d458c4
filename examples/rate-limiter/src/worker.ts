/**
 * A limit for the whole world, not for one location: so many requests of a client in so long, counted in one place that
 * all locations agree on. GET / with the header `client` is let in, or told when to come again.
 */
import { type EdgekeeperBinding, problemOf } from "edgekeeper/binding";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
}

/** A client may ask so often at once... */
const BURST = 5;

/** ...and once in this time from then on. */
const INTERVAL_MS = 1000;

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const waitMs = await take(env, request.headers.get("client") ?? "anybody", Date.now());
    if (waitMs === 0) return new Response("welcome\n");
    const headers = { "retry-after": String(Math.ceil(waitMs / 1000)) };
    return new Response("too many requests\n", { status: 429, headers });
  },
};

export default worker;

/**
 * How long the client has to wait; 0 where it is let in. A znode holds when the client will have paid for all that it
 * has asked for so far (the theoretical arrival time of the generic cell rate algorithm), which is all that there is to
 * know. It goes by itself when nothing was asked for a while.
 */
async function take(env: Env, client: string, nowMs: number): Promise<number> {
  using node = await env.EDGEKEEPER.node(`/limits/${encodeURIComponent(client)}`);
  for (;;) {
    const before = await node.get({ consistency: "linearizable" });
    const paidMs = Math.max(nowMs, Number(before?.text ?? 0));
    const waitMs = paidMs - nowMs - (BURST - 1) * INTERVAL_MS;
    if (waitMs > 0) return waitMs;
    const text = String(paidMs + INTERVAL_MS);
    try {
      if (before !== null) await node.put(text, { version: before.stat.version });
      else await node.create(text, { mode: "ttl", ttlMs: 2 * BURST * INTERVAL_MS, parents: true });
      return 0;
    } catch (error) {
      // Somebody else has counted a request of this client meanwhile: it is looked at again.
      if (!["bad-version", "node-exists", "no-node"].includes(problemOf(error)?.code ?? "")) throw error;
    }
  }
}
