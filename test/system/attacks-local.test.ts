/**
 * An attacker against an ensemble on somebody's own machine, which asks for no secret: pages of other sites in that
 * person's browser, and names that resolve to the machine. See docs/security.md.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { rawHttp, requestOf } from "../harness/raw-http.ts";

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { VOTERS: "1" } });
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function statusOf(line: string, ...headers: readonly string[]): Promise<number> {
  return (await rawHttp(ensemble.httpPort, requestOf(line, ...headers))).status;
}

test("a page of another site reaches nothing by a link, a picture or a form, which send no Origin", async () => {
  const host = `Host: localhost:${ensemble.httpPort}`;
  for (const line of ["GET /main/commands/stat_reset HTTP/1.1", "GET /v1/nodes/ HTTP/1.1"]) {
    expect(await statusOf(line, host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors")).toBe(403);
    expect(await statusOf(line, host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")).toBe(403);
    expect(await statusOf(line, host, "Sec-Fetch-Site: none")).toBe(200);
  }
});

test("a Host header that is more than a name and a port is refused, as the URL is made of it", async () => {
  for (const host of [
    "evil.example@localhost",
    "localhost/evil.example",
    "localhost#",
    "localhost?",
    "localhost\\x",
  ]) {
    expect([host, await statusOf("GET /v1/nodes/ HTTP/1.1", `Host: ${host}`)]).toEqual([host, 400]);
  }
});
