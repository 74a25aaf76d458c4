/**
 * What a client proves to be. Source: ZooKeeper DigestAuthenticationProvider, IPAuthenticationProvider.
 */
import type { Identity } from "../base/acl.ts";
import type { AccessSettings } from "../base/access-settings.ts";
import { type ConnectionOpening, hostOf } from "./connection.ts";
import { IDENTITY_BYTES_MAX } from "./limits.ts";

/** Settings and the hashes that authentication needs, made by the shell. */
export interface AuthSettings {
  /** `user:base64(sha1(user:password))` whose bearer passes every check; undefined for nobody. */
  readonly superDigest: string | undefined;
  /** Base64 of the SHA-1 of the bytes. */
  readonly sha1Base64: (bytes: Uint8Array) => string;
  /** Lower-case hex of the MD5 of the bytes. */
  readonly md5Hex: (bytes: Uint8Array) => string;
  readonly access: AccessSettings;
}

/** Who may do everything. */
export const SUPER: Identity = { scheme: "super", id: "" };

const PROVEN_SCHEMES: ReadonlySet<string> = new Set(["x509", "access", "token", "jwt"]);

/** The identities that the packet proves, or undefined where the scheme is unknown or the proof is no good. */
export function authenticate(
  packet: { readonly scheme: string | null; readonly auth: Uint8Array | null },
  opening: Pick<ConnectionOpening, "remoteAddress" | "identities">,
  settings: AuthSettings,
): readonly Identity[] | undefined {
  if (packet.scheme === "digest") return packet.auth === null ? undefined : digest(packet.auth, settings);
  if (packet.scheme === "ip") return [{ scheme: "ip", id: hostOf(opening.remoteAddress) }];
  // Proven when the connection was made, or not at all: nothing that is sent counts.
  if (PROVEN_SCHEMES.has(packet.scheme ?? "")) {
    const proven = opening.identities?.filter(({ scheme }) => scheme === packet.scheme) ?? [];
    return proven.length === 0 ? undefined : proven;
  }
  return undefined;
}

/** What a connection has proven with the added ones; undefined where that is more than a connection may prove. */
export function addIdentities(
  known: readonly Identity[],
  added: readonly Identity[],
): readonly Identity[] | undefined {
  const fresh = added.filter(
    ({ scheme, id }) => !known.some((one) => one.scheme === scheme && one.id === id),
  );
  const all = [...known, ...fresh];
  return identityBytes(all) > IDENTITY_BYTES_MAX ? undefined : all;
}

/** As what access control lists see the client: where they do not count, as one who may do everything. */
export function powersOf(
  client: { readonly identities: readonly Identity[] },
  { access }: Pick<AuthSettings, "access">,
): readonly Identity[] {
  return access.skipsAcl ? [SUPER, ...client.identities] : client.identities;
}

/** About how many bytes they take on a link. */
export function identityBytes(identities: readonly Identity[]): number {
  return identities.reduce((sum, { scheme, id }) => sum + 8 + 3 * (scheme.length + id.length), 0);
}

function digest(login: Uint8Array, settings: AuthSettings): readonly Identity[] {
  const text = new TextDecoder().decode(login);
  const colon = text.indexOf(":");
  const user = colon === -1 ? text : text.slice(0, colon);
  const id = `${user}:${settings.sha1Base64(login)}`;
  const identity: Identity = { scheme: "digest", id };
  return id === settings.superDigest ? [SUPER, identity] : [identity];
}
