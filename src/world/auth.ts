/** How simulated replicas know who somebody is. */
import { createHash } from "node:crypto";
import { DEFAULT_ACCESS } from "../base/access-settings.ts";
import type { AuthSettings } from "../keeper/auth.ts";

/** The super user is "super:test". */
export const AUTH: AuthSettings = {
  superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
  sha1Base64: (bytes) => createHash("sha1").update(bytes).digest("base64"),
  md5Hex: (bytes) => createHash("md5").update(bytes).digest("hex"),
  access: DEFAULT_ACCESS,
};
