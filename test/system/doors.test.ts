/** The doors of a running ensemble: who is let in, and that each carries ZooKeeper's protocol. */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { decodeServerMessage } from "../../src/jute/responses.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const HELLO = {
  protocolVersion: 0,
  lastZxidSeen: ZXID_ZERO,
  timeoutMs: 10_000,
  sessionId: 0n,
  password: new Uint8Array(16),
  readOnly: false,
};

let ensemble: TestEnsemble;
/** Its clients' streams go straight into the runtime. */
let direct: TestEnsemble;

beforeAll(async () => {
  [ensemble, direct] = await Promise.all([startEnsemble(), startEnsemble({ isDirect: true })]);
});

afterAll(async () => {
  await Promise.all([ensemble?.stop(), direct?.stop()]);
});

describe("the HTTP door", () => {
  test("tells who leads and how every replica does", async () => {
    const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
    const status = (await response.json()) as {
      leader: number;
      replicas: {
        sid: number;
        status: { serving: boolean; lastZxid: string; zab: { lastElectionReason: string } };
      }[];
    };

    expect(status.replicas.map(({ sid }) => sid)).toEqual([1, 2, 3]);
    expect(status.replicas.every((replica) => replica.status.serving)).toBe(true);
    expect([1, 2, 3]).toContain(status.leader);
    expect(status.replicas[0]?.status.zab.lastElectionReason).not.toBe("");
  });

  test("refuses a foreign Host, which a rebound name would bring", async () => {
    expect(await statusOf({ host: "evil.example" })).toBe(403);
    expect(await statusOf({ host: `localhost:${ensemble.httpPort}` })).toBe(200);
  });

  test("refuses a page of another origin", async () => {
    expect(await statusOf({ origin: "https://evil.example" })).toBe(403);
    expect(await statusOf({ origin: "http://localhost:3000" })).toBe(200);
  });

  test.each([
    "/peer/notification",
    "/peer/link",
    "/main/peer/link",
    "/gateway/status",
    "/main/../peer/link",
    "//peer/link",
  ])("does not lead to the replicas' own entry by %s", async (path) => {
    const response = await fetch(`${ensemble.httpUrl}${path}`);

    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toContain("problem+json");
  });

  test("says which ensembles there are where one is asked for that is not", async () => {
    const response = await fetch(`${ensemble.httpUrl}/nope/v1/status`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      code: "no-such-ensemble",
      detail: '"nope" is not one of: main',
    });
  });

  async function statusOf(headers: Record<string, string>): Promise<number | undefined> {
    const request = httpRequest({ host: "127.0.0.1", port: ensemble.httpPort, path: "/healthz", headers });
    request.end();
    const [response] = (await once(request, "response")) as [{ statusCode?: number; resume(): void }];
    response.resume();
    return response.statusCode;
  }
});

describe("the WebSocket door", () => {
  test("carries ZooKeeper's protocol, however the bytes are cut into messages", async () => {
    const socket = new WebSocket(`${ensemble.webSocketUrl.replace(/\/main\/zk$/, "")}/main/zk?sid=2`);
    socket.binaryType = "arraybuffer";
    const frames = framesOf(socket);
    await once(socket, "open");
    const writer = new JuteWriter();
    encodeConnectRequest(writer, HELLO);
    const data = new TextEncoder().encode("through a WebSocket");
    encodeRequest(writer, 1, { op: "create", path: "/ws", data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
    encodeRequest(writer, 2, { op: "getData", path: "/ws", watch: false });
    const bytes = writer.take();
    for (let at = 0; at < bytes.length; at += 7) socket.send(bytes.slice(at, at + 7));

    const hello = decodeConnectResponse((await frames.next()).value);
    const created = decodeServerMessage((await frames.next()).value, () => "create");
    const read = decodeServerMessage((await frames.next()).value, () => "getData");
    socket.close();

    expect(hello.sessionId >> 56n).toBe(2n);
    expect(created).toMatchObject({ header: { xid: 1, error: 0 }, response: { op: "path", path: "/ws" } });
    expect(read).toMatchObject({ header: { xid: 2, error: 0 }, response: { data } });
  });

  test("says what sids there are where another is asked for", async () => {
    const response = await fetch(`${ensemble.httpUrl}/main/zk?sid=9`, {
      headers: { connection: "upgrade", upgrade: "websocket" },
    }).catch(() => undefined);
    const plain = await fetch(`${ensemble.httpUrl}/main/zk`);

    expect(response?.status ?? 400).toBe(400);
    expect(plain.status).toBe(426);
  });
});

describe.each([
  ["on trunks", () => ensemble],
  ["straight into the runtime", () => direct],
] as const)("the TCP door, %s,", (_, its) => {
  test("leads from each port to the replica of its place", async () => {
    const sids = [];
    for (const port of its().tcpPorts) {
      const writer = new JuteWriter();
      encodeConnectRequest(writer, HELLO);
      const bytes = await exchange(port, writer.take(), 41);
      sids.push(Number(decodeConnectResponse(bytes.subarray(4)).sessionId >> 56n));
    }

    expect(sids).toEqual([1, 2, 3]);
  });

  test("hangs up on an oversized frame and on that client alone, and counts it", async () => {
    const port = its().tcpPorts[0] ?? 0;
    const before = await rejected();
    const writer = new JuteWriter();
    encodeConnectRequest(writer, HELLO);
    const good = connect(port, "127.0.0.1");
    good.write(writer.take());
    await once(good, "data");

    const answer = await exchange(port, Uint8Array.of(0x7f, 0xff, 0xff, 0xff), 1);
    encodeRequest(writer, -2, { op: "ping" });
    good.write(writer.take());
    const [pong] = (await once(good, "data")) as [Buffer];
    good.destroy();

    expect(answer.length).toBe(0);
    expect(pong.length).toBe(20);
    expect(await rejected()).toBe(before + 1);
  });

  async function rejected(): Promise<number> {
    const response = await fetch(`${its().httpUrl}/main/v1/status`);
    const { replicas } = (await response.json()) as {
      replicas: { status: { counters: { framesRejected: number } } }[];
    };
    return replicas.reduce((sum, { status }) => sum + status.counters.framesRejected, 0);
  }
});

/** Sends bytes and reads until there are `count`, or the server hangs up. */
async function exchange(port: number, bytes: Uint8Array, count: number): Promise<Uint8Array> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  let read = Buffer.alloc(0);
  for await (const chunk of socket) {
    read = Buffer.concat([read, chunk as Buffer]);
    if (read.length >= count) break;
  }
  socket.destroy();
  return read;
}

async function* framesOf(socket: WebSocket): AsyncGenerator<Uint8Array, never> {
  const decoder = new FrameDecoder(1_000_000);
  const chunks: Uint8Array[] = [];
  let wake = (): void => undefined;
  socket.addEventListener("message", ({ data }) => {
    chunks.push(new Uint8Array(data as ArrayBuffer));
    wake();
  });
  for (;;) {
    for (const chunk of chunks.splice(0)) decoder.push(chunk);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) yield frame;
    if (chunks.length === 0) await new Promise<void>((resolve) => (wake = resolve));
  }
}
