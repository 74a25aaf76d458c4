/** Webhooks through the real runtime: at least once, in order, over the death of leaders and a receiver that fails. */
import { once } from "node:events";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

const LONG_MS = 60_000;

let ensemble: TestEnsemble;
let api: HttpApi;
let receiver: Server;
let url: string;

interface Delivery {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly events: readonly { readonly id: string; readonly type: string; readonly path: string }[];
}

/** What came and was taken, in order. */
const taken: Delivery[] = [];
/** How the next ones are answered; 200 behind them. */
let answers: number[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const status = answers.shift() ?? 200;
      const body = Buffer.concat(chunks).toString();
      const { events } = JSON.parse(body) as Pick<Delivery, "events">;
      if (status === 200) taken.push({ path: request.url ?? "", headers: request.headers, body, events });
      response.writeHead(status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml", vars: { WEBHOOKS_ENABLED: "1" } });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => {
  await ensemble?.stop();
  receiver?.close();
});

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(what, { timeout: LONG_MS, interval: 20 }).toBe(true);
}

async function hook(name: string, path: string): Promise<string> {
  const made = await api.call("POST", "/webhooks", { json: { name, url: `${url}/${name}`, path } });
  expect(made.status).toBe(201);
  return String(made.json?.["secret"]);
}

async function stateOf(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await api.call("GET", "/webhooks");
  const all = json?.["webhooks"] as readonly Readonly<Record<string, unknown>>[];
  return all.find((one) => one["name"] === name) ?? {};
}

function deliveries(name: string): readonly Delivery[] {
  return taken.filter(({ path }) => path === `/${name}`);
}

/** Paths of the events that came, each as it came first. */
function told(name: string): readonly string[] {
  const events = deliveries(name).flatMap((delivery) => delivery.events);
  return [...new Map(events.map(({ id, path }) => [id, path])).values()];
}

test("changes are delivered, signed, and how far is shown", async () => {
  const secret = await hook("first", "/hooked");
  await api.call("PUT", "/nodes/hooked");
  await api.call("PUT", "/nodes/hooked/a");
  await api.call("PUT", "/nodes/elsewhere");
  await until(() => told("first").length === 2);
  expect(told("first")).toEqual(["/hooked", "/hooked/a"]);
  for (const { headers, body } of deliveries("first")) {
    const [id, timestamp] = [String(headers["webhook-id"]), String(headers["webhook-timestamp"])];
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    const signed = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${signed}`);
    expect(JSON.parse(body)).toMatchObject({ webhook: "first" });
  }
  await until(async () => (await stateOf("first"))["deliveredAt"] !== null);
  expect(await stateOf("first")).toMatchObject({ path: "/hooked", failures: 0, error: null, disabled: null });
  expect(JSON.stringify(await stateOf("first"))).not.toContain("whsec_");
});

test("nothing is missed, and nothing comes first out of order, over the death of leaders under steady writes", async () => {
  await api.call("PUT", "/nodes/steady");
  await hook("steady", "/steady");
  const paths: string[] = [];
  let isOn = true;
  const writes = (async () => {
    for (let nth = 0; isOn; nth++) {
      const path = `/steady/${String(nth).padStart(5, "0")}`;
      const headers = { "idempotency-key": path };
      for (let isDone = false; !isDone;) {
        isDone = (await api.call("POST", `/nodes${path}`, { headers })).status === 201;
      }
      paths.push(path);
    }
  })();
  for (let round = 0; round < 3; round++) {
    const before = told("steady").length;
    await until(() => told("steady").length >= before + 10);
    const status = await fetch(`${ensemble.httpUrl}/main/v1/status`);
    const { leader } = (await status.json()) as { readonly leader: number | null };
    if (leader === null) continue;
    await fetch(`${ensemble.httpUrl}/faults/main/${leader}`, { method: "POST", body: '{"kind":"abort"}' });
  }
  const before = told("steady").length;
  await until(() => told("steady").length >= before + 10);
  isOn = false;
  await writes;
  await until(() => told("steady").length >= paths.length);
  expect(told("steady")).toEqual(paths);
});

test("a receiver that fails is asked again, one that wants no more is not, until somebody resumes it", async () => {
  await api.call("PUT", "/nodes/moody");
  await hook("moody", "/moody");
  answers = [500, 503];
  await api.call("PUT", "/nodes/moody/a");
  await until(async () => Number((await stateOf("moody"))["failures"]) > 0);
  expect(String((await stateOf("moody"))["error"])).toMatch(/it answered 50[03]/);
  await until(() => told("moody").length === 1);
  answers = [410];
  await api.call("PUT", "/nodes/moody/b");
  await until(async () => (await stateOf("moody"))["disabled"] !== null);
  await api.call("PUT", "/nodes/moody/c");
  expect((await api.call("POST", "/webhooks/moody/resume", { json: {} })).status).toBe(204);
  await until(() => told("moody").length === 3);
  expect(told("moody")).toEqual(["/moody/a", "/moody/b", "/moody/c"]);
  expect(await stateOf("moody")).toMatchObject({ disabled: null });
});

test("one that is ended hears nothing any more, and its name may be used again", async () => {
  await hook("brief", "/brief");
  expect((await api.call("DELETE", "/webhooks/brief")).status).toBe(204);
  await api.call("PUT", "/nodes/brief");
  await hook("brief", "/brief");
  await api.call("PUT", "/nodes/brief/x");
  await until(() => told("brief").includes("/brief/x"));
  const missing = await api.call("DELETE", "/webhooks/none");
  expect(missing).toMatchObject({ status: 404, code: "no-such-webhook" });
  const again = await api.call("POST", "/webhooks", { json: { name: "brief", url, path: "/" } });
  expect(again).toMatchObject({ status: 412, code: "node-exists" });
});

test.each([
  [{ name: "a b", url: "http://127.0.0.1/", path: "/" }, "bad-request"],
  [{ name: "x", url: "ftp://127.0.0.1/", path: "/" }, "bad-url"],
  [{ name: "x", url: "http://127.0.0.1/", path: "a" }, "bad-path"],
  [{ name: "x", url: "http://127.0.0.1/", path: "/", since: "now" }, "bad-request"],
])("%j is refused: %s", async (json, code) => {
  expect(await api.call("POST", "/webhooks", { json })).toMatchObject({ status: 400, code });
});
