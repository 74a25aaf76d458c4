import { describe, expect, test } from "vitest";
import { readSettings } from "../../src/base/settings.ts";
import { childSpanId, readTraceparent, traceparentOf } from "../../src/base/trace.ts";

/** The examples of W3C Trace Context, section 3.2. */
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("a traceparent", () => {
  test("is read as W3C writes it, and written so", () => {
    expect(readTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled: true,
    });
    expect(readTraceparent(`00-${TRACE}-${SPAN}-00`)).toMatchObject({ isSampled: false });
    // Only the lowest bit means something.
    expect(readTraceparent(`00-${TRACE}-${SPAN}-03`)).toMatchObject({ isSampled: true });
    expect(traceparentOf({ traceId: TRACE, spanId: SPAN })).toBe(`00-${TRACE}-${SPAN}-01`);
  });

  test("of a later version is read as far as it is known", () => {
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`)).toMatchObject({
      traceId: TRACE,
    });
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01.what-the-future`)).toBeUndefined();
  });

  test.each([
    "",
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-zz`,
  ])("that is none is no trace: %s", (text) => {
    expect(readTraceparent(text)).toBeUndefined();
  });
});

test("spans of one trace have ids of their own, which both ends of a link come to", () => {
  const ids = new Set<string>();
  for (const parent of [SPAN, "b7ad6b7169203331"]) {
    for (const name of ["call", "propose", "append"]) {
      for (let sid = 1; sid <= 254; sid++) ids.add(childSpanId(parent, name, sid));
      for (let serial = 0; serial < 2000; serial++)
        ids.add(childSpanId(parent, name, `1.1764400000.${serial}`));
    }
  }
  expect(ids.size).toBe(2 * 3 * (254 + 2000));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(childSpanId(SPAN, "call", 1)).toBe(childSpanId(SPAN, "call", "1"));
});

describe("where traces go", () => {
  const read = (variables: object): ReturnType<typeof readSettings>["trace"] =>
    readSettings({ VOTERS: "1,2,3", ...variables }).trace;

  test("is told as OpenTelemetry's own variables are", () => {
    const OTLP_HEADERS = "x-api-key=a%2Cb , Authorization=Basic abc==";
    expect(
      read({
        OTLP_ENDPOINT: "https://otlp.example/base/",
        OTLP_HEADERS,
        TRACE_RATIO: "0.25",
        LOG_FORMAT: "json",
      }),
    ).toEqual({
      endpoint: "https://otlp.example/base",
      headers: { "x-api-key": "a,b", authorization: "Basic abc==" },
      ratio: 0.25,
      logsJson: true,
    });
  });

  test.each([
    [{ OTLP_ENDPOINT: "collector:4318" }, "OTLP_ENDPOINT"],
    [{ OTLP_ENDPOINT: "https://otlp.example/?key=1" }, "OTLP_ENDPOINT"],
    [{ OTLP_HEADERS: "nothing" }, "OTLP_HEADERS"],
    [{ OTLP_HEADERS: "a b=c" }, "OTLP_HEADERS"],
    [{ TRACE_RATIO: "2" }, "TRACE_RATIO"],
    [{ TRACE_RATIO: "half" }, "TRACE_RATIO"],
    [{ TRACE_RATIO: "." }, "TRACE_RATIO"],
    [{ LOG_FORMAT: "xml" }, "LOG_FORMAT"],
  ])("is refused by the name of the variable: %o", (variables, name) => {
    expect(() => read(variables)).toThrow(name);
  });
});
