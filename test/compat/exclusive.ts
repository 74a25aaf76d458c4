/** One at a time on this machine, whatever process asks: tests that run side by side install the same things. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * Runs the action when no other of this name runs. The name is held by a socket without a file, which Linux has: it is
 * gone with its process, so nobody waits for one that was killed.
 */
export async function exclusively<T>(name: string, action: () => Promise<T>): Promise<T> {
  // The name of a socket is short.
  const path = `\0edgekeeper-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    // Who waits may be killed.
    socket.on("error", () => undefined);
  });
  while (!(await isTaken(server, path))) await released(path);
  try {
    return await action();
  } finally {
    const closed = once(server, "close");
    server.close();
    for (const socket of waiting) socket.destroy();
    await closed;
  }
}

/** Whether the name is ours now; another has it where not. */
async function isTaken(server: Server, path: string): Promise<boolean> {
  server.listen(path);
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    return false;
  }
}

/** Resolves when its holder lets go of it, or has already. */
async function released(path: string): Promise<void> {
  const socket = connect(path);
  // Nobody holds it any more: that is what is waited for.
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
}
