/**
 * JSON Web Tokens of an issuer that the deployment trusts (JWT_ISSUER and its kin). `sub` says who the bearer is, as
 * `jwt:SUB` in access control lists, and a claim what it may do at most: texts of the form
 * `ENSEMBLE:PERMISSIONS:/PREFIX`, in an array or set apart by spaces, where `*` is every ensemble. Whatever else stands
 * in that claim is not for us; who has nothing in it may do nothing.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import type { Identity } from "../base/acl.ts";
import type { JwtSettings } from "../base/door-settings.ts";
import { type Grant, readGrant } from "../base/grant.ts";
import { scopeIdentity } from "../base/scope-identity.ts";

/** Only such that whoever can verify cannot sign; `none` and HMAC are none of them. */
const ALGORITHMS: readonly string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

/** By how much the issuer's clock and ours may differ. */
const CLOCK_TOLERANCE_S = 30;

const FETCH_TIMEOUT_MS = 5000;

/** Grants that a token may list: it travels with each write. */
const GRANTS_MAX = 50;

/** What is wrong with the token itself; anything else is no fault of its bearer. */
const BEARERS_FAULT: ReadonlySet<string> = new Set([
  errors.JWTClaimValidationFailed.code,
  errors.JWTExpired.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWSInvalid.code,
  errors.JWTInvalid.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
  errors.JWSSignatureVerificationFailed.code,
]);

/** What a token is worth. */
type Verdict =
  | { readonly kind: "known"; readonly identitiesFor: (ensemble: string) => readonly Identity[] }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "unreachable" };

/** Whether a text has the form of a signed token. */
export function looksSigned(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** See the file's comment. */
export class SignedTokens {
  /** Fetched when first needed, and kept: by where they are from. */
  readonly #keys = new Map<string, JWTVerifyGetKey>();

  /** Says who bears the token, and what it may do. */
  async verify(token: string, settings: JwtSettings): Promise<Verdict> {
    try {
      const { payload } = await jwtVerify(token, this.#keysOf(settings), {
        issuer: settings.issuer,
        audience: settings.audience,
        algorithms: [...ALGORITHMS],
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ["exp", "sub"],
      });
      return bearerOf(payload, settings);
    } catch (error) {
      if (error instanceof errors.JOSEError && BEARERS_FAULT.has(error.code)) {
        return { kind: "refused", detail: `the signed token is not valid here: ${error.message}` };
      }
      if (error instanceof errors.JOSEError || error instanceof TypeError) return { kind: "unreachable" };
      throw error;
    }
  }

  #keysOf({ keys }: JwtSettings): JWTVerifyGetKey {
    const from = "url" in keys ? keys.url : keys.set;
    let known = this.#keys.get(from);
    if (known === undefined) {
      known =
        "url" in keys
          ? createRemoteJWKSet(new URL(keys.url), { timeoutDuration: FETCH_TIMEOUT_MS })
          : createLocalJWKSet(JSON.parse(keys.set) as JSONWebKeySet);
      this.#keys.set(from, known);
    }
    return known;
  }
}

function bearerOf(payload: JWTPayload, { scopesClaim }: JwtSettings): Verdict {
  const { sub = "", exp = 0 } = payload;
  if (sub === "") return { kind: "refused", detail: "the signed token names nobody (sub)" };
  const entries = entriesOf(payload[scopesClaim]);
  if (entries.length > GRANTS_MAX) {
    return { kind: "refused", detail: `the signed token lists more than ${GRANTS_MAX} scopes` };
  }
  const expiresMs = (exp + CLOCK_TOLERANCE_S) * 1000;
  const identitiesFor = (ensemble: string): readonly Identity[] => {
    const grants = entries.filter((entry) => entry.ensemble === "*" || entry.ensemble === ensemble);
    const scope = scopeIdentity({ kind: "signed", grants: grants.map(({ grant }) => grant), expiresMs });
    return [{ scheme: "jwt", id: sub }, scope];
  };
  return { kind: "known", identitiesFor };
}

interface Entry {
  readonly ensemble: string;
  readonly grant: Grant;
}

function entriesOf(claim: unknown): readonly Entry[] {
  const texts: readonly unknown[] =
    typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [];
  return texts.flatMap((text): readonly Entry[] => {
    const [, ensemble, rest] = typeof text === "string" ? (/^([^:\s]+):(.+)$/s.exec(text) ?? []) : [];
    if (ensemble === undefined || rest === undefined) return [];
    const grant = readGrant(rest);
    return typeof grant === "string" ? [] : [{ ensemble, grant }];
  });
}
