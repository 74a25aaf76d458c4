/** Bounds that only real sockets and a real database can show: handshakes without end, and storage that is used up. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { HANDSHAKE_LIMIT_MS } from "../../src/keeper/limits.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { STORAGE_LIMIT_MB: "8", LOG_BATCHES_MAX: "16" } });
});

afterAll(async () => {
  await ensemble.stop();
});

interface Status {
  readonly connections: number;
  readonly clientBytes: number;
}

async function statusOf(sid: number): Promise<Status> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as { replicas: { sid: number; status: Status }[] };
  const found = replicas.find((one) => one.sid === sid);
  if (found === undefined) throw new Error(`no replica ${sid}`);
  return found.status;
}

async function open(allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ port: ensemble.tcpPorts[0] ?? 0, host: "127.0.0.1", allowHalfOpen });
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  return socket;
}

test("a handshake that comes byte by byte, or not at all, is hung up on, and so is one half closed", async () => {
  const silent = await open();
  const slow = await open();
  const half = await open(true);
  const sockets = [silent, slow, half];
  // A byte that comes just as the replica hangs up is answered by a reset: that, too, is being hung up on.
  const hungUp = Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
  );
  // A frame of 44 bytes is promised; it never comes to an end.
  const drip = setInterval(() => slow.write(Uint8Array.of(0)), 500);
  slow.write(Uint8Array.of(0, 0, 0, 44));
  half.write(Uint8Array.of(0, 0, 0, 44));
  half.end();
  half.on("end", () => half.destroy());
  const late = setTimeout(() => sockets.forEach((socket) => socket.destroy(new Error("late"))), 60_000);
  await hungUp;
  clearInterval(drip);
  clearTimeout(late);

  expect(sockets.map(({ errored }) => errored?.message)).not.toContain("late");
  await expect
    .poll(() => statusOf(1), { timeout: HANDSHAKE_LIMIT_MS })
    .toMatchObject({
      connections: 0,
      clientBytes: 0,
    });
});

test("a database that has grown to STORAGE_LIMIT_MB refuses creates until znodes are deleted, and is read", async () => {
  const servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
  const client = new WireClient({ servers, timeoutMs: 20_000 });
  expect(await client.connected(20_000)).toBe(true);
  const data = new Uint8Array(200_000).fill(7);
  let made = 0;
  const codeOf = async (request: Parameters<typeof client.request>[0]): Promise<number> => {
    const outcome = await client.request(request);
    if (outcome.kind === "error") return outcome.code;
    expect(outcome.kind).toBe("ok");
    return 0;
  };
  const create = async (): Promise<number> => {
    const path = `/full-${made}`;
    const code = await codeOf({ op: "create", path, data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
    if (code === 0) made++;
    return code;
  };

  await expect.poll(create, { timeout: 60_000, interval: 50 }).toBe(ERROR_CODES.quotaExceeded);

  expect(made).toBeGreaterThan(10);
  expect(await codeOf({ op: "getData", path: "/full-0", watch: false })).toBe(0);
  expect(ensemble.output()).toContain("storage full, creates and sets are refused");
  for (let index = 0; index < made; index++) {
    expect(await codeOf({ op: "delete", path: `/full-${index}`, version: -1 })).toBe(0);
  }
  await expect.poll(create, { timeout: 20_000, interval: 50 }).toBe(0);
  expect(ensemble.output()).toContain("storage has room again");
  await client.close();
});
