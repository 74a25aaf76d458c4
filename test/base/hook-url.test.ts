import { expect, test } from "vitest";
import { hookUrlProblem } from "../../src/base/hook-url.ts";

test.each([
  "https://example.com/hook",
  "https://8.8.8.8/x",
  "https://a.b.example.co.uk:8443/path?x=1",
  "https://xn--bcher-kva.example/",
  "https://172.32.0.1/",
  "https://100.128.0.1/",
])("webhooks may be sent to %s", (url) => {
  expect(hookUrlProblem(url, false)).toBeUndefined();
});

test.each([
  ["x", "no URL"],
  ["http://example.com/", "https:"],
  ["ftp://example.com/", "https:"],
  ["https://user:pass@example.com/", "password"],
  ["https://localhost/", "public"],
  ["https://localhost./", "public"],
  ["https://sub.LOCALHOST/", "public"],
  ["https://printer/", "public"],
  ["https://db.internal/", "public"],
  ["https://nas.local/", "public"],
  ["https://127.0.0.1/", "public"],
  ["https://127.1/", "public"],
  ["https://2130706433/", "public"],
  ["https://0x7f000001/", "public"],
  ["https://0177.0.0.1/", "public"],
  ["https://10.1.2.3/", "public"],
  ["https://172.16.0.1/", "public"],
  ["https://172.31.255.255/", "public"],
  ["https://192.168.1.1/", "public"],
  ["https://169.254.169.254/latest/meta-data", "public"],
  ["https://100.64.0.1/", "public"],
  ["https://0.0.0.0/", "public"],
  ["https://224.0.0.1/", "public"],
  ["https://255.255.255.255/", "public"],
  ["https://198.18.0.1/", "public"],
  ["https://192.0.2.1/", "public"],
  ["https://198.51.100.7/", "public"],
  ["https://203.0.113.9/", "public"],
  ["https://[::1]/", "public"],
  ["https://[::ffff:127.0.0.1]/", "public"],
  ["https://[fd00::1]/", "public"],
])("and not to %s: %s", (url, told) => {
  expect(hookUrlProblem(url, false)).toContain(told);
});

test("in development to this machine too, without TLS, but with no password in the URL", () => {
  expect(hookUrlProblem("http://127.0.0.1:9000/hook", true)).toBeUndefined();
  expect(hookUrlProblem("http://u:p@127.0.0.1:9000/hook", true)).toContain("password");
  expect(hookUrlProblem("file:///etc/passwd", true)).toContain("https:");
});
