/**
 * A bridge that passes pings on, in front of voters and an observer: zkCli as its client, a port that leads to an
 * observer, and pings that get to the replica.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { afterAll, beforeAll, expect, test } from "vitest";

import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeConnectResponse, encodeConnectRequest } from "../../src/jute/handshake.ts";
import { ZkCli } from "../compat/clients/node/zk-cli.ts";
import { ZOOKEEPER_PACKAGES } from "../compat/clients.ts";
import { ProcessSet } from "../compat/processes.ts";
import { askWord } from "../compat/servers.ts";
import { Toolbox } from "../compat/tools.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";
import { RunningProgram } from "../program/run-program.ts";

const OBSERVER = 4;
const TIMEOUT_MS = 6000;
const FRAME_BYTES_MAX = 1024 * 1024;
const PING = Uint8Array.of(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11);

let ensemble: TestEnsemble;
let passing: RunningProgram;
let ports: readonly number[];

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { OBSERVERS: String(OBSERVER) } });
  ports = await freePorts(ensemble.tcpPorts.length);
  passing = await openBridge(ports, "--pings", "replica");
});

afterAll(async () => {
  await passing.interrupt();
  await ensemble.stop();
});

async function openBridge(where: readonly number[], ...more: readonly string[]): Promise<RunningProgram> {
  const words = ["bridge", "--ports", where.join(","), "--url", ensemble.httpUrl, ...more];
  const program = new RunningProgram(words);
  await program.until(/connect string/);
  return program;
}

const at = (port: number | undefined): { readonly host: string; readonly port: number } => {
  return { host: "127.0.0.1", port: port ?? 0 };
};

test("the port behind the voters' leads to the observer, and the bridge says so", async () => {
  const port = ports.at(-1);

  expect(passing.stdout).toContain(`127.0.0.1:${port} leads to replica ${OBSERVER}, an observer`);
  expect(await askWord(at(port), ["conf"])).toContain(`serverId=${OBSERVER}\n`);
  expect(await askWord(at(port), ["srvr"])).toContain("Mode: observer\n");
});

test("zkCli writes, watches and moves between ports of the bridge as at the replicas themselves", async () => {
  await (await Toolbox.open(new ProcessSet())).needDebian(ZOOKEEPER_PACKAGES);
  // The observer first: its client's writes go to the leader, and what it reads is its own.
  const [voter, observer] = [`127.0.0.1:${ports[0]}`, `127.0.0.1:${ports.at(-1)}`];
  const [writer, watcher] = [new ZkCli(observer), new ZkCli(voter)];
  try {
    await Promise.all([writer.connected(), watcher.connected()]);
    await writer.expect("create /cli one", "Created /cli");
    await writer.expect("get /cli", "one");
    await watcher.expect("sync /cli", "Sync is OK");
    await watcher.expect("get -w /cli", "one");
    await writer.expect("create -e /cli/mine x", "Created /cli/mine");
    await writer.run("set /cli two");
    await watcher.event("SyncConnected", "NodeDataChanged", "/cli");
    expect((await watcher.stat("stat /cli")).get("dataVersion")).toBe("1");
  } finally {
    await Promise.all([writer.quit(), watcher.quit()]);
  }
});

interface Session {
  readonly socket: Socket;
  readonly timeoutMs: number;
  /** As `cons` writes it. */
  readonly id: string;
}

/** A session of a port; its frames are taken one at a time. */
async function openSession(port: number | undefined): Promise<Session> {
  const socket = connect(at(port));
  const password = new Uint8Array(16);
  const asked = {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeoutMs: TIMEOUT_MS,
    sessionId: 0n,
    password,
  };
  const writer = new JuteWriter();
  encodeConnectRequest(writer, { ...asked, readOnly: false });
  socket.write(writer.take());
  const { timeoutMs, sessionId } = decodeConnectResponse(await nextFrame(socket));
  return { socket, timeoutMs, id: `sid=0x${sessionId.toString(16)},` };
}

async function nextFrame(socket: Socket): Promise<Uint8Array> {
  const decoder = new FrameDecoder(FRAME_BYTES_MAX);
  for (;;) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    decoder.push(chunk);
    const frame = decoder.next();
    if (frame !== undefined) return frame;
  }
}

/** What the first replica knows of a session, after so many pings that were answered one after the other. */
async function seenAtReplica(
  port: number | undefined,
  pings: number,
): Promise<{ told: number; line: string }> {
  const { socket, timeoutMs, id } = await openSession(port);
  try {
    for (let ping = 0; ping < pings; ping++) {
      socket.write(PING);
      await nextFrame(socket);
    }
    const connections = await askWord(at(ensemble.tcpPorts[0]), ["cons"]);
    return { told: timeoutMs, line: connections.split("\n").find((one) => one.includes(id)) ?? connections };
  } finally {
    socket.destroy();
  }
}

test("with --pings replica every ping gets there, and the timeout is as without the bridge", async () => {
  const pings = 5;
  const direct = await seenAtReplica(ensemble.tcpPorts[0], pings);
  const passed = await seenAtReplica(ports[0], pings);

  expect(direct.told).toBe(TIMEOUT_MS);
  expect(passed.told).toBe(TIMEOUT_MS);
  expect(direct.line).toContain(`,to=${TIMEOUT_MS},`);
  expect(passed.line).toContain(`,to=${TIMEOUT_MS},`);
  const received = /recved=(\d+)/.exec(direct.line)?.[1];
  expect(Number(received)).toBeGreaterThanOrEqual(pings);
  expect(passed.line).toContain(`recved=${received},`);
});

test("without it the replica hears fewer of them, and grants a third more", async () => {
  const [port = 0] = await freePorts(1);
  const answering = await openBridge([port]);
  try {
    const { told, line } = await seenAtReplica(port, 5);

    expect(told).toBe(TIMEOUT_MS);
    expect(line).toContain(`,to=${(TIMEOUT_MS * 4) / 3},`);
    expect(Number(/recved=(\d+)/.exec(line)?.[1])).toBeLessThan(5);
  } finally {
    await answering.interrupt();
  }
});
