/**
 * The Worker that answers other processes for the objects of this one: behind a socket in the data directory, so that
 * nobody but their owner reaches it.
 */
import { failed, readCall, returned, unaddressed } from "./object-call.ts";

const switchboard: ExportedHandler<Readonly<Record<string, DurableObjectNamespace>>> = {
  async fetch(request, namespaces) {
    const asked = unaddressed(request);
    const namespace = asked === undefined ? undefined : namespaces[asked.binding];
    if (asked === undefined || namespace === undefined)
      return new Response("no such object", { status: 404 });
    const stub = namespace.get(namespace.idFromName(asked.name));
    try {
      const call = await readCall(asked.request);
      if (call === undefined) return await stub.fetch(asked.request);
      const method: unknown = Reflect.get(stub, call.method);
      if (typeof method !== "function") return failed(new Error(`no method ${call.method}`));
      return returned(await Reflect.apply(method, stub, call.values));
    } catch (error) {
      return failed(error);
    }
  },
};

export default switchboard;
