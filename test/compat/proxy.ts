/**
 * A TCP proxy between one client and the servers, so that the suite can move the client: it cuts the client's
 * connections and leads the next one to another replica, while the client knows a single address and does
 * what it always does when a connection is lost.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Address } from "./servers.ts";

/** Leads connections to one replica of several; `move` chooses the next one. */
export class SwitchProxy {
  readonly #targets: readonly Address[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #index = 0;

  private constructor(targets: readonly Address[]) {
    this.#targets = targets;
    this.#server = createServer((client) => this.#onConnection(client));
  }

  /** Listens on a free port of loopback. */
  static async listen(targets: readonly Address[]): Promise<SwitchProxy> {
    const proxy = new SwitchProxy(targets);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get address(): Address {
    const bound = this.#server.address() as AddressInfo;
    return { host: "127.0.0.1", port: bound.port };
  }

  /** Cuts every connection; those that follow reach the next replica. Returns its address. */
  move(): Address {
    this.#index = (this.#index + 1) % this.#targets.length;
    for (const socket of this.#sockets) socket.destroy();
    return this.#target();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #target(): Address {
    const target = this.#targets[this.#index];
    if (target === undefined) throw new Error("a proxy needs at least one target");
    return target;
  }

  #onConnection(client: Socket): void {
    const server = connect(this.#target());
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A reset or a refused connection reaches the other side as the close that follows it.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on("end", () => other.end());
    }
    client.pipe(server);
    server.pipe(client);
  }
}
