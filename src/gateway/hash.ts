/** The SHA-256 of a text, as 64 hex digits. */
export async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (octet) => octet.toString(16).padStart(2, "0")).join("");
}
