/** The Worker: the HTTP door, the TCP door, the service binding, and the Durable Object classes. */
import { makeApp } from "./gateway/app.ts";
import { Gatekeeper } from "./gateway/gatekeeper.ts";
import { CallerIdentities } from "./gateway/identities.ts";
import { BindingApi } from "./gateway/rpc/api-caller.ts";
import { BindingEntrypoint } from "./gateway/rpc/entrypoint.ts";
import { TcpDoor, type TcpEnv } from "./gateway/tcp.ts";
import { Whereabouts } from "./gateway/whereabouts.ts";

export { Register } from "./durable/register.ts";
export { Replica } from "./durable/replica.ts";

const callers = new CallerIdentities();
const whereabouts = new Whereabouts();
const app = makeApp({ callers, whereabouts, gatekeeper: new Gatekeeper() });
const bindingApi = new BindingApi(callers, whereabouts);
const tcpDoor = new TcpDoor();

/** The doors: HTTP, and TCP where the runtime hands it over. */
interface Doors {
  fetch(request: Request, env: TcpEnv, ctx: ExecutionContext): Response | Promise<Response>;
  connect(socket: Socket, env: TcpEnv): Promise<void>;
}

const worker: Doors = {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
  connect: (socket, env) => tcpDoor.forward(socket, env),
};

/** What a Worker of the same account is bound to: `services = [{ ..., entrypoint = "Edgekeeper" }]`. */
export class Edgekeeper extends BindingEntrypoint {
  protected override readonly api: BindingApi = bindingApi;
}

/** What the platform calls. */
export default worker;
