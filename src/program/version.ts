/** The version that the program says it is: that of the package.json beside it, or above it in a clone. */
import { readFileSync } from "node:fs";

import { ownFile } from "./own-file.ts";

/** Reads the package.json of edgekeeper. */
export function programVersion(): string {
  const file = ownFile("package.json");
  if (file === undefined) return "unknown";
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  return isManifest(manifest) ? manifest.version : "unknown";
}

function isManifest(value: unknown): value is { readonly version: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    value.name === "edgekeeper" &&
    "version" in value &&
    typeof value.version === "string"
  );
}
