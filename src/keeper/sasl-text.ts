/**
 * The text of SASL's tokens: `key=value` or `key="value"`, separated by commas or spaces. Characters stand for bytes,
 * one each, as what is hashed is bytes. Source: RFC 2831, 7.1; what Java's server was seen to take.
 */
import { JuteError } from "../jute/jute-error.ts";

/** What a server looks at, and may not be told twice; anything else is passed over. */
const KNOWN: ReadonlySet<string> = new Set([
  "username",
  "realm",
  "nonce",
  "cnonce",
  "qop",
  "digest-uri",
  "response",
  "maxbuf",
  "charset",
  "cipher",
  "authzid",
]);

/** A response is shorter (RFC 2831, 2.1.2). */
const TOKEN_BYTES_MAX = 4095;

/** The known directives by name; undefined where the token is no list of directives, or says one of them twice. */
export function parseDirectives(token: Uint8Array): ReadonlyMap<string, string> | undefined {
  if (token.length > TOKEN_BYTES_MAX) return undefined;
  try {
    return new Directives(String.fromCharCode(...token)).readAll();
  } catch (error) {
    // It is no list of directives: the login fails.
    if (error instanceof JuteError) return undefined;
    throw error;
  }
}

/** The bytes of characters that are one each. */
export function textBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Two digits a byte. */
export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** Reads from front to back. */
class Directives {
  readonly #text: string;
  readonly #found = new Map<string, string>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readAll(): ReadonlyMap<string, string> {
    for (this.#take(/[ \t\r\n,]*/y); this.#at < this.#text.length; this.#take(/[ \t\r\n,]*/y))
      this.#readOne();
    return this.#found;
  }

  #readOne(): void {
    const name = this.#take(/[^=, \t\r\n]+/y).toLowerCase();
    this.#take(/[ \t\r\n]*/y);
    // A name that the token ends with has no value.
    const value = this.#at === this.#text.length ? "" : this.#readValue();
    if (!KNOWN.has(name)) return;
    if (this.#found.has(name)) throw malformed(`${name} twice`);
    this.#found.set(name, value);
  }

  #readValue(): string {
    this.#take(/=[ \t\r\n]*/y);
    if (this.#at === this.#text.length) throw malformed("a name without a value");
    if (this.#text[this.#at] !== '"') return this.#take(/[^, \t\r\n]*/y);
    const quoted = this.#take(/"(?:[^"\\]|\\[^])*"(?=[, \t\r\n]|$)/y);
    return quoted.slice(1, -1).replace(/\\([^])/g, "$1");
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [taken] = pattern.exec(this.#text) ?? [];
    if (taken === undefined) throw malformed(`at ${this.#at}`);
    this.#at += taken.length;
    return taken;
  }
}

function malformed(problem: string): JuteError {
  return new JuteError("bad-value", problem);
}
