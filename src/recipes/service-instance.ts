/**
 * One instance of a service, and how Curator writes it down. Source: Curator ServiceInstance, UriSpec,
 * JsonInstanceSerializer.
 */
import { RecipeError } from "./recipe-error.ts";

/** `dynamic` goes with its process; the others stay until they are unregistered. */
export type ServiceType = "DYNAMIC" | "STATIC" | "PERMANENT" | "DYNAMIC_SEQUENTIAL";

/** A part of an address: a text, or the name of what is put in. */
export interface UriPart {
  readonly value: string;
  readonly variable: boolean;
}

/** See the file's comment. */
export interface ServiceInstance {
  readonly name: string;
  /** Nobody else's within the service. */
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  /** Any JSON. */
  readonly payload: unknown;
  /** Unix time in ms. */
  readonly registrationTimeUTC: number;
  readonly serviceType: ServiceType;
  readonly uriSpec: { readonly parts: readonly UriPart[] } | null;
  /** Whether it is to be given to those who ask for one. */
  readonly enabled: boolean;
}

const TYPES: ReadonlySet<string> = new Set(["DYNAMIC", "STATIC", "PERMANENT", "DYNAMIC_SEQUENTIAL"]);

/**
 * As Curator's JsonInstanceSerializer writes it; `enabled` only where it is false, as older readers know no such
 * field.
 */
export function serializeInstance(instance: ServiceInstance): Uint8Array {
  const { enabled, ...rest } = instance;
  return new TextEncoder().encode(JSON.stringify(enabled ? rest : { ...rest, enabled }));
}

/** Reads one. Throws the fault `badData`; `path` is for its message. */
export function parseInstance(data: Uint8Array | null, path: string): ServiceInstance {
  const text = data === null ? "" : new TextDecoder().decode(data);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecipeError("badData", `${path} holds no JSON`, cause);
  }
  if (typeof value !== "object" || value === null)
    throw new RecipeError("badData", `${path} holds no instance`);
  const fields = value as Readonly<Record<string, unknown>>;
  const { name, id, payload = null } = fields;
  if (typeof name !== "string" || typeof id !== "string")
    throw new RecipeError("badData", `${path} holds an instance without name or id`);
  return {
    name,
    id,
    payload,
    address: textOf(fields["address"]),
    port: numberOf(fields["port"]),
    sslPort: numberOf(fields["sslPort"]),
    registrationTimeUTC: numberOf(fields["registrationTimeUTC"]) ?? 0,
    serviceType: typeOf(fields["serviceType"]),
    uriSpec: specOf(fields["uriSpec"]),
    enabled: fields["enabled"] !== false,
  };
}

/**
 * An address such as `{scheme}://{address}:{port}` in parts. Throws the fault `misuse` for braces that do not
 * match.
 */
export function uriSpec(pattern: string): { readonly parts: readonly UriPart[] } {
  const parts: UriPart[] = [];
  for (const piece of pattern.split(/(\{[^{}]*\})/)) {
    const isVariable = piece.startsWith("{") && piece.endsWith("}");
    if (!isVariable && /[{}]/.test(piece))
      throw new RecipeError("misuse", `braces in "${pattern}" do not match`);
    if (piece !== "")
      parts.push({ value: isVariable ? piece.slice(1, -1).trim() : piece, variable: isVariable });
  }
  return { parts };
}

/** The instance's address by its uriSpec, with what is known of it put in; empty where it has none. */
export function buildUri(
  instance: ServiceInstance,
  variables: Readonly<Record<string, string>> = {},
): string {
  const { name, id, address, port, sslPort, registrationTimeUTC, serviceType } = instance;
  const known: Readonly<Record<string, string>> = {
    "[": "{",
    "]": "}",
    scheme: sslPort === null ? "http" : "https",
    name,
    id,
    address: address ?? "",
    port: port === null ? "" : String(port),
    "ssl-port": sslPort === null ? "" : String(sslPort),
    "registration-time-utc": String(registrationTimeUTC),
    "service-type": serviceType.toLowerCase(),
    ...variables,
  };
  const parts = instance.uriSpec?.parts ?? [];
  return parts.map(({ value, variable }) => (variable ? (known[value] ?? "") : value)).join("");
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function typeOf(value: unknown): ServiceType {
  return typeof value === "string" && TYPES.has(value) ? (value as ServiceType) : "DYNAMIC";
}

function specOf(value: unknown): { readonly parts: readonly UriPart[] } | null {
  if (typeof value !== "object" || value === null || !("parts" in value) || !Array.isArray(value.parts))
    return null;
  const parts = value.parts.flatMap((part: unknown): readonly UriPart[] => {
    if (typeof part !== "object" || part === null || !("value" in part)) return [];
    return [{ value: String(part.value), variable: "variable" in part && part.variable === true }];
  });
  return { parts };
}
