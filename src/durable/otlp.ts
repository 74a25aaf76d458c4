/** Spans as OTLP's JSON has them (OpenTelemetry Protocol 1.x, ExportTraceServiceRequest): ids in hex, times as text. */
import type { Span } from "../base/trace.ts";

interface Attribute {
  readonly key: string;
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number };
}

/** The body of a POST to `/v1/traces`; `resource` says of what these are the spans. */
export function otlpOf(spans: readonly Span[], resource: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "edgekeeper" }, spans: spans.map(spanOf) }],
      },
    ],
  });
}

/** STATUS_CODE_UNSET and STATUS_CODE_ERROR. */
const UNSET = 0;
const ERROR = 2;

function spanOf({ traceId, spanId, parentId, name, kind, startMs, endMs, attributes, error }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    name,
    kind,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes),
    status: error === undefined ? { code: UNSET } : { code: ERROR, message: error },
  };
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): readonly Attribute[] {
  return Object.entries(attributes).map(([key, value]) => {
    if (typeof value === "string") return { key, value: { stringValue: value } };
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
  });
}

/** A number of nanoseconds since 1970 has more digits than JavaScript's numbers keep. */
function nanos(ms: number): string {
  return `${BigInt(Math.round(ms))}000000`;
}
