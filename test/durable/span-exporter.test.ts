/** What is sent to a collector, and what becomes of it where that is away: with a fetch that the test holds. */
import { describe, expect, test } from "vitest";
import type { Span } from "../../src/base/trace.ts";
import { Analytics, type AnalyticsFigures } from "../../src/durable/analytics.ts";
import { ANALYTICS_INTERVAL_MS, SPAN_BATCH_MAX, SPANS_HELD_MAX } from "../../src/durable/limits.ts";
import { LogLines } from "../../src/durable/log-line.ts";
import { SpanExporter } from "../../src/durable/span-exporter.ts";

const SPAN: Span = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentId: undefined,
  name: "PUT /nodes",
  kind: 2,
  startMs: 1_764_400_000_000,
  endMs: 1_764_400_000_012,
  attributes: { text: "a", count: 3, share: 0.5 },
};

class World {
  readonly sent: { readonly url: string; readonly init: RequestInit; readonly body: string }[] = [];
  readonly logged: string[] = [];
  readonly work: Promise<void>[] = [];
  nowMs = 0;
  answer: () => Promise<Response> = async () => await Promise.resolve(new Response("{}"));

  exporter(endpoint: string | undefined): SpanExporter {
    return new SpanExporter({
      settings: { endpoint, headers: { "x-api-key": "k" } },
      resource: { "service.name": "edgekeeper" },
      now: () => this.nowMs,
      wait: async () => await Promise.resolve(),
      fetch: async (url, init) => {
        this.sent.push({ url, init, body: typeof init.body === "string" ? init.body : "" });
        return await this.answer();
      },
      inBackground: (work) => void this.work.push(work),
      log: (text) => void this.logged.push(text),
    });
  }

  async settled(): Promise<void> {
    await Promise.all(this.work);
  }
}

describe("spans", () => {
  test("are sent as OTLP's JSON has them, several at a time", async () => {
    const world = new World();
    const exporter = world.exporter("https://otlp.example");
    exporter.add(SPAN);
    exporter.add({ ...SPAN, parentId: "b7ad6b7169203331", error: "answered 503" });
    await world.settled();

    const [first, ...more] = world.sent;
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      url: "https://otlp.example/v1/traces",
      init: { method: "POST", headers: { "x-api-key": "k", "content-type": "application/json" } },
    });
    const told: unknown = JSON.parse(first?.body ?? "");
    const span = {
      traceId: SPAN.traceId,
      spanId: SPAN.spanId,
      name: "PUT /nodes",
      kind: 2,
      startTimeUnixNano: "1764400000000000000",
      endTimeUnixNano: "1764400000012000000",
      attributes: [
        { key: "text", value: { stringValue: "a" } },
        { key: "count", value: { intValue: "3" } },
        { key: "share", value: { doubleValue: 0.5 } },
      ],
    };
    expect(told).toEqual({
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "edgekeeper" } }] },
          scopeSpans: [
            {
              scope: { name: "edgekeeper" },
              spans: [
                { ...span, status: { code: 0 } },
                { ...span, parentSpanId: "b7ad6b7169203331", status: { code: 2, message: "answered 503" } },
              ],
            },
          ],
        },
      ],
    });
  });

  test("are none of anybody's business where no collector is set", async () => {
    const world = new World();
    const exporter = world.exporter(undefined);
    exporter.add(SPAN);
    await world.settled();
    expect([world.sent, world.work, exporter.isEnabled]).toEqual([[], [], false]);
  });

  test("that a collector does not take are counted, and that is logged now and then", async () => {
    const world = new World();
    const exporter = world.exporter("https://otlp.example");
    world.answer = async () => await Promise.reject(new Error("away"));
    exporter.add(SPAN);
    await world.settled();
    world.answer = async () => await Promise.resolve(new Response("no", { status: 401 }));
    exporter.add(SPAN);
    await world.settled();
    expect(exporter.dropped).toBe(2);
    expect(world.logged).toEqual(["OTLP_ENDPOINT takes no spans (Error: away): 1 are lost so far"]);
    world.nowMs += 60_000;
    exporter.add(SPAN);
    await world.settled();
    expect(world.logged.at(-1)).toBe("OTLP_ENDPOINT takes no spans (it answered 401): 3 are lost so far");
  });

  test("are held up to a bound, and sent in batches", async () => {
    const world = new World();
    const exporter = world.exporter("https://otlp.example");
    for (let count = 0; count < SPANS_HELD_MAX + 5; count++) exporter.add(SPAN);
    await world.settled();
    expect(exporter.dropped).toBe(5);
    expect(world.sent).toHaveLength(SPANS_HELD_MAX / SPAN_BATCH_MAX);
  });
});

describe("data points for Analytics Engine", () => {
  const FIGURES: AnalyticsFigures = {
    mode: "follower",
    delivered: 10,
    commits: 5,
    rowsWritten: 20,
    connections: 2,
    sessions: 3,
    lastElectionMs: 40,
  };

  test("tell what was done since, and who leads anew; nothing where nothing was done", () => {
    const points: unknown[] = [];
    const analytics = new Analytics(
      { writeDataPoint: (point) => void points.push(point) },
      { ensemble: "main", sid: 2 },
    );
    let asked = 0;
    const at = (nowMs: number, more: Partial<AnalyticsFigures> = {}): void =>
      analytics.tick(nowMs, () => {
        asked++;
        return { ...FIGURES, ...more };
      });
    at(0);
    at(50);
    at(ANALYTICS_INTERVAL_MS);
    expect([asked, points]).toEqual([2, []]);
    at(2 * ANALYTICS_INTERVAL_MS, { delivered: 17, commits: 8, rowsWritten: 27 });
    at(3 * ANALYTICS_INTERVAL_MS, { delivered: 18, commits: 9, rowsWritten: 28, mode: "leader" });
    expect(points).toEqual([
      { indexes: ["main"], blobs: ["interval", "main", "2", "follower"], doubles: [7, 3, 7, 2, 3, 0] },
      { indexes: ["main"], blobs: ["failover", "main", "2", "leader"], doubles: [1, 1, 1, 2, 3, 40] },
    ]);
  });

  test("are not asked for where no data set is bound", () => {
    const analytics = new Analytics(undefined, { ensemble: "main", sid: 2 });
    expect(() =>
      analytics.tick(0, () => {
        throw new Error("asked");
      }),
    ).not.toThrow();
  });
});

test("a line of a replica is text, or JSON for machines", () => {
  const lines: string[] = [];
  const log = console.log;
  console.log = (line: string) => void lines.push(line);
  try {
    new LogLines(false).replicaLine("main/2 phase leads");
    new LogLines(true).replicaLine("main/2 phase leads\nand more");
  } finally {
    console.log = log;
  }
  expect(lines[0]).toMatch(/^\d{4}-.*Z main\/2 phase leads$/);
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({
    replica: "main/2",
    event: "phase",
    text: "leads\nand more",
  });
});
