/**
 * Who may do what: checking access control lists, and making valid ones of what clients send.
 * Source: ZooKeeper ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL, DigestAuthenticationProvider.
 */
import { type Acl, type Identity, PERMS } from "../base/acl.ts";
import { KeeperError } from "../base/error-code.ts";
import { ACL_BYTES_MAX } from "../base/limits.ts";
import { addressRange, isInRange } from "./ip-address.ts";
import { isTokenName } from "./tokens.ts";
import { aclBytes } from "./txn-size.ts";

/** The schemes that a znode's list may name besides world and auth. */
interface AclScheme {
  readonly isValid: (id: string) => boolean;
  readonly matches: (identity: string, id: string) => boolean;
  /** Whether the scheme proves who somebody is, so that `auth` expands to it; an address does not. */
  readonly isAuthenticated: boolean;
}

const ACL_SCHEMES: ReadonlyMap<string, AclScheme> = new Map([
  [
    "digest",
    {
      isValid: isValidDigest,
      matches: (identity: string, id: string) => identity === id,
      isAuthenticated: true,
    },
  ],
  [
    "sasl",
    {
      isValid: isValidPrincipal,
      // ZooKeeper's SASLAuthenticationProvider: a user of this name may all that any user of the scheme may.
      matches: (identity: string, id: string) => identity === "super" || identity === id,
      isAuthenticated: true,
    },
  ],
  // Who the platform says that a client is: a certificate's subject, an address or a service of Cloudflare Access.
  ["x509", { isValid: isDistinguishedName, matches: isSame, isAuthenticated: true }],
  ["access", { isValid: (id: string) => id !== "", matches: isSame, isAuthenticated: true }],
  // Whose token it is, or of whom an issuer of JSON Web Tokens says that it is.
  ["token", { isValid: isTokenName, matches: isSame, isAuthenticated: true }],
  ["jwt", { isValid: (id: string) => id !== "", matches: isSame, isAuthenticated: true }],
  [
    "ip",
    {
      isValid: (id: string) => addressRange(id) !== undefined,
      matches: isAddressIn,
      isAuthenticated: false,
    },
  ],
]);

/**
 * Whether one of the identities has one of the permissions (a sum of PERMS). An empty list refuses nobody.
 */
export function isAllowed(acl: readonly Acl[], perms: number, identities: readonly Identity[]): boolean {
  if (acl.length === 0) return true;
  if (identities.some((identity) => identity.scheme === "super")) return true;
  return acl.some((line) => (line.perms & perms) !== 0 && names(line, identities));
}

/** Throws KeeperError noAuth unless isAllowed. */
export function checkAllowed(acl: readonly Acl[], perms: number, identities: readonly Identity[]): void {
  if (!isAllowed(acl, perms, identities)) throw new KeeperError("noAuth");
}

/**
 * The list as it is kept: equal lines merged, and `auth` replaced by what the connection has proven to be.
 * Throws KeeperError invalidAcl where the list is empty or takes more than ACL_BYTES_MAX, a line names an unknown
 * scheme or an invalid id, or `auth` stands for nobody.
 */
export function fixAcl(acl: readonly Acl[], identities: readonly Identity[]): readonly Acl[] {
  const fixed: Acl[] = [];
  let bytes = 0;
  for (const line of withoutDuplicates(acl)) {
    const lines = fixLine(line, identities);
    // Counted as the list grows: each of 60,000 lines may stand for hundreds of identities.
    bytes += aclBytes(lines);
    if (bytes > ACL_BYTES_MAX) throw new KeeperError("invalidAcl", `more than ${ACL_BYTES_MAX} bytes`);
    fixed.push(...lines);
  }
  if (fixed.length === 0) throw new KeeperError("invalidAcl", "an empty list");
  return fixed;
}

/** The list as those see it who may not change it: without the hashes of passwords. */
export function maskDigests(acl: readonly Acl[]): readonly Acl[] {
  return acl.map((line) => (line.scheme === "digest" ? { ...line, id: line.id.replace(/:.*/, ":x") } : line));
}

