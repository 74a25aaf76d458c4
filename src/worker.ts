/** The Worker: the HTTP door, the TCP door, and the Durable Object class. */
import { makeApp } from "./gateway/app.ts";
import { forwardTcp, type TcpEnv } from "./gateway/tcp.ts";

export { Replica } from "./durable/replica.ts";

const app = makeApp();

const worker: ExportedHandler<TcpEnv> = {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
  connect: (socket, env) => forwardTcp(socket, env),
};

/** What the platform calls. */
export default worker;
