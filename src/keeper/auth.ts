/**
 * What a client proves to be. Source: ZooKeeper DigestAuthenticationProvider, IPAuthenticationProvider.
 */
import type { Identity } from "../base/acl.ts";
import { hostOf } from "./connection.ts";

/** Settings and the one hash that authentication needs, made by the shell. */
export interface AuthSettings {
  /** `user:base64(sha1(user:password))` whose bearer passes every check; undefined for nobody. */
  readonly superDigest: string | undefined;
  /** Base64 of the SHA-1 of the bytes. */
  readonly sha1Base64: (bytes: Uint8Array) => string;
}

/** The identities that the packet proves, or undefined where the scheme is unknown or the proof is no good. */
export function authenticate(
  packet: { readonly scheme: string | null; readonly auth: Uint8Array | null },
  remoteAddress: string,
  settings: AuthSettings,
): readonly Identity[] | undefined {
  if (packet.scheme === "digest") return digest(packet.auth ?? new Uint8Array(0), settings);
  if (packet.scheme === "ip") return [{ scheme: "ip", id: hostOf(remoteAddress) }];
  return undefined;
}

function digest(login: Uint8Array, settings: AuthSettings): readonly Identity[] {
  const text = new TextDecoder().decode(login);
  const colon = text.indexOf(":");
  const user = colon === -1 ? text : text.slice(0, colon);
  const id = `${user}:${settings.sha1Base64(login)}`;
  const identity: Identity = { scheme: "digest", id };
  return id === settings.superDigest ? [{ scheme: "super", id: "" }, identity] : [identity];
}
