/** Clients that read slowly, or not at all, over real sockets: what the runtime holds for them stays bounded. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { encodeConnectRequest } from "../../src/jute/handshake.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { OUTPUT_WINDOW_BYTES } from "../../src/keeper/limits.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { openTcp, openWebSocket, type RawSocket } from "../harness/raw-socket.ts";

const DATA_BYTES = 900_000;
const READS = 100;
const FRAME_BYTES_MAX = 2_000_000;

let ensemble: TestEnsemble;
/** Its clients' streams go straight into the runtime. */
let direct: TestEnsemble;

beforeAll(async () => {
  [ensemble, direct] = await Promise.all([startEnsemble(), startEnsemble({ isDirect: true })]);
});

afterAll(async () => {
  await Promise.all([ensemble?.stop(), direct?.stop()]);
});

interface Replica {
  readonly sid: number;
  readonly status: { readonly clientBytes: number };
}

async function statusOf({ httpUrl }: TestEnsemble, sid: number): Promise<Replica["status"]> {
  const response = await fetch(`${httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as { replicas: Replica[] };
  const replica = replicas.find((one) => one.sid === sid);
  if (replica === undefined) throw new Error(`no replica ${sid}`);
  return replica.status;
}

/** Says hello, makes a large znode, and asks for it many times. */
function askForMuch(raw: RawSocket, path: string): void {
  const writer = new JuteWriter();
  encodeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeoutMs: 40_000,
    sessionId: 0n,
    password: new Uint8Array(16),
    readOnly: false,
  });
  const data = new Uint8Array(DATA_BYTES);
  encodeRequest(writer, 1, { op: "create", path, data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
  for (let xid = 2; xid < 2 + READS; xid++) encodeRequest(writer, xid, { op: "getData", path, watch: false });
  raw.send(writer.take());
}

/** The xids of the replies, in order, as they come. */
function xidsOf(raw: RawSocket): number[] {
  const decoder = new FrameDecoder(FRAME_BYTES_MAX);
  const xids: number[] = [];
  let isWelcome = true;
  raw.onBytes = (bytes) => {
    decoder.push(bytes);
    for (let body = decoder.next(); body !== undefined; body = decoder.next()) {
      if (!isWelcome) xids.push(new DataView(body.buffer, body.byteOffset).getInt32(0));
      isWelcome = false;
    }
  };
  return xids;
}

describe.each([
  ["a trunk", 1, () => ensemble, async () => openTcp(ensemble.tcpPorts[0] ?? 0)],
  ["TCP", 1, () => direct, async () => openTcp(direct.tcpPorts[0] ?? 0)],
  ["WebSocket", 2, () => ensemble, async () => openWebSocket(ensemble.httpPort, "/main/zk?sid=2")],
] as const)("a client over %s", (name, sid, its, open) => {
  test("that stops reading holds a window of output, and gets all of it in order when it reads again", async () => {
    const raw = await open();
    const xids = xidsOf(raw);
    askForMuch(raw, `/${name.replace(" ", "-")}`);
    await expect.poll(() => xids.length, { timeout: 30_000 }).toBeGreaterThan(1);
    raw.socket.pause();
    let most = 0;
    for (let look = 0; look < 100; look++) most = Math.max(most, (await statusOf(its(), sid)).clientBytes);
    const paused = xids.length;
    raw.socket.resume();
    await expect.poll(() => xids.length, { timeout: 60_000 }).toBe(READS + 1);
    raw.socket.destroy();

    expect(paused).toBeLessThan(READS);
    expect(most).toBeLessThan(OUTPUT_WINDOW_BYTES + 2 * DATA_BYTES);
    expect(xids).toEqual(Array.from({ length: READS + 1 }, (_, index) => index + 1));
  });
});
