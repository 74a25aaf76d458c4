/** The client's side of DIGEST-MD5 as the tests need it: right, or wrong in one place. */
import { createHash } from "node:crypto";

/** What the client says; where a part is not given it is the right one. */
export interface Saying {
  readonly user?: string;
  readonly password?: string;
  readonly realm?: string;
  readonly uri?: string;
  readonly qop?: string;
  readonly nonce?: string;
  readonly authzid?: string;
}

/** The hashes of "ann" with the password "one", and of "bob" with "two", as the settings list them. */
export const USERS: ReadonlyMap<string, string> = new Map([
  ["ann", "171e503cd84822dc6023decfb4c078eb"],
  ["bob", "a092d78795215490d45b02d7148c8b8e"],
]);

/** What SASL_USERS lists for these users and their passwords. */
export function saslUsers(passwords: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(passwords);
  return pairs
    .map(([user, password]) => `${user}:${hex(Buffer.from(`${user}:zk-sasl-md5:${password}`))}`)
    .join(",");
}

/** A client's answer to a challenge, and what a server must say to that which knows the password too. */
export function respond(
  challenge: string,
  saying: Saying = {},
): { readonly response: string; readonly rspauth: string } {
  const { user = "ann", password = "one", realm = "zk-sasl-md5", uri = "zookeeper/zk-sasl-md5" } = saying;
  const { qop = "auth", authzid } = saying;
  const nonce = saying.nonce ?? /nonce="([^"]*)"/.exec(challenge)?.[1] ?? "none";
  const cnonce = "abcd";
  const secret = createHash("md5").update(`${user}:${realm}:${password}`).digest();
  const tail = `:${nonce}:${cnonce}${authzid === undefined ? "" : `:${authzid}`}`;
  const key = hex(Buffer.concat([secret, Buffer.from(tail)]));
  const proof = (method: string): string =>
    hex(Buffer.from(`${key}:${nonce}:00000001:${cnonce}:${qop}:${hex(Buffer.from(`${method}:${uri}`))}`));
  const parts = [
    `charset=utf-8`,
    `username="${user}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `nc=00000001`,
    `cnonce="${cnonce}"`,
    `digest-uri="${uri}"`,
    `maxbuf=65536`,
    `response=${proof("AUTHENTICATE")}`,
    `qop=${qop}`,
    ...(authzid === undefined ? [] : [`authzid="${authzid}"`]),
  ];
  return { response: parts.join(","), rspauth: `rspauth=${proof("")}` };
}

/** As the shell hands it in. */
export function hex(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}
