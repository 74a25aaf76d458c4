/**
 * A request to /BINDING/... is passed on to that Worker. POST /scheduled/BINDING with a time is its cron trigger; POST
 * /charge is a payment's own write, with a token of the test's.
 */
import type { EdgekeeperBinding } from "../../src/binding/binding.ts";
import { type Charge, charge } from "../../examples/payment/src/charge.ts";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
  readonly DB: D1Database;
  readonly [worker: string]: unknown;
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, binding = "", rest = ""] = /^\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    if (binding === "charge") {
      return Response.json(await charge(env.DB, await request.json<Charge>()));
    }
    if (binding === "scheduled") {
      const scheduledTime = new Date(await request.text());
      return Response.json(await workerOf(env, rest).scheduled({ scheduledTime, cron: "0 * * * *" }));
    }
    return await workerOf(env, binding).fetch(new Request(`http://${binding}/${rest}${url.search}`, request));
  },
};

export default worker;

/** A Worker as service_binding_extra_handlers has it. */
interface Triggered extends Fetcher {
  scheduled(trigger: { readonly scheduledTime: Date; readonly cron: string }): Promise<unknown>;
}

function workerOf(env: Env, binding: string): Triggered {
  return env[binding] as Triggered;
}
