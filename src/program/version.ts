/** The version that the program says it is: that of the package.json beside it, or above it in a clone. */
import { readFileSync } from "node:fs";

/** Looks for the package.json of edgekeeper. */
export function programVersion(): string {
  for (const place of ["./package.json", "../../package.json"]) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8"));
      if (isManifest(manifest)) return manifest.version;
    } catch (error) {
      // Not there: the program runs from the other place.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return "unknown";
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
