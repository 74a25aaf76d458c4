/**
 * Sends spans to a collector, gathered for a moment. Who waits for an answer never waits for that; a collector that is
 * away or slow costs spans, which are counted, and nothing else.
 */
import type { Span } from "../base/trace.ts";
import type { TraceSettings } from "../base/trace-settings.ts";
import {
  SPAN_BATCH_MAX,
  SPAN_DEADLINE_MS,
  SPAN_GATHER_MS,
  SPAN_WARNING_MS,
  SPANS_HELD_MAX,
} from "./limits.ts";
import { otlpOf } from "./otlp.ts";

/** What it needs of where it runs. */
export interface ExporterPorts {
  /** Told of the collector's end: `https://collector/v1/traces`, and what is said to it. */
  readonly settings: Pick<TraceSettings, "endpoint" | "headers">;
  /** Of what these are the spans. */
  readonly resource: Readonly<Record<string, string>>;
  now(): number;
  /** Settles after so many ms. */
  wait(ms: number): Promise<void>;
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Keeps the runtime at work until it is done. */
  inBackground(work: Promise<void>): void;
  log(text: string): void;
}

/** Of one object, or isolate. */
export class SpanExporter {
  readonly #ports: ExporterPorts;
  readonly #held: Span[] = [];
  #isSending = false;
  #dropped = 0;
  #warnedMs: number | undefined;

  constructor(ports: ExporterPorts) {
    this.#ports = ports;
  }

  /** Whether anybody wants spans. */
  get isEnabled(): boolean {
    return this.#ports.settings.endpoint !== undefined;
  }

  /** Spans that no collector has taken, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a span, to be sent with others soon. */
  add(span: Span): void {
    if (!this.isEnabled) return;
    if (this.#held.length >= SPANS_HELD_MAX) {
      this.#dropped++;
      return;
    }
    this.#held.push(span);
    if (this.#isSending) return;
    this.#isSending = true;
    this.#ports.inBackground(this.#sendAll());
  }

  async #sendAll(): Promise<void> {
    await this.#ports.wait(SPAN_GATHER_MS);
    while (this.#held.length > 0) await this.#send(this.#held.splice(0, SPAN_BATCH_MAX));
    this.#isSending = false;
  }

  async #send(spans: readonly Span[]): Promise<void> {
    const { settings, resource } = this.#ports;
    let problem: string | undefined;
    try {
      const response = await this.#ports.fetch(`${settings.endpoint ?? ""}/v1/traces`, {
        method: "POST",
        headers: { "user-agent": "Edgekeeper", ...settings.headers, "content-type": "application/json" },
        body: otlpOf(spans, resource),
        signal: AbortSignal.timeout(SPAN_DEADLINE_MS),
        // Where else it leads to nobody has looked at, and the headers may hold a key.
        redirect: "manual",
      });
      if (!response.ok) problem = `it answered ${response.status}`;
      // So that the connection is free again.
      await response.body?.cancel();
    } catch (error) {
      problem = String(error);
    }
    if (problem === undefined) return;
    this.#dropped += spans.length;
    const nowMs = this.#ports.now();
    if (this.#warnedMs !== undefined && nowMs - this.#warnedMs < SPAN_WARNING_MS) return;
    this.#warnedMs = nowMs;
    this.#ports.log(`OTLP_ENDPOINT takes no spans (${problem}): ${this.#dropped} are lost so far`);
  }
}
