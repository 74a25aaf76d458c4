/** The Worker: the HTTP door, the TCP door, and the Durable Object classes. */
import { makeApp } from "./gateway/app.ts";
import { CallerIdentities } from "./gateway/identities.ts";
import { TcpDoor, type TcpEnv } from "./gateway/tcp.ts";

export { Register } from "./durable/register.ts";
export { Replica } from "./durable/replica.ts";

const app = makeApp(new CallerIdentities());
const tcpDoor = new TcpDoor();

const worker: ExportedHandler<TcpEnv> = {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
  connect: (socket, env) => tcpDoor.forward(socket, env),
};

/** What the platform calls. */
export default worker;
