/** An ensemble with something of everything in it, and what the dashboard's tests ask it behind the page's back. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { connect } from "../../src/client/index.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

/** What the deployment's secret is. */
export const SECRET = "the secret of this ensemble";

/** Children of /big. */
export const CHILDREN = 100_000;

const PER_TRANSACTION = 5000;

/** See the file's comment. */
export interface Scene {
  readonly ensemble: TestEnsemble;
  readonly api: HttpApi;
  /** Of the dashboard. */
  readonly url: string;
}

/** Starts and fills it. */
export async function openScene({
  children = CHILDREN,
  vars: more = {},
}: {
  /** Of /big. */
  readonly children?: number;
  readonly vars?: Readonly<Record<string, string>>;
} = {}): Promise<Scene> {
  const vars = { EDGEKEEPER_SECRET: SECRET, PLACEMENT: "1=weur,2=enam,3=apac", ...more };
  const ensemble = await startEnsemble({ vars });
  const api = await HttpApi.open(ensemble.httpUrl, { authorization: `Bearer ${SECRET}` });
  const settings = { region: "weur", limits: { requests: 100, burst: 20 } };
  for (const [path, body] of [
    ["/nodes/app", ""],
    ["/nodes/app/settings", JSON.stringify(settings)],
    ["/nodes/app/greeting", "hello\nworld"],
    ["/nodes/big", ""],
  ] as const) {
    await api.call("PUT", path, { body });
  }
  await api.call("PUT", "/nodes/app/icon", { body: new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 255]) });
  for (const port of [80, 8080, 8443]) {
    await api.call("PUT", "/config/checkout", { json: { port, hosts: ["a.example", "b.example"] } });
  }
  await fill(ensemble, children);
  return { ensemble, api, url: `${ensemble.httpUrl}/main/` };
}

/** Over a connection, which takes larger transactions than a request. */
async function fill({ httpUrl }: TestEnsemble, children: number): Promise<void> {
  const client = await connect(httpUrl, { token: SECRET });
  try {
    for (let from = 0; from < children; from += PER_TRANSACTION) {
      const transaction = client.transaction();
      const until = Math.min(children, from + PER_TRANSACTION);
      for (let at = from; at < until; at++) transaction.create(`/big/${childName(at)}`, "");
      await transaction.commit();
    }
  } finally {
    await client.close();
  }
}

/** The name of one of them; they are sorted as they are counted. */
export function childName(at: number): string {
  return `item-${String(at).padStart(6, "0")}`;
}

/** Takes a lock, or waits for it for a minute. */
export async function acquire(
  { api }: Scene,
  name: string,
  owner: string,
  waitMs = 0,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const json = { ttlMs: 600_000, waitMs, owner };
  return (await api.call("POST", `/locks/${name}/acquire`, { json })).json;
}

/** A token with one scope. */
export async function tokenFor(
  { api }: Scene,
  permissions: readonly string[],
  prefix = "/",
): Promise<string> {
  const json = { name: "visitor", scopes: [{ prefix, permissions }] };
  return String((await api.call("POST", "/tokens", { json })).json?.["token"]);
}

/** Who leads. */
export async function leaderOf({ ensemble }: Scene): Promise<number | null> {
  const headers = { authorization: `Bearer ${SECRET}` };
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`, { headers });
  const told: unknown = await response.json();
  return (told as { readonly leader: number | null }).leader;
}

/** Kills the process of a replica, as the loss of its host is. */
export async function killReplica({ ensemble }: Scene, sid: number): Promise<void> {
  const text = await readFile(join(ensemble.dataDirectory, "runtime/runtime.pid"), "utf8");
  const id = Number(text.trim().split("\n")[sid - 1]);
  if (!Number.isInteger(id) || id <= 0) throw new Error(`replica ${sid} has no process: ${text}`);
  process.kill(id, "SIGKILL");
}