/**
 * The list that getACL answers with. Throws KeeperError noAuth to those who may neither read nor administer.
 */
export function visibleAcl(acl: readonly Acl[], identities: readonly Identity[]): readonly Acl[] {
  checkAllowed(acl, PERMS.read | PERMS.admin, identities);
  return isAllowed(acl, PERMS.admin, identities) ? acl : maskDigests(acl);
}

function names(line: Acl, identities: readonly Identity[]): boolean {
  if (isWorld(line)) return true;
  const scheme = ACL_SCHEMES.get(line.scheme);
  if (scheme === undefined) return false;
  return identities.some(
    (identity) => identity.scheme === line.scheme && scheme.matches(identity.id, line.id),
  );
}

function isWorld(line: Acl): boolean {
  return line.scheme === "world" && line.id === "anyone";
}

function fixLine(line: Acl, identities: readonly Identity[]): readonly Acl[] {
  if (line.scheme === "auth") return expandAuth(line.perms, identities);
  if (isValidLine(line)) return [line];
  throw new KeeperError("invalidAcl", `${line.scheme}:${line.id}`);
}

function isValidLine(line: Acl): boolean {
  return isWorld(line) || (ACL_SCHEMES.get(line.scheme)?.isValid(line.id) ?? false);
}

function expandAuth(perms: number, identities: readonly Identity[]): readonly Acl[] {
  const proven = identities.filter((identity) => ACL_SCHEMES.get(identity.scheme)?.isAuthenticated ?? false);
  if (proven.length === 0) throw new KeeperError("invalidAcl", "auth without an identity");
  return proven.map(({ scheme, id }) => ({ perms, scheme, id }));
}

function withoutDuplicates(acl: readonly Acl[]): readonly Acl[] {
  const seen = new Map<string, Acl>();
  for (const line of acl) seen.set(JSON.stringify([line.perms, line.scheme, line.id]), line);
  return [...seen.values()];
}

/**
 * `user:hash`. Trailing colons do not count, as Java's split drops them (seen on 3.8.0: `x:y:` is valid, `x:`
 * not).
 */
function isValidDigest(id: string): boolean {
  const parts = id.replace(/:+$/, "").split(":");
  return parts.length === 2;
}

function isSame(identity: string, id: string): boolean {
  return identity === id;
}

/** Attributes that Java's X500Principal knows by name; any other is an object identifier. */
const ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    "CN C L S ST O OU T IP STREET DC DNQUALIFIER DNQ SURNAME GIVENNAME INITIALS GENERATION " +
    "EMAIL EMAILADDRESS UID SERIALNUMBER"
  ).split(" "),
);

/** Whether an id is a subject as RFC 2253 writes it. Source: ZooKeeper X509AuthenticationProvider.isValid. */
function isDistinguishedName(id: string): boolean {
  if (id === "") return true;
  const parts = id.match(/(?:\\[^]|"(?:[^"\\]|\\[^])*"|[^,;+\\"])+|[,;+]/g) ?? [];
  if (parts.length % 2 === 0 || parts.join("") !== id) return false;
  return parts.every((part, at) => {
    if (at % 2 === 1) return /^[,;+]$/.test(part);
    const equals = part.indexOf("=");
    const attribute = part.slice(0, equals).trim().toUpperCase();
    return equals > 0 && (ATTRIBUTES.has(attribute) || /^(?:OID\.)?[0-2](?:\.\d+)+$/.test(attribute));
  });
}

/** A name without an @, or Kerberos's `service/host@realm`. Source: ZooKeeper KerberosName. */
function isValidPrincipal(id: string): boolean {
  return !id.includes("@") || /^[^/@]*(?:\/[^/@]*)?@[^/@]*$/.test(id);
}

function isAddressIn(identity: string, id: string): boolean {
  const range = addressRange(id);
  return range !== undefined && isInRange(identity, range);
}
