/** Names that nobody else gives: by them a create whose answer was lost is found again. */
import type { RecipeClient } from "./recipe-client.ts";

const UUID_BYTES = 16;

/** 32 hex digits of a random UUID (version 4), as kazoo's uuid4().hex. */
export function uuidHex(client: RecipeClient): string {
  const bytes = client.randomBytes(UUID_BYTES);
  const marked = bytes.map((byte, index) => {
    if (index === 6) return (byte & 0x0f) | 0x40;
    return index === 8 ? (byte & 0x3f) | 0x80 : byte;
  });
  return [...marked].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random UUID as Java prints it, 8-4-4-4-12. */
export function uuidText(client: RecipeClient): string {
  const hex = uuidHex(client);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-");
}

/** The prefix of Curator's protected creates: `_c_UUID-`. */
export function protectedPrefix(client: RecipeClient): string {
  return `_c_${uuidText(client)}-`;
}
