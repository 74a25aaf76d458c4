/** An attacker against a deployment with a secret, with a token for a part of it, or with none. See docs/security.md. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenText } from "../../src/base/token-text.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

const SECRET = "a secret of this test";
const OPERATOR = { authorization: `Bearer ${SECRET}` };

let ensemble: TestEnsemble;
let operator: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { EDGEKEEPER_SECRET: SECRET, ENSEMBLES: "main,other" } });
  operator = await HttpApi.open(ensemble.httpUrl, OPERATOR);
  for (const path of ["app", "app/in", "secret"])
    await operator.call("PUT", `/nodes/${path}`, { body: path });
}, 120_000);

afterAll(async () => await ensemble?.stop());

/** One that has the form of a token, as anybody can make it. */
function madeUp(fill: number): string {
  return tokenText(new Uint8Array(32).fill(fill));
}

test("a body is read no further than anything takes, and of a large one the token is looked at first", async () => {
  const operations = [{ op: "put", path: "/x", text: "x".repeat(6_000_000) }];
  const json = { operations };
  expect(await operator.call("POST", "/multi", { json })).toMatchObject({ status: 413, code: "too-large" });
  const stranger = operator.as({ authorization: `Bearer ${madeUp(1)}` });
  const small = { operations: [{ op: "put", path: "/x", text: "x".repeat(200_000) }] };
  expect(await stranger.call("POST", "/multi", { json: small })).toMatchObject({ status: 401 });
  // Its length is not told, and it never ends: an answer comes all the same.
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(65_536))),
  });
  const headers = { "content-type": "application/json" };
  const answer = await operator.call("POST", "/multi", { body: endless, headers });
  expect(answer).toMatchObject({ status: 413, code: "too-large" });
});
