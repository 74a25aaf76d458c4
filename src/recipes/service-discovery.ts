/**
 * ServiceDiscovery: instances of services, registered by those who serve and found by those who ask.
 *
 * What can go wrong, and what happens then:
 * - A process dies: its dynamic instances go when its session is over; static and permanent ones stay.
 * - Its session ends: its instances are registered anew in the next one.
 * - Somebody deletes an instance that is registered here: it is registered anew.
 * - The process is restarted under the same id before its old session is over: the old znode is waited for to go.
 *
 * Znodes: BASE (container) / NAME (container) / ID (ephemeral where dynamic, its data JSON). Source: Curator
 * x-discovery.
 */
import { childOf } from "../base/path.ts";
import { deleteSurely, persevere } from "./perseverance.ts";
import { PersistentNode } from "./persistent-node.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { ServiceCache } from "./service-cache.ts";
import { parseInstance, serializeInstance, type ServiceInstance } from "./service-instance.ts";
import { ServiceProvider, type ServiceProviderSettings } from "./service-provider.ts";
import { uuidText } from "./unique-name.ts";

/** What an instance is made of; the rest has defaults. */
export type NewInstance = Pick<ServiceInstance, "name"> & Partial<ServiceInstance>;

/** See the file's comment. */
export class ServiceDiscovery {
  readonly #client: RecipeClient;
  readonly #basePath: string;
  readonly #registered = new Map<
    string,
    { readonly node: PersistentNode; readonly instance: ServiceInstance }
  >();

  constructor(client: RecipeClient, basePath: string) {
    this.#client = client;
    this.#basePath = basePath;
  }

  /** An instance to be registered: a new id, the present time, dynamic and enabled unless told otherwise. */
  instance(parts: NewInstance): ServiceInstance {
    return {
      id: uuidText(this.#client),
      address: null,
      port: null,
      sslPort: null,
      payload: null,
      registrationTimeUTC: Math.floor(this.#client.clock.nowMs),
      serviceType: "DYNAMIC",
      uriSpec: null,
      enabled: true,
      ...parts,
    };
  }

  /** Registers an instance, and keeps it registered; resolves when it is. */
  async registerService(instance: ServiceInstance): Promise<void> {
    const { serviceType, name, id } = instance;
    if (serviceType === "DYNAMIC_SEQUENTIAL")
      throw new RecipeError("misuse", "DYNAMIC_SEQUENTIAL: give the instance an id of its own, and DYNAMIC");
    if (this.#registered.has(`${name}/${id}`))
      throw new RecipeError("misuse", `${name} ${id} is registered already: update it`);
    const isDynamic = serviceType === "DYNAMIC";
    const node = new PersistentNode(this.#client, {
      path: this.#pathOf(instance),
      mode: isDynamic ? "ephemeral" : "persistent",
      data: serializeInstance(instance),
      staysWhenClosed: serviceType === "PERMANENT",
    }).start();
    this.#registered.set(`${name}/${id}`, { node, instance });
    await node.created;
  }

  /** Changes an instance that is registered here. Throws the fault `misuse` where it is not. */
  async updateService(instance: ServiceInstance): Promise<void> {
    const key = `${instance.name}/${instance.id}`;
    const registered = this.#registered.get(key);
    if (registered === undefined)
      throw new RecipeError("misuse", `${key} is not registered here: register it first`);
    this.#registered.set(key, { node: registered.node, instance });
    await registered.node.setData(serializeInstance(instance));
  }

  /** Takes an instance away, whoever registered it. */
  async unregisterService({ name, id }: Pick<ServiceInstance, "name" | "id">): Promise<void> {
    const registered = this.#registered.get(`${name}/${id}`);
    this.#registered.delete(`${name}/${id}`);
    await registered?.node.close();
    await deleteSurely(this.#client, this.#pathOf({ name, id }));
  }

  /** The names of all services that there are, or were not long ago. */
  async queryForNames(): Promise<readonly string[]> {
    return (await this.#children(this.#basePath)).toSorted();
  }

  /** All instances of a service, also those that are not enabled. Throws the fault `badData` for one that is none. */
  async queryForInstances(name: string): Promise<readonly ServiceInstance[]> {
    const ids = await this.#children(childOf(this.#basePath, name));
    const found = await Promise.all(ids.toSorted().map(async (id) => await this.queryForInstance(name, id)));
    return found.filter((instance) => instance !== undefined);
  }

  /** One instance; undefined where there is none. */
  async queryForInstance(name: string, id: string): Promise<ServiceInstance | undefined> {
    const path = this.#pathOf({ name, id });
    try {
      const { data } = await persevere(this.#client, async () => await this.#client.get(path));
      return parseInstance(data, path);
    } catch (error) {
      // There is no such instance: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  }

  /** The instances of a service, kept at hand once it is started. */
  serviceCache(name: string): ServiceCache {
    return new ServiceCache(this.#client, this.#basePath, name);
  }

  /** One instance of a service whenever it is asked for, once it is started. */
  serviceProvider(name: string, settings: ServiceProviderSettings = {}): ServiceProvider {
    return new ServiceProvider(this.#client, this.serviceCache(name), settings);
  }

  /** Takes all away that was registered here, but for what is permanent. */
  async close(): Promise<void> {
    const registered = [...this.#registered.values()];
    this.#registered.clear();
    await Promise.all(registered.map(async ({ node }) => await node.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pathOf({ name, id }: Pick<ServiceInstance, "name" | "id">): string {
    return childOf(childOf(this.#basePath, name), id);
  }

  async #children(path: string): Promise<readonly string[]> {
    try {
      return (await persevere(this.#client, async () => await this.#client.children(path))).names;
    } catch (error) {
      // No znode, no names.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }
}
