/**
 * Feature flags for the whole world: read from the replica nearest to the reader, pushed to whoever listens when they
 * change. GET / reads them, GET /stream listens (as EventSource does), PUT /NAME with `true` or `false` sets one.
 */
import { type EdgekeeperBinding, problemOf } from "edgekeeper/binding";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
}

type Flags = Readonly<Record<string, boolean>>;

const PATH = "/flags";

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    if (request.method === "PUT")
      return Response.json(await set(env, name, (await request.text()) === "true"));
    if (name === "stream") return await stream(env);
    return Response.json(flagsOf((await env.EDGEKEEPER.node(PATH).get())?.text));
  },
};

export default worker;

/** Sets one flag. Whoever else sets another meanwhile is not overwritten: then it is done again. */
async function set(env: Env, name: string, value: boolean): Promise<Flags> {
  using node = await env.EDGEKEEPER.node(PATH);
  for (;;) {
    const before = await node.get({ consistency: "linearizable" });
    const flags = { ...flagsOf(before?.text), [name]: value };
    const text = JSON.stringify(flags);
    try {
      await (before === null ? node.create(text) : node.put(text, { version: before.stat.version }));
      return flags;
    } catch (error) {
      if (!["bad-version", "node-exists"].includes(problemOf(error)?.code ?? "")) throw error;
    }
  }
}

/** The flags as they are, and each time they change. */
async function stream(env: Env): Promise<Response> {
  const watch = await env.EDGEKEEPER.watch(PATH);
  const events = new ReadableStream<string>({
    async pull(controller) {
      const flags = flagsOf((await watch.next())?.text);
      controller.enqueue(`data: ${JSON.stringify(flags)}\n\n`);
    },
    async cancel() {
      await watch.close();
      watch[Symbol.dispose]();
    },
  });
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
  return new Response(events.pipeThrough(new TextEncoderStream()), { headers });
}

function flagsOf(text = "{}"): Flags {
  return JSON.parse(text) as Flags;
}
