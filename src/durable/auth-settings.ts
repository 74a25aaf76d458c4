/** What logins are checked with: the Worker's variables, and the runtime's hashes. */
import { createHash } from "node:crypto";
import { readSettings } from "../base/settings.ts";
import type { Variables } from "../base/variables.ts";
import type { AuthSettings } from "../keeper/auth.ts";

/** Reads the settings. Throws ConfigError, which names the variable that makes no sense. */
export function authSettings(env: Variables): AuthSettings {
  const { superDigest, access } = readSettings(env);
  return {
    superDigest,
    access,
    sha1Base64: (bytes) => createHash("sha1").update(bytes).digest("base64"),
    md5Hex: (bytes) => createHash("md5").update(bytes).digest("hex"),
  };
}
