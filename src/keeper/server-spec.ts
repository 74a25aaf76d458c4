/**
 * One server of a dynamic configuration, as `host:port:port:role;host:port` tells it. Replicas find each other by
 * their sids: these addresses are kept for clients and operators, and no replica ever calls one.
 * Source: ZooKeeper QuorumPeer.QuorumServer, ConfigUtils.getHostAndPort, java.net.InetSocketAddress.
 */
import { KeeperError } from "../base/error-code.ts";
import type { Sid } from "../base/ids.ts";
import { addressBytes } from "../tree/ip-address.ts";

/** A host, by name or as an IP address without brackets, and a port from 0 to 65535. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where a server is, by its own words. */
export interface ServerSpec {
  readonly sid: Sid;
  readonly role: "participant" | "observer";
  readonly quorum: HostPort;
  readonly election: HostPort;
  /** Where clients find it; undefined hides it from them. */
  readonly client: HostPort | undefined;
}

const HOST_CHARACTERS_MAX = 255;

const FORM =
  " does not have the form server_config or server_config;client_config where server_config is host:port:port or " +
  "host:port:port:type and client_config is port or host:port";

/**
 * Reads what stands behind `server.N=`. Throws KeeperError, as ZooKeeper: badArguments where it does not have the form,
 * marshallingError where a port is none. One address a server: several need a setting that is off by default there.
 */
export function readServerSpec(sid: Sid, text: string): ServerSpec {
  const [server, client, ...rest] = splitAsJava(text, ";");
  if (server === undefined) throw new KeeperError("marshallingError", `${text}${FORM}`);
  if (rest.length > 0) throw new KeeperError("badArguments", `${text}${FORM}`);
  const clientAddress = client === undefined ? undefined : readClient(text, client);
  if (server.includes("|")) {
    const reason = `several addresses are given for server ${sid}, which takes one`;
    throw new KeeperError("badArguments", reason);
  }
  const parts = hostAndPorts(server);
  const [host = "", port, electionPort, role] = parts;
  if (port === undefined || electionPort === undefined || parts.length > 4) {
    throw new KeeperError("badArguments", `${text}${FORM}`);
  }
  const quorum = hostPort(host, port);
  const election = hostPort(host, electionPort);
  if (quorum.port === election.port) {
    throw new KeeperError("badArguments", `server ${sid} has the same port for the quorum and the election`);
  }
  return { sid, role: readRole(role), quorum, election, client: clientAddress };
}

/** What stands behind `server.N=`. */
export function serverSpecText({ quorum, election, role, client }: ServerSpec): string {
  const server = `${bracketed(quorum.host)}:${quorum.port}:${election.port}:${role}`;
  return client === undefined ? server : `${server};${bracketed(client.host)}:${client.port}`;
}

/**
 * Whether the two claim the same address. Names are not looked up here, so they never do, and neither do wildcard and
 * loopback addresses, which are each machine's own.
 */
export function sharesAddress(a: ServerSpec, b: ServerSpec): boolean {
  const addresses = addressesOf(b);
  return addressesOf(a).some((one) => addresses.includes(one));
}

/** Reads a sid as Java's Long.parseLong does. Throws KeeperError: marshallingError where it is no number. */
export function readSid(text: string): Sid {
  if (!/^[+-]?\d{1,18}$/.test(text))
    throw new KeeperError("marshallingError", `"${text}" is no server's number`);
  return Number(text);
}

/** Java's String.split: empty parts at the end are left out, but for a text that is empty itself. */
export function splitAsJava(text: string, separator: string): readonly string[] {
  if (text === "") return [""];
  const parts = text.split(separator);
  while (parts.at(-1) === "") parts.pop();
  return parts;
}

function readClient(text: string, client: string): HostPort {
  const parts = hostAndPorts(client);
  if (parts.length > 2) throw new KeeperError("badArguments", `${text}${FORM}`);
  const [first = "", second] = parts;
  return second === undefined ? hostPort("0.0.0.0", first) : hostPort(first, second);
}

/** A host and what follows it, an IPv6 address without its brackets. */
function hostAndPorts(text: string): readonly string[] {
  if (!text.startsWith("[")) return splitAsJava(text, ":");
  const end = text.indexOf("]");
  if (end < 0) throw new KeeperError("badArguments", `${text} starts with "[" and has no matching "]:"`);
  const rest = text.slice(end + 2);
  if (end + 2 === text.length) throw new KeeperError("badArguments", `${text} has no port after the colon`);
  return [text.slice(1, end), ...(rest === "" ? [] : splitAsJava(rest, ":"))];
}

function hostPort(host: string, portText: string): HostPort {
  if (!/^[+-]?\d{1,9}$/.test(portText)) {
    throw new KeeperError("badArguments", `address unresolved: ${host}:${portText}`);
  }
  const port = Number(portText);
  if (port < 0 || port > 65_535) throw new KeeperError("marshallingError", `port out of range: ${portText}`);
  // It becomes a part of a line of text.
  if (host.length > HOST_CHARACTERS_MAX || /[\s=;|,\p{Cc}]/u.test(host)) {
    throw new KeeperError("badArguments", `"${host.slice(0, HOST_CHARACTERS_MAX)}" is no host`);
  }
  return { host: host === "" ? "localhost" : (addressText(host) ?? host), port };
}

/** An IP address in Java's form of it, which leaves no zero out; undefined where it is none. */
function addressText(host: string): string | undefined {
  if (!host.includes(":") && !/^\d+\.\d+\.\d+\.\d+$/.test(host)) return undefined;
  const bytes = addressBytes(host);
  if (bytes?.length === 4) return bytes.join(".");
  if (bytes === undefined) return undefined;
  return Array.from({ length: 8 }, (_, index) => {
    return (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16);
  }).join(":");
}

function readRole(text: string | undefined): ServerSpec["role"] {
  const role = (text ?? "participant").trim().toLowerCase();
  if (role === "participant" || role === "observer") return role;
  throw new KeeperError("badArguments", `unrecognised peertype: ${text ?? ""}`);
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function addressesOf({ quorum, election, client }: ServerSpec): readonly string[] {
  const all = client === undefined ? [quorum, election] : [quorum, election, client];
  return all.filter(({ host }) => isOthers(host)).map(({ host, port }) => `${host} ${port}`);
}

const IPV6_OWN: readonly string[] = ["0:0:0:0:0:0:0:0", "0:0:0:0:0:0:0:1"];

/** Whether it is an IP address that only one machine has. */
function isOthers(host: string): boolean {
  const bytes = addressText(host) === undefined ? undefined : addressBytes(host);
  if (bytes === undefined) return false;
  return bytes.length === 4 ? bytes[0] !== 127 && host !== "0.0.0.0" : !IPV6_OWN.includes(host);
}
