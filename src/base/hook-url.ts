/**
 * Where webhooks may be sent: to hosts of the public internet, over TLS. A name that leads to a private address is not
 * found out here: the platform's own network does not reach any.
 */

/** Why no webhook is sent there; undefined where it may be. In development everything goes. */
export function hookUrlProblem(text: string, isDevelopment: boolean): string | undefined {
  if (!URL.canParse(text)) return "it is no URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "it must hold no user and no password";
  if (url.protocol !== "https:" && !(isDevelopment && url.protocol === "http:"))
    return "it must begin with https:";
  if (isDevelopment) return undefined;
  return isPublicHost(url.hostname) ? undefined : `${url.hostname} is no host of the public internet`;
}

/** Names that mean something within a network alone. */
const PRIVATE_NAMES =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|home|corp|arpa|test|invalid|onion)$/;

/** The parser of URLs has brought addresses of any form (0x7f.1, 2130706433) into this one. */
const IPV4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/;

function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "").toLowerCase();
  // No IPv6 literal: none of a service that wants to be called, and mapped forms of private addresses are many.
  if (host.startsWith("[")) return false;
  const octets = IPV4.exec(host)?.slice(1).map(Number);
  if (octets !== undefined) return isPublicAddress(octets);
  return host.includes(".") && !PRIVATE_NAMES.test(host);
}

/** Source: IANA's registry of IPv4 special-purpose addresses. */
function isPublicAddress([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b < 128) return false;
  if (a === 169 && b === 254) return false;
  if (a === 172 && b >= 16 && b < 32) return false;
  if (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)) || (b === 88 && c === 99))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  return !(a === 203 && b === 0 && c === 113);
}
