/**
 * What a Worker has in the place of a namespace where one machine runs it in several processes: the runtime calls this
 * module for the binding (workerd's "wrapped" bindings). An object that lives in this process is the real one; another
 * is asked in its own. The Worker is the bundle that is deployed, and knows nothing of it.
 */
import { homeOfObject } from "./homes.ts";
import { addressed, callOf, readReturned, unlessFailed } from "./object-call.ts";

/** What the module is given: the process numbers as texts, and a door to each other process. */
interface Given {
  readonly LOCAL: DurableObjectNamespace;
  readonly BINDING: string;
  readonly AT: string;
  readonly PROCESSES: string;
  readonly [door: `PROCESS_${number}`]: Fetcher;
}

/** The part of a namespace that a Worker of ours uses. */
type Namespace = Pick<DurableObjectNamespace, "idFromName" | "get">;

/** What `env` of the Worker holds. */
export default function namespaceOf(given: Given): Namespace {
  const [at, processes] = [Number(given.AT), Number(given.PROCESSES)];
  return {
    idFromName: (name) => given.LOCAL.idFromName(name),
    get: (id, options) => {
      const { name } = id;
      if (name === undefined)
        throw new Error("an object of this Worker has a name: it is found by idFromName");
      const home = homeOfObject(name, processes);
      if (home === at) return given.LOCAL.get(id, options);
      const door = given[`PROCESS_${home}`];
      if (door === undefined) throw new Error(`there is no process ${home}`);
      return stubOf(door, given.BINDING, id);
    },
  };
}

/** Its methods are those of the object, as of the runtime's own stubs: so there is one of whatever name is asked. */
function stubOf(door: Fetcher, binding: string, id: DurableObjectId): DurableObjectStub {
  const name = id.name ?? "";
  const ask = async (request: Request): Promise<Response> =>
    await unlessFailed(await door.fetch(addressed(binding, name, request)));
  const own: Readonly<Record<string, unknown>> = {
    id,
    name,
    fetch: async (input: RequestInfo, init?: RequestInit) => await ask(new Request(input, init)),
    connect: () => {
      throw new Error(`${name} lives in another process: connect to its own port`);
    },
  };
  return new Proxy(own, {
    get: (target, key) => {
      if (typeof key !== "string" || key in target) return Reflect.get(target, key) as unknown;
      // Whatever is awaited is asked for this: a stub is no promise.
      if (key === "then") return undefined;
      return async (...values: unknown[]) => await readReturned(await ask(callOf(key, values)));
    },
  }) as unknown as DurableObjectStub;
}
