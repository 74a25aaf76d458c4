import { describe, expect, test } from "vitest";
import { postOf, readAnswer } from "./http-client.ts";

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"é":1}';
const CHUNKED =
  "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";

describe("an answer", () => {
  test("is as long as its head says", () => {
    const bytes = Buffer.from(PLAIN.replace("7", "8"));
    expect(readAnswer(bytes)).toEqual({ status: 200, body: '{"é":1}' });
  });

  test("may come in chunks", () => {
    expect(readAnswer(Buffer.from(CHUNKED))).toEqual({ status: 409, body: "abc0123456789" });
  });

  test("may have no body", () => {
    expect(readAnswer(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"))).toEqual({ status: 204, body: "" });
  });

  test.each([PLAIN, CHUNKED])("is none before its last byte is there", (text) => {
    const bytes = Buffer.from(text.replace(": 7", ": 8"));
    const whole = Array.from(bytes, (_, end) => readAnswer(bytes.subarray(0, end)));
    expect(whole.filter((answer) => answer !== undefined)).toEqual([]);
    expect(readAnswer(bytes)).toBeDefined();
  });
});

test("a request tells the length of its body in bytes", () => {
  const text = postOf(8787, "/v1/multi", '{"é":1}').toString("utf8");
  expect(text).toContain("POST /v1/multi HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n");
  expect(text).toContain('Content-Length: 8\r\n\r\n{"é":1}');
});
