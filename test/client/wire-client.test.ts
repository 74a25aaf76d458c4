import { afterEach, expect, test, vi } from "vitest";

import type { ConnectRequest, ConnectResponse } from "../../src/jute/handshake.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { type Arrived, FakeServer, replyEmpty, type Script } from "./fake-server.ts";
import { WireClient, type WireClientSetup } from "./wire-client.ts";

const PASSWORD = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
const DELETE: ClientRequest = { op: "delete", path: "/a", version: -1 };
const DEADLINE_MS = 5000;

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function welcome(timeoutMs = 10_000): (hello: ConnectRequest) => ConnectResponse {
  return () => ({ protocolVersion: 0, timeoutMs, sessionId: 0x77n, password: PASSWORD, readOnly: false });
}

function echo(arrived: Arrived): void {
  replyEmpty(arrived, { epoch: 1, counter: Math.max(0, arrived.xid) });
}

async function serve(script: Partial<Script>): Promise<FakeServer & { readonly port: number }> {
  const server = new FakeServer({ onHello: welcome(), onRequest: echo, ...script });
  const { port } = await server.listen();
  cleanups.push(async () => await server.close());
  return Object.assign(server, { port });
}

async function connect(
  servers: readonly { readonly port: number }[],
  setup: Partial<WireClientSetup> = {},
): Promise<WireClient> {
  const addresses = servers.map(({ port }) => ({ host: "127.0.0.1", port }));
  const client = new WireClient({ servers: addresses, ...setup });
  cleanups.push(async () => await client.abandon());
  expect(await client.connected(DEADLINE_MS)).toBe(true);
  return client;
}

test("requests in a pipeline get the replies to their own numbers", async () => {
  const client = await connect([await serve({})]);

  const outcomes = await Promise.all(Array.from({ length: 3000 }, async () => await client.request(DELETE)));

  const counters = outcomes.map((outcome) => (outcome.kind === "ok" ? outcome.zxid.counter : -1));
  expect(counters).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1));
  expect(client.lastZxid).toEqual({ epoch: 1, counter: 3000 });
});

test("an error of the server is an error, and the connection stays", async () => {
  const onRequest = (arrived: Arrived): void => replyEmpty(arrived, { epoch: 1, counter: 1 }, -101);
  const client = await connect([await serve({ onRequest })]);

  expect(await client.request(DELETE)).toMatchObject({ kind: "error", code: -101 });
  expect(client.state).toBe("connected");
});

test("a request whose connection ends before the reply is unknown, one without a connection unsent", async () => {
  const server = await serve({ onRequest: ({ socket }) => socket.destroy() });
  const client = await connect([server]);

  expect(await client.request(DELETE)).toMatchObject({ kind: "unknown" });
  await server.close();
  cleanups.splice(0, 1);
  await expect.poll(async () => (await client.request(DELETE)).kind).toBe("unsent");
});

test("a session moves to the next server with its id, its password and the last zxid it saw", async () => {
  const first = await serve({});
  const second = await serve({});
  const client = await connect([first, second]);
  await client.request(DELETE);

  first.drop();
  await expect.poll(() => client.connects, { timeout: DEADLINE_MS }).toBe(2);

  expect(client.server).toBe(1);
  const hello = second.hellos[0];
  expect(hello?.sessionId).toBe(0x77n);
  expect(Array.from(hello?.password ?? [])).toEqual(Array.from(PASSWORD));
  expect(hello?.lastZxidSeen).toEqual({ epoch: 1, counter: 1 });
  expect(await client.request(DELETE)).toMatchObject({ kind: "ok" });
});

test("a client goes to the server that it is moved to", async () => {
  const servers = [await serve({}), await serve({}), await serve({})];
  const client = await connect(servers);

  client.moveTo(2);
  await expect.poll(() => client.connects, { timeout: DEADLINE_MS }).toBe(2);

  expect(client.server).toBe(2);
});

test("a session that the server does not know any more has expired, and tells how long it was silent", async () => {
  let greetings = 0;
  const onHello = (hello: ConnectRequest): ConnectResponse => {
    return welcome(greetings++ === 0 ? 10_000 : 0)(hello);
  };
  const server = await serve({ onHello });
  const client = await connect([server]);
  await client.request(DELETE);

  server.drop();
  await expect.poll(() => client.state, { timeout: DEADLINE_MS }).toBe("expired");

  expect(client.expiry?.session).toBe(0x77n);
  expect(client.expiry?.timeoutMs).toBe(10_000);
  expect(client.expiry?.lastContactMs).toBeGreaterThan(0);
  expect(await client.request(DELETE)).toMatchObject({ kind: "unsent", reason: "expired" });
  expect(await client.connected(DEADLINE_MS)).toBe(false);
});

test("a zxid that goes back is reported, on one connection and from one to the next", async () => {
  const onFault = vi.fn<(what: string) => void>();
  let counter = 10;
  const server = await serve({
    onRequest: (arrived) => replyEmpty(arrived, { epoch: 1, counter: counter-- }),
  });
  const client = await connect([server], { onFault });

  await client.request(DELETE);
  expect(onFault).not.toHaveBeenCalled();
  await client.request(DELETE);
  expect(onFault.mock.calls[0]?.[0]).toContain("1:9 after 1:10");

  server.drop();
  await expect.poll(() => client.connects, { timeout: DEADLINE_MS }).toBe(2);
  await client.request(DELETE);
  expect(onFault.mock.calls[1]?.[0]).toContain("1:8 after 1:10");
});

test("a reply out of order is reported and ends the connection", async () => {
  const onFault = vi.fn<(what: string) => void>();
  const onRequest = ({ socket }: Arrived): void => replyEmpty({ xid: 2, socket }, { epoch: 1, counter: 1 });
  const client = await connect([await serve({ onRequest })], { onFault });

  const outcomes = await Promise.all([client.request(DELETE), client.request(DELETE)]);

  expect(outcomes.map(({ kind }) => kind)).toEqual(["unknown", "unknown"]);
  expect(onFault.mock.calls[0]?.[0]).toContain("unknown xid 2");
});

test("an idle client pings, and so keeps its session", async () => {
  const server = await serve({ onHello: welcome(300) });
  const client = await connect([server]);

  await expect.poll(() => server.requests.length, { timeout: DEADLINE_MS }).toBeGreaterThan(5);

  expect(new Set(server.requests.map(({ request }) => request.op))).toEqual(new Set(["ping"]));
  expect(client.connects).toBe(1);
});

test("a server that is silent for two thirds of the timeout is left for the next", async () => {
  const silent = await serve({ onHello: welcome(300), onRequest: () => {} });
  const other = await serve({ onHello: welcome(300) });
  const client = await connect([silent, other]);

  expect(await client.request(DELETE)).toMatchObject({ kind: "unknown", reason: "the server was silent" });
  expect(await client.connected(DEADLINE_MS)).toBe(true);
  expect(client.server).toBe(1);
});

test("a server that does not complete the handshake in time is left for the next", async () => {
  const mute = new FakeServer({
    onHello: () => {
      throw new Error("not reached: the client's bytes stay unread");
    },
    onRequest: () => {},
  });
  // Accepts connections, as its system does for it, and never reads.
  const { port } = await mute.listen();
  mute.pause();
  cleanups.push(async () => await mute.close());
  const other = await serve({});

  const client = await connect([{ port }, other], { connectDeadlineMs: 100 });

  expect(client.server).toBe(1);
});
