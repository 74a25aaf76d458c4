/** reconfig, request by request, as a real ZooKeeper of three servers answers it: errors, texts and versions. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { ERROR_CODES } from "../../src/base/error-code.ts";
import type { NodeData } from "../../src/base/request.ts";
import { zxidToBigInt } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { WireClient } from "../client/wire-client.ts";
import type { RequestOutcome } from "../client/wire-connection.ts";
import { ProcessSet } from "../compat/processes.ts";
import { startReconfigurableZooKeeper } from "../compat/reconfigurable-zookeeper.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble } from "../harness/ensemble.ts";
import { type ReconfigCase, RECONFIG_CASES } from "./reconfig-cases.ts";

/** A server, a super user and a stranger, and what each server's line says. */
interface Side {
  readonly name: string;
  readonly superUser: WireClient;
  readonly stranger: WireClient;
  readonly specs: readonly string[];
}

const processes = new ProcessSet();
const stops: (() => Promise<void>)[] = [];
let sides: readonly Side[] = [];

const decoder = new TextDecoder();

async function open(name: string, ports: readonly number[], specs: readonly string[]): Promise<Side> {
  const servers = ports.map((port) => ({ host: "127.0.0.1", port }));
  const client = async (): Promise<WireClient> => {
    const opened = new WireClient({ servers, timeoutMs: 30_000, connectDeadlineMs: 10_000 });
    expect(await opened.connected(30_000), `${name} lets a client in`).toBe(true);
    stops.unshift(async () => await opened.close());
    return opened;
  };
  const superUser = await client();
  const auth = new TextEncoder().encode(SUPER_LOGIN);
  await superUser.request({ op: "auth", type: 0, scheme: "digest", auth });
  return { name, superUser, stranger: await client(), specs };
}

beforeAll(async () => {
  const temporary = await mkdtemp(join(tmpdir(), "reconfig-"));
  stops.push(async () => await rm(temporary, { recursive: true, force: true }));
  const superDigest = digestOf(SUPER_LOGIN);
  const real = await startReconfigurableZooKeeper(processes, temporary, { superDigest });
  stops.unshift(async () => await real.stop());
  const vars = { SUPER_DIGEST: superDigest, RECONFIG_ENABLED: "1", HEARTBEAT_LIMIT_MS: "15000" };
  const ours = await startEnsemble({ vars, readyDeadlineMs: 60_000 });
  stops.unshift(async () => await ours.stop());
  const realPorts = real.addresses.map(({ port }) => port);
  const zookeeper = await open("zookeeper", realPorts, real.specs);
  const specs = ours.tcpPorts.map((port) => `127.0.0.1:2888:3888:participant;127.0.0.1:${port}`);
  sides = [zookeeper, await open("edgekeeper", ours.tcpPorts, specs)];
}, 600_000);

afterAll(async () => {
  for (const stop of stops) await stop();
  processes.killAll();
});

/** The text with each server's own line and the version left out. */
function masked(side: Side, data: NodeData, version: bigint): string {
  let text = decoder.decode(data ?? new Uint8Array());
  for (const [index, spec] of side.specs.entries()) {
    text = text.replace(`server.${index + 1}=${spec}\n`, `server.${index + 1}=*\n`);
  }
  return text.replace(`version=${version.toString(16)}`, "version=*");
}

function shown(side: Side, outcome: RequestOutcome): string {
  if (outcome.kind === "error") return `error ${outcome.code}`;
  if (outcome.kind !== "ok") return `${outcome.kind}: ${outcome.reason}`;
  const { response } = outcome;
  if (response.op !== "getData") return response.op;
  const { stat, data } = response;
  const isReply = zxidToBigInt(stat.mzxid) === zxidToBigInt(outcome.zxid) ? "of this request" : "older";
  const figures = `version ${stat.version}, aversion ${stat.aversion}, ${isReply}`;
  return `${masked(side, data, zxidToBigInt(stat.mzxid))}\n(${figures})`;
}

/** The version of the configuration, as both the text and its Stat tell it. */
async function versionOf(side: Side): Promise<bigint> {
  const read = await side.superUser.request({ op: "getData", path: "/zookeeper/config", watch: false });
  if (read.kind !== "ok" || read.response.op !== "getData") throw new Error(`no configuration: ${read.kind}`);
  const [, version = ""] = /version=(.*)$/.exec(decoder.decode(read.response.data ?? new Uint8Array())) ?? [];
  return BigInt(`0x${version}`);
}

async function play(side: Side, one: ReconfigCase): Promise<string> {
  const fill = (text: string | null | undefined): string | null =>
    text?.replaceAll(/\{(\d)\}/g, (_, sid: string) => side.specs[Number(sid) - 1] ?? "") ?? null;
  const request: ClientRequest = {
    op: "reconfig",
    joiningServers: fill(one.joining),
    leavingServers: fill(one.leaving),
    newMembers: fill(one.members),
    currentConfigId: one.from === "present" ? await versionOf(side) : BigInt(one.from ?? -1),
  };
  const client = one.by === "stranger" ? side.stranger : side.superUser;

  for (;;) {
    const outcome = await client.request(request);
    // The case before this one is committed, and not known to be so by all.
    if (outcome.kind !== "error" || outcome.code !== ERROR_CODES.reconfigInProgress)
      return shown(side, outcome);
  }
}

test.each(RECONFIG_CASES)("$name", async (one) => {
  const [zookeeper, edgekeeper] = [sides[0], sides[1]];
  if (zookeeper === undefined || edgekeeper === undefined) throw new Error("both are started");
  const expected = await play(zookeeper, one);
  expect(expected).toMatch(one.shows);
  expect(await play(edgekeeper, one)).toBe(expected);
});
