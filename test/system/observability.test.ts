/**
 * What people see of an ensemble, through the real runtime: docs/observability.md as it stands, dashboard and alerts,
 * and traces, as a collector of OTLP over HTTP is told them.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { runShell } from "../harness/shell.ts";
import { blocksBelow, linePatterns } from "../harness/transcript.ts";

interface ToldSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code: number };
}

interface TracesDocument {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ToldSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly ToldSpan[] }[];
  }[];
}

type Told = ToldSpan & { readonly from: string };

/** Parses what comes as a collector does: what is none is a defect. */
class Collector {
  readonly spans: Told[] = [];
  readonly headers: unknown[] = [];
  readonly problems: string[] = [];
  readonly #server: Server;
  #wake: () => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        this.headers.push(request.headers["x-api-key"]);
        const isTraces = request.method === "POST" && request.url === "/base/v1/traces";
        if (!isTraces) this.problems.push(`${request.method ?? ""} ${request.url ?? ""}`);
        this.#take(Buffer.concat(chunks).toString("utf8"));
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
        this.#wake();
      });
    });
  }

  static async open(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return collector;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a port is expected");
    return `http://127.0.0.1:${address.port}/base`;
  }

  of(traceId: string): readonly Told[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Waits until so many spans of a trace have come. */
  async until(traceId: string, count: number): Promise<readonly Told[]> {
    const deadlineMs = performance.now() + 30_000;
    for (;;) {
      const found = this.of(traceId);
      if (found.length >= count) return found;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0)
        throw new Error(`${found.length} of ${count} spans: ${JSON.stringify(found, null, 1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(text: string): void {
    const { resourceSpans } = JSON.parse(text) as TracesDocument;
    for (const { resource, scopeSpans } of resourceSpans) {
      const from = String(
        resource.attributes.find(({ key }) => key === "service.instance.id")?.value["stringValue"],
      );
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        if (!/^[0-9a-f]{32}$/.test(span.traceId) || !/^[0-9a-f]{16}$/.test(span.spanId))
          this.problems.push("ids");
        if (BigInt(span.endTimeUnixNano) < BigInt(span.startTimeUnixNano)) this.problems.push("ends first");
        this.spans.push({ ...span, from });
      }
    }
  }
}

let collector: Collector;
let ensemble: TestEnsemble;

beforeAll(async () => {
  collector = await Collector.open();
  const vars = {
    OTLP_ENDPOINT: collector.endpoint,
    OTLP_HEADERS: "x-api-key=secret%2C1",
    LOG_FORMAT: "json",
  };
  ensemble = await startEnsemble({ vars });
}, 120_000);

afterAll(async () => {
  await ensemble?.stop();
  collector?.close();
});

async function put(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const response = await fetch(`${ensemble.httpUrl}/v1/nodes${path}`, { method: "PUT", body: "x", headers });
  expect([200, 201]).toContain(response.status);
  return response.headers.get("zxid") ?? "";
}

/** A tree of spans as lines: what each is below, and where it was. */
function drawn(spans: readonly Told[], parentId: string): readonly string[] {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === parentId);
  return below
    .toSorted((a, b) => (`${a.name}${a.from}` < `${b.name}${b.from}` ? -1 : 1))
    .flatMap((span) => [
      `${span.name} (${span.from.replace(/\d+$/, "N")})`,
      ...drawn(spans, span.spanId).map((line) => `  ${line}`),
    ]);
}

/** The metrics that an expression of PromQL names. */
function namesIn(expression: string): readonly string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, " ");
  const words = bare.matchAll(/(?<![\w.])([a-zA-Z_]\w*)(?!\w*\s*\()/g);
  return [...words].map(([word]) => word).filter((word) => !["and", "or", "unless"].includes(word));
}

test("every name in the dashboard and the alerts is one that an ensemble shows", async () => {
  const shown = await (await fetch(`${ensemble.httpUrl}/metrics`)).text();
  const known = new Set([...shown.matchAll(/^(\w+)(?:\{| )/gm)].map(([, name]) => name));
  const dashboard = await readFile("docs/observability/grafana-dashboard.json", "utf8");
  const { panels } = JSON.parse(dashboard) as {
    readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  };
  const drawn = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const alerts = await readFile("docs/observability/alerts.yml", "utf8");
  const raised = [...alerts.matchAll(/^ +expr: (.*)$/gm)].map(([, expr = ""]) => expr);

  expect(namesIn('sum by (a) (rate(b_sum{c="d"}[5m])) / e > 8e9 and f == 0')).toEqual(["b_sum", "e", "f"]);
  expect([drawn.length, raised.length]).toEqual([29, 11]);
  for (const expr of [...drawn, ...raised]) {
    const names = namesIn(expr);
    expect(names.length).toBeGreaterThan(0);
    expect(`${expr}: ${names.filter((name) => !known.has(name)).join()}`).toBe(`${expr}: `);
  }
  // On machines that have it (Debian's package prometheus) the tool itself reads them.
  const directory = await mkdtemp(join(tmpdir(), "edgekeeper-rules-"));
  const file = join(directory, "rules.yml");
  const rules = drawn.map((expr, at) => {
    const filled = expr.replaceAll("$__rate_interval", "5m").replaceAll("$ensemble", ".*");
    return { record: `panel:${at}`, expr: filled };
  });
  await writeFile(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
  const promtool = process.env["PROMTOOL"] ?? "promtool";
  const { error, status, stderr } = spawnSync(
    promtool,
    ["check", "rules", file, "docs/observability/alerts.yml"],
    {
      encoding: "utf8",
    },
  );
  if (error === undefined) expect(`${String(status)} ${stderr}`).toBe("0 ");
  await rm(directory, { recursive: true });
});

test.each(["Explain", "Time travel"])(
  "docs/observability.md, %s: what is typed there prints what it says",
  async (heading) => {
    const [commands, printed] = blocksBelow("docs/observability.md", heading);
    const cwd = await mkdtemp(join(tmpdir(), "edgekeeper-docs-"));
    // The first of them sets it for those below.
    const environment = { URL: `${ensemble.httpUrl}/v1` };
    const text = (commands?.text ?? "").replaceAll("http://127.0.0.1:8787", ensemble.httpUrl);
    const output = await runShell(text, { cwd, environment, deadlineMs: 60_000 });
    await rm(cwd, { recursive: true });
    const lines = output.trimEnd().split("\n");
    const patterns = linePatterns(printed?.text ?? "");
    const wrong = lines.filter((line, at) => patterns[at]?.test(line) !== true);
    expect({ wrong, count: lines.length }).toEqual({ wrong: [], count: patterns.length });
  },
);

test("a write is drawn across the gateway, its replica, the leader and every replica's disk", async () => {
  const parent = "00f067aa0ba902b7";
  // Callers are spread over the replicas: by the leader, and by followers.
  for (let round = 1; round <= 4; round++) {
    const traceId = `4bf92f3577b34da6a3ce929d0e0e47${String(round).padStart(2, "0")}`;
    const zxid = await put("/traced", { traceparent: `00-${traceId}-${parent}-01` });
    const spans = await collector.until(traceId, 7);

    expect(drawn(spans, parent)).toEqual([
      "PUT /v1/nodes/:path{.*} (gateway)",
      "  edgekeeper.ask (gateway)",
      "    edgekeeper.call (main/N)",
      "      edgekeeper.propose (main/N)",
      "        edgekeeper.append (main/N)",
      "        edgekeeper.append (main/N)",
      "        edgekeeper.append (main/N)",
    ]);
    const appended = spans.filter(({ name }) => name === "edgekeeper.append");
    expect(new Set(appended.map(({ from }) => from))).toEqual(new Set(["main/1", "main/2", "main/3"]));
    for (const { attributes } of appended) {
      expect(attributes).toContainEqual({ key: "edgekeeper.zxid", value: { stringValue: zxid } });
    }
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(7);
    expect(collector.of(traceId)).toHaveLength(7);
  }
  expect(collector.problems).toEqual([]);
  expect(new Set(collector.headers)).toEqual(new Set(["secret,1"]));
});

test("a read is drawn as far as it went, and what nobody wants traced is not", async () => {
  const quiet = "5bf92f3577b34da6a3ce929d0e0e4736";
  await put("/quiet", { traceparent: `00-${quiet}-00f067aa0ba902b7-00` });
  await put("/quiet", {});
  const traceId = "6bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  expect((await fetch(`${ensemble.httpUrl}/v1/nodes/nothing`, { headers })).status).toBe(404);
  await collector.until(traceId, 3);

  const spans = collector.of(traceId);
  expect(spans.map(({ name }) => name).toSorted()).toEqual([
    "GET /v1/nodes/:path{.*}",
    "edgekeeper.ask",
    "edgekeeper.call",
  ]);
  const route = spans.find(({ parentSpanId }) => parentSpanId === "00f067aa0ba902b7");
  expect(route?.attributes).toContainEqual({ key: "http.response.status_code", value: { intValue: "404" } });
  expect(collector.of(quiet)).toEqual([]);
  expect(collector.spans.every((span) => span.traceId !== quiet)).toBe(true);
  const lines = ensemble.output().split("\n");
  const logged = lines.flatMap((line) =>
    line.includes('"event":"request"') ? [JSON.parse(line.slice(line.indexOf("{"))) as unknown] : [],
  );
  expect(logged).toContainEqual(
    expect.objectContaining({
      event: "request",
      method: "GET",
      status: 404,
      trace_id: traceId,
      span_id: route?.spanId,
    }),
  );
});
