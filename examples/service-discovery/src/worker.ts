/**
 * Who offers a service, and where: each instance is there for as long as its session lives, and is gone with it. PUT
 * /SERVICE/ID with an address starts an instance, DELETE /SERVICE/ID ends it, GET /SERVICE lists them.
 *
 * The znodes are those of Curator's service discovery: instances in Java find these and are found by them.
 */
import { DurableObject } from "cloudflare:workers";
import { type EdgekeeperBinding, problemOf, type Session, signalOf } from "edgekeeper/binding";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
  readonly INSTANCE: DurableObjectNamespace<Instance>;
}

/** What an instance is registered as. */
interface Registration {
  readonly service: string;
  readonly id: string;
  readonly address: string;
}

/** How often an instance makes sure that it can be found: an alarm also wakes one that was evicted. */
const ALARM_MS = 20_000;

/** One instance: a stand-in for whatever answers at its address. */
export class Instance extends DurableObject<Env> {
  #session: { readonly stub: Session; readonly lost: AbortSignal } | undefined;

  /** Can be found from now on. */
  async register(registration: Registration): Promise<void> {
    await this.ctx.storage.put("registration", registration);
    await this.alarm();
  }

  /** Can be found no more. */
  async unregister(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    await this.#session?.stub.close();
  }

  override async alarm(): Promise<void> {
    const registration = await this.ctx.storage.get<Registration>("registration");
    if (registration === undefined) return;
    await this.ctx.storage.setAlarm(Date.now() + ALARM_MS);
    if (this.#session?.lost.aborted !== false) await this.#announce(registration);
  }

  async #announce({ service, id, address }: Registration): Promise<void> {
    const stub = await this.env.EDGEKEEPER.session({ timeoutMs: 10_000 });
    this.#session = { stub, lost: signalOf(stub) };
    try {
      await stub.register(service, { id, address });
    } catch (error) {
      // Its earlier self is not over yet: the next alarm comes when it is.
      if (problemOf(error)?.code !== "node-exists") throw error;
      await stub.close();
    }
  }
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const [, service = "", id = ""] = new URL(request.url).pathname.split("/");
    const instance = env.INSTANCE.get(env.INSTANCE.idFromName(`${service}/${id}`));
    if (request.method === "PUT") await instance.register({ service, id, address: await request.text() });
    if (request.method === "DELETE") await instance.unregister();
    return Response.json(await env.EDGEKEEPER.instances(service, { consistency: "linearizable" }));
  },
};

export default worker;
