/**
 * A token as its owner holds it: `ek_`, 64 hex digits of randomness, 8 of a checksum. The prefix lets people and secret
 * scanners recognise one, and the checksum tells a slip of the pen before anybody is asked. Only its SHA-256 is stored:
 * of 256 random bits that needs neither salt nor stretching.
 */
import { crc32 } from "./crc32.ts";

/** What a token begins with. */
const TOKEN_PREFIX = "ek_";

const TOKEN_BYTES = 32;

const FORM = /^ek_([0-9a-f]{64})([0-9a-f]{8})$/;

/** The token of 32 random bytes. */
export function tokenText(random: Uint8Array): string {
  if (random.length !== TOKEN_BYTES) throw new Error(`a token is made of ${TOKEN_BYTES} random bytes`);
  const digits = Array.from(random, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${TOKEN_PREFIX}${digits}${checksum(digits)}`;
}

/** Whether the text begins as tokens do, whole or not. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX);
}

/** Whether the text has a token's form and checksum: not whether there is such a token. */
export function isTokenText(text: string): boolean {
  const [, digits = "", sum = ""] = FORM.exec(text) ?? [];
  return digits !== "" && checksum(digits) === sum;
}

function checksum(digits: string): string {
  return crc32(new TextEncoder().encode(TOKEN_PREFIX + digits))
    .toString(16)
    .padStart(8, "0");
}
