/**
 * What `edgekeeper/worker` exports: what a Worker of one's own needs to have an ensemble in it. Types are no more than
 * its users need, so that they install nothing for them.
 */
import type { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

import type { EdgekeeperBinding } from "./binding/binding.ts";
import * as worker from "./worker.ts";

/** A Durable Object class, to be exported by the Worker and named in its configuration. */
export type ObjectClass = new (ctx: DurableObjectState, env: never) => DurableObject;

/** An entrypoint class, to be exported by the Worker. */
export type EntrypointClass = new (ctx: ExecutionContext, env: never) => WorkerEntrypoint;

/** What the platform calls. */
export interface App {
  /** Answers the HTTP API, WebSockets and the dashboard at the paths of the deployment: `/v1/...`, `/main/zk`, ... */
  fetch(request: Request, env: object, ctx: ExecutionContext): Response | Promise<Response>;
  /** Takes ZooKeeper's clients, where the runtime hands over TCP: on a machine of one's own. */
  connect(socket: Socket, env: object): Promise<void>;
}

/** A replica of an ensemble; the binding is called `REPLICA`. */
export const Replica: ObjectClass = worker.Replica;
/** What the binding leads to. */
export type Replica = DurableObject;

/** Remembers who founded an ensemble; the binding is called `REGISTER`. */
export const Register: ObjectClass = worker.Register;
/** What the binding leads to. */
export type Register = DurableObject;

/** What other Workers are bound to, and `keeperOf` reaches. */
export const Edgekeeper: EntrypointClass = worker.Edgekeeper;
/** What a binding leads to. */
export type Edgekeeper = WorkerEntrypoint;

/**
 * The ensemble for the code of this very Worker, with locks, znodes and all that a binding has, by no door and without
 * a secret. Throws where the Worker does not export `Edgekeeper`.
 */
export function keeperOf(ctx: ExecutionContext): EdgekeeperBinding {
  const exported = (ctx.exports as { readonly Edgekeeper?: unknown }).Edgekeeper;
  if (exported === undefined) {
    throw new Error('the Worker does not export Edgekeeper: export { Edgekeeper } from "edgekeeper/worker"');
  }
  return exported as EdgekeeperBinding;
}

/** The doors: `export default app` where the Worker is nothing but the ensemble. */
export const app: App = worker.default;

/**
 * So that the module may be the whole Worker.
 *
 * @alias
 */
export default app;
