/** Files of the package: beside this code where it is published, at the root of a clone. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file that is there in both; undefined where it is not. */
export function ownFile(name: string): string | undefined {
  return ["./", "../../"]
    .map((place) => fileURLToPath(new URL(`${place}${name}`, import.meta.url)))
    .find((path) => existsSync(path));
}
