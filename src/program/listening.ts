/** Whether anybody listens on this machine: to wait for a door that nobody opens is no use, and it can be known. */
import { once } from "node:events";
import { connect } from "node:net";

import { EXIT, ProgramError } from "./exit-code.ts";

/** For so long a refusal may be that of a process that is started again, in ms. */
const PATIENCE_MS = 1000;

const AGAIN_MS = 50;

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Throws ProgramError where the address is of this machine and refuses connections. Of others it says nothing. */
export async function checkListening(origin: string): Promise<void> {
  const { hostname, port, protocol } = new URL(origin);
  if (!LOOPBACK.has(hostname)) return;
  const door = {
    host: hostname.replaceAll(/[[\]]/g, ""),
    port: Number(port || (protocol === "https:" ? 443 : 80)),
  };
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const refusal = await refusalOf(door);
    if (refusal === undefined) return;
    if (performance.now() >= untilMs) {
      throw new ProgramError(`nobody listens at ${origin}: is \`npm start\` running?`, {
        exitCode: EXIT.unreachable,
        code: "nobody-listens",
        cause: refusal,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Why the connection was refused; undefined where it was not. */
async function refusalOf(door: { readonly host: string; readonly port: number }): Promise<unknown> {
  const socket = connect(door);
  try {
    await once(socket, "connect");
    return undefined;
  } catch (error) {
    // Whatever else keeps it from connecting is for the question itself to meet, and to tell.
    return error instanceof Error && "code" in error && error.code === "ECONNREFUSED" ? error : undefined;
  } finally {
    socket.destroy();
  }
}
