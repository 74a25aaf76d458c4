/** The root of the repository. VitePress bundles its configuration, so nothing is asked of where that lies. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** See the file's comment: `npm run docs` and the tests run in it, or below. */
export const ROOT: string = join(fileURLToPath(new URL(".", import.meta.url)), "../../..");
