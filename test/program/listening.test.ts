/** What the program says where nobody listens, and how soon. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import { expect, test } from "vitest";

import { checkListening } from "../../src/program/listening.ts";
import { runProgram } from "./run-program.ts";

/** Below what a connection of the program may take, 10 s. */
const SOON_MS = 8000;

/** A server on a port of its own. */
async function listening(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

async function shutDoor(): Promise<string> {
  const { url, close } = await listening();
  await close();
  return url;
}

test.each([
  ["a session", ["ls", "/"]],
  ["a request over HTTP", ["token", "list"]],
  ["one that would be asked again", ["config", "get", "app"]],
])("%s says so soon, and ends as unreachable", async (_, words) => {
  const url = await shutDoor();
  const beganMs = performance.now();
  const { code, stderr } = await runProgram([...words, "--url", url]);
  expect(stderr).toBe(`edgekeeper: nobody listens at ${url}: is \`npm start\` running?\n`);
  expect(code).toBe(4);
  expect(performance.now() - beganMs).toBeLessThan(SOON_MS);
});

test("nothing is said of a door that is open, nor of another machine's", async () => {
  const { url, close } = await listening();
  await expect(checkListening(url)).resolves.toBeUndefined();
  await close();
  await expect(checkListening("http://nobody.invalid")).resolves.toBeUndefined();
});

test("the name of this machine is this machine", async () => {
  const url = (await shutDoor()).replace("127.0.0.1", "localhost");
  await expect(checkListening(url)).rejects.toThrow(`nobody listens at ${url}`);
});
