/** Where traces go, how much is traced, and in which form lines are logged. */
import type { VariableName, Variables } from "./variables.ts";

/** What the variables say about that. */
export interface TraceSettings {
  /** Where OTLP over HTTP is taken, such as https://collector.example: `/v1/traces` is added; undefined for nowhere. */
  readonly endpoint: string | undefined;
  /** Sent along, such as a key of the collector's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the requests that come without a traceparent so many are traced: from 0 to 1. */
  readonly ratio: number;
  /** Whether lines of the log are JSON. */
  readonly logsJson: boolean;
}

type Refuse = (name: VariableName, value: string, remedy: string) => Error;

/** Reads them. Throws what `refuse` makes of the first that makes no sense. */
export function readTraceSettings(variables: Variables, refuse: Refuse): TraceSettings {
  const { OTLP_ENDPOINT = "", OTLP_HEADERS = "", TRACE_RATIO = "", LOG_FORMAT = "" } = variables;
  if (OTLP_ENDPOINT !== "" && !isEndpoint(OTLP_ENDPOINT)) {
    throw refuse(
      "OTLP_ENDPOINT",
      OTLP_ENDPOINT,
      "it must be an http or https URL, without query or fragment",
    );
  }
  const ratio = TRACE_RATIO === "" ? 0 : Number(TRACE_RATIO);
  if (!/^[0-9.]*$/.test(TRACE_RATIO) || !(ratio >= 0 && ratio <= 1)) {
    throw refuse("TRACE_RATIO", TRACE_RATIO, "it must be a number from 0 to 1, such as 0.01");
  }
  if (LOG_FORMAT !== "" && LOG_FORMAT !== "text" && LOG_FORMAT !== "json") {
    throw refuse("LOG_FORMAT", LOG_FORMAT, "it must be text or json");
  }
  return {
    endpoint: OTLP_ENDPOINT === "" ? undefined : OTLP_ENDPOINT.replace(/\/$/, ""),
    headers: readHeaders(OTLP_HEADERS, refuse),
    ratio,
    logsJson: LOG_FORMAT === "json",
  };
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && search === "" && hash === "";
}

/** Source: OTEL_EXPORTER_OTLP_HEADERS of the OpenTelemetry specification: `name=value`, commas between, %-encoded. */
function readHeaders(text: string, refuse: Refuse): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const item of text.split(",").map((one) => one.trim())) {
    if (item === "") continue;
    const at = item.indexOf("=");
    const name = item.slice(0, at).trim().toLowerCase();
    if (at < 1 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) {
      throw refuse(
        "OTLP_HEADERS",
        text,
        "it must list name=value, with commas between, %2C for one in a value",
      );
    }
    headers[name] = decoded(item.slice(at + 1).trim());
  }
  return headers;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A value with a percent sign that is meant as one.
    return text;
  }
}
