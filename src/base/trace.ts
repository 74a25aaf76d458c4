/**
 * Traces across services, as W3C Trace Context (Level 1) names them and OpenTelemetry draws them. Ids are texts of hex
 * digits. The core has no dice: the id of a span is made of that of its parent, what it is and where, and so known on
 * both sides of a link without being sent.
 */

/** Where in a trace something happens. */
export interface TracePlace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: of the span that what happens here belongs to. */
  readonly spanId: string;
}

/** A traceparent, read. */
export interface TraceParent extends TracePlace {
  /** Whether whoever began the trace wants it recorded. */
  readonly isSampled: boolean;
}

/** What took some time. */
export interface Span extends TracePlace {
  readonly parentId: string | undefined;
  readonly name: string;
  /** OpenTelemetry's SpanKind: 1 internal, 2 server, 3 client. */
  readonly kind: 1 | 2 | 3;
  /** Unix milliseconds, by the clock of where it happened. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Why it came to nothing. */
  readonly error?: string | undefined;
}

/** Reads a traceparent; undefined where it is none, which begins a trace of its own. */
export function readTraceparent(text: string | null | undefined): TraceParent | undefined {
  const found = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text ?? "");
  const [, version, traceId = "", spanId = "", flags = "", more] = found ?? [];
  // Later versions may have more; of version 0 it is none.
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The traceparent of what is recorded. */
export function traceparentOf({ traceId, spanId }: TracePlace): string {
  return `00-${traceId}-${spanId}-01`;
}

/** The id of a span below another, of this name, at this place. */
export function childSpanId(parentId: string, name: string, place: string | number): string {
  // FNV-1a, of 64 bits in two halves of its own: spans of one trace must not meet, and nothing rests on more.
  const text = `${parentId}/${name}/${place}`;
  let high = 0x811c9dc5;
  let low = 0x811c9dc5 ^ 0x5bd1e995;
  for (let at = 0; at < text.length; at++) {
    high = Math.imul(high ^ text.charCodeAt(at), 0x01000193);
    low = Math.imul(low ^ text.charCodeAt(text.length - 1 - at), 0x01000193);
  }
  const id = [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  return /^0+$/.test(id) ? "1".padStart(16, "0") : id;
}
