/**
 * Who offers a service, and where: each instance is there for as long as its session lives, and is gone with it. PUT
 * /SERVICE/ID with an address starts an instance, DELETE /SERVICE/ID ends it, GET /SERVICE lists them.
 *
 * The znodes are those of Curator's service discovery, so instances in Java find these and are found by them.
 */
import { DurableObject } from "cloudflare:workers";
import { type EdgekeeperBinding, problemOf, type Session, signalOf } from "edgekeeper/worker";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
  readonly INSTANCE: DurableObjectNamespace<Instance>;
}

/** As Curator writes it. */
interface ServiceInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number | null;
  readonly sslPort: number | null;
  readonly payload: null;
  readonly uriSpec: null;
  readonly registrationTimeUTC: number;
  readonly serviceType: "DYNAMIC";
}

/** How often an instance makes sure that it can be found: an alarm also wakes one that was evicted. */
const ALARM_MS = 20_000;

/** One instance: a stand-in for whatever answers at its address. */
export class Instance extends DurableObject<Env> {
  #session: { readonly stub: Session; readonly lost: AbortSignal } | undefined;

  /** Can be found from now on. */
  async register(instance: ServiceInstance): Promise<void> {
    await this.ctx.storage.put("instance", instance);
    await this.alarm();
  }

  /** Can be found no more. */
  async unregister(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    await this.#session?.stub.close();
  }

  override async alarm(): Promise<void> {
    const instance = await this.ctx.storage.get<ServiceInstance>("instance");
    if (instance === undefined) return;
    await this.ctx.storage.setAlarm(Date.now() + ALARM_MS);
    if (this.#session?.lost.aborted !== false) await this.#announce(instance);
  }

  async #announce(instance: ServiceInstance): Promise<void> {
    const stub = await this.env.EDGEKEEPER.session({ timeoutMs: 10_000 });
    this.#session = { stub, lost: signalOf(stub) };
    const path = `/services/${instance.name}/${instance.id}`;
    try {
      await stub.node(path).create(JSON.stringify(instance), { mode: "ephemeral", parents: true });
    } catch (error) {
      // Its earlier self is not over yet: the next alarm comes when it is.
      if (problemOf(error)?.code !== "node-exists") throw error;
      await stub.close();
    }
  }
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const [, name = "", id = ""] = new URL(request.url).pathname.split("/");
    const instance = env.INSTANCE.get(env.INSTANCE.idFromName(`${name}/${id}`));
    if (request.method === "PUT") {
      const address = await request.text();
      const unused = { port: null, sslPort: null, payload: null, uriSpec: null };
      const times = { registrationTimeUTC: Date.now(), serviceType: "DYNAMIC" } as const;
      await instance.register({ name, id, address, ...unused, ...times });
    }
    if (request.method === "DELETE") await instance.unregister();
    return Response.json(await instancesOf(env, name));
  },
};

export default worker;

/** Who offers the service now. */
async function instancesOf(env: Env, name: string): Promise<readonly ServiceInstance[]> {
  const parent = `/services/${name}`;
  using node = await env.EDGEKEEPER.node(parent);
  try {
    const { children } = await node.children({ consistency: "linearizable" });
    const found = await Promise.all(
      children.map(async (id) => await env.EDGEKEEPER.node(`${parent}/${id}`).get()),
    );
    return found.flatMap((one) => (one === null ? [] : [JSON.parse(one.text) as ServiceInstance]));
  } catch (error) {
    if (problemOf(error)?.code === "no-node") return [];
    throw error;
  }
}
