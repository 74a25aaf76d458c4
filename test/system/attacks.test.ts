/** An attacker against a deployment with a secret, with a token for a part of it, or with none. See docs/security.md. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenText } from "../../src/base/token-text.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { rawHttp } from "../harness/raw-http.ts";

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

const APP = { prefix: "/app", permissions: ["read", "write"] };

/** One that has the form of a token, as anybody can make it. */
function madeUp(fill: number): string {
  return tokenText(new Uint8Array(32).fill(fill));
}

test("a body is read no further than anything takes, and of a large one the token is looked at first", async () => {
  const post = ["POST /v1/multi HTTP/1.1", "Host: keeper.example", "Content-Type: application/json"];
  const status = async (bearer: string, length: string, body: string): Promise<number> => {
    const lines = [...post, `Authorization: Bearer ${bearer}`, length, "Connection: close", "", body];
    return (await rawHttp(ensemble.httpPort, lines.join("\r\n"))).status;
  };
  // Nothing of the body is sent: it is refused by what is told of it.
  expect(await status(SECRET, "Content-Length: 6000000", "")).toBe(413);
  expect(await status(madeUp(1), "Content-Length: 200000", "")).toBe(401);
  // Its length is not told, and its end does not come.
  const size = 4 * 1024 * 1024 + 1;
  const chunk = `${size.toString(16)}\r\n${" ".repeat(size)}`;
  expect(await status(SECRET, "Transfer-Encoding: chunked", chunk)).toBe(413);
  const { json } = await operator.call("POST", "/tokens", { json: { name: "large", scopes: [APP] } });
  const large = { operations: [{ op: "put", path: "/app/large", text: "x".repeat(200_000) }] };
  const bearer = operator.as({ authorization: `Bearer ${String(json?.["token"])}` });
  expect((await bearer.call("POST", "/multi", { json: large })).status).toBe(200);
});
