/** One request to the API that is traced. */
import { childSpanId, type Span, type TracePlace, traceparentOf } from "../base/trace.ts";
import type { SpanExporter } from "../durable/span-exporter.ts";

/** A request that is traced, and what the replicas that it asks are told. */
export class RequestTrace {
  readonly place: TracePlace;
  readonly parentId: string | undefined;
  readonly #exporter: SpanExporter;
  #asked = 0;

  constructor(place: TracePlace, parentId: string | undefined, exporter: SpanExporter) {
    this.place = place;
    this.parentId = parentId;
    this.#exporter = exporter;
  }

  /** A replica is asked: what it is told of the trace, and what is called when it has answered, or has not. */
  ask(sid: number): { readonly traceparent: string; readonly ended: (error?: string) => void } {
    const { traceId, spanId: parentId } = this.place;
    const spanId = childSpanId(parentId, "ask", `${sid}.${this.#asked++}`);
    const startMs = Date.now();
    const ended = (error?: string): void =>
      this.#exporter.add({
        traceId,
        spanId,
        parentId,
        name: "edgekeeper.ask",
        kind: 3,
        startMs,
        endMs: Date.now(),
        attributes: { "edgekeeper.sid": sid },
        error,
      });
    return { traceparent: traceparentOf({ traceId, spanId }), ended };
  }

  /** The request is answered. */
  end(span: Pick<Span, "name" | "startMs" | "attributes" | "error">): void {
    this.#exporter.add({ ...span, ...this.place, parentId: this.parentId, kind: 2, endMs: Date.now() });
  }
}
