/** How the doors are set up: how often callers may ask, whose pages may, and whose signed tokens count. */
import type { VariableName, Variables } from "./variables.ts";

/** Whose JSON Web Tokens count. */
export interface JwtSettings {
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be, or hold. */
  readonly audience: string;
  /** Where the issuer publishes its keys, or the keys themselves (a JWK Set). */
  readonly keys: { readonly url: string } | { readonly set: string };
  /** The claim that lists what its bearer may do. */
  readonly scopesClaim: string;
}

/** What the variables say about doors, with the defaults filled in. */
export interface DoorSettings {
  /** Requests of one address a second, in each isolate of the gateway; 0 for no bound. */
  readonly requestsPerAddress: number;
  /** Calls under one token, or of one signed caller, a second, at each replica; 0 for no bound. */
  readonly callsPerToken: number;
  /** Origins whose pages may read answers; `*` for all; none by default. */
  readonly corsOrigins: readonly string[];
  readonly jwt: JwtSettings | undefined;
}

/** What holds where nothing is set. */
export const DEFAULT_DOORS: DoorSettings = {
  requestsPerAddress: 0,
  callsPerToken: 0,
  corsOrigins: [],
  jwt: undefined,
};

/** The claim that tells scopes, unless set. */
const SCOPES_CLAIM = "edgekeeper";

/** What all variables are read with. */
interface Readers {
  readonly refuse: (name: VariableName, value: string, remedy: string) => Error;
  /** A number of things; undefined where it is not set. */
  readonly count: (name: VariableName) => number | undefined;
}

/** Reads them all. Throws what `refuse` makes of the first that makes no sense. */
export function readDoors(variables: Variables, { refuse, count }: Readers): DoorSettings {
  return {
    requestsPerAddress: count("RATE_LIMIT_PER_ADDRESS") ?? DEFAULT_DOORS.requestsPerAddress,
    callsPerToken: count("RATE_LIMIT_PER_TOKEN") ?? DEFAULT_DOORS.callsPerToken,
    corsOrigins: readOrigins(variables.CORS_ORIGINS ?? "", refuse),
    jwt: readJwt(variables, refuse),
  };
}

/** Origins as browsers send them: without a path, and without a slash at the end. */
function readOrigins(text: string, refuse: Readers["refuse"]): readonly string[] {
  const origins = text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  const isOrigin = (item: string): boolean => item === "*" || /^https?:\/\/[^/\s?#@]+$/.test(item);
  const wrong = origins.find((item) => !isOrigin(item));
  if (wrong !== undefined || (origins.includes("*") && origins.length > 1)) {
    const remedy = 'it must list origins such as "https://app.example", without a path, or be * alone';
    throw refuse("CORS_ORIGINS", text, remedy);
  }
  return origins;
}

function readJwt(variables: Variables, refuse: Readers["refuse"]): JwtSettings | undefined {
  const issuer = variables.JWT_ISSUER ?? "";
  const audience = variables.JWT_AUDIENCE ?? "";
  const url = variables.JWT_JWKS_URL ?? "";
  const set = variables.JWT_KEYS ?? "";
  if (issuer === "" && audience === "" && url === "" && set === "") return undefined;
  if (issuer === "" || audience === "" || (url === "") === (set === "")) {
    const remedy = "JWT_ISSUER, JWT_AUDIENCE, and one of JWT_JWKS_URL and JWT_KEYS must be set together";
    throw refuse("JWT_ISSUER", issuer, remedy);
  }
  if (url !== "" && !isSafeUrl(url)) {
    throw refuse("JWT_JWKS_URL", url, "it must be an https URL, or an http one of this machine");
  }
  if (set !== "" && !isPublicKeySet(set)) {
    // The value stays out of the message: it may hold a private key.
    throw refuse("JWT_KEYS", "...", 'it must be a JWK Set of public RSA, EC or OKP keys: {"keys": [...]}');
  }
  const keys = url === "" ? { set } : { url };
  return { issuer, audience, keys, scopesClaim: variables.JWT_SCOPES_CLAIM || SCOPES_CLAIM };
}

function isSafeUrl(url: string): boolean {
  if (/^https:\/\/[^/\s?#@]+(?:[/?][^\s#]*)?$/.test(url)) return true;
  return /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:[/?][^\s#]*)?$/.test(url);
}

/** Keys that anybody may know: one that signs and verifies alike would let whoever can verify sign. */
function isPublicKeySet(text: string): boolean {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch (error) {
    // It is no JSON: then it is no set of keys, which the start refuses.
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
  if (typeof set !== "object" || set === null || !("keys" in set) || !Array.isArray(set.keys)) return false;
  const keys: readonly unknown[] = set.keys;
  return keys.length > 0 && keys.every(isPublicKey);
}

function isPublicKey(key: unknown): boolean {
  if (typeof key !== "object" || key === null || !("kty" in key) || "d" in key) return false;
  return key.kty === "RSA" || key.kty === "EC" || key.kty === "OKP";
}
