/**
 * Other versions of the Worker: this one's code, of which a constant or two are others, as a later release has
 * them.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What is another in it, and where that stands. */
const CONSTANTS = {
  version: { file: /\/src\/keeper\/status\.ts$/, before: /(EDGEKEEPER_VERSION =) "[^"]+"/ },
  storage: { file: /\/src\/durable\/schema\.ts$/, before: /(STORAGE_FORMAT =) \d+/ },
  links: { file: /\/src\/keeper\/link-codec\.ts$/, before: /(LINK_FORMAT =) \d+/ },
} as const;

/** A version: what of it is another. */
export interface VersionSetup {
  readonly version: string;
  readonly storage?: number;
  readonly links?: number;
}

/** A version that was built. */
export interface OtherVersion extends AsyncDisposable {
  /** The bundle. */
  readonly file: string;
  /** Its wrangler.toml, relative to the project's root. */
  readonly config: string;
}

/** Builds it. Throws where a constant does not stand where it is looked for. */
export async function buildVersion(setup: VersionSetup): Promise<OtherVersion> {
  const directory = await mkdtemp(join(tmpdir(), "edgekeeper-version-"));
  const file = join(directory, "worker.js");
  const found: string[] = [];
  await build({
    entryPoints: [join(ROOT, "src/worker.ts")],
    outfile: file,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    loader: { ".html": "text", ".txt": "text", ".sql": "text" },
    keepNames: true,
    logLevel: "silent",
    plugins: [replacing(setup, found)],
  });
  const wanted = Object.keys(setup);
  if (found.length !== wanted.length) throw new Error(`of ${wanted.join()} only ${found.join()} were found`);
  const text = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const config = join(directory, "wrangler.toml");
  await writeFile(config, text.replace('main = "src/worker.ts"', `main = "${file}"`));
  const dispose = async (): Promise<void> => await rm(directory, { recursive: true, force: true });
  return { file, config: relative(ROOT, config), [Symbol.asyncDispose]: dispose };
}

function replacing(setup: VersionSetup, found: string[]): Plugin {
  return {
    name: "constants",
    setup(bundling) {
      for (const [name, value] of Object.entries(setup)) {
        const { file, before } = CONSTANTS[name as keyof typeof CONSTANTS];
        bundling.onLoad({ filter: file }, async ({ path }) => {
          const text = await readFile(path, "utf8");
          const contents = text.replace(before, (_, left: string) => `${left} ${JSON.stringify(value)}`);
          if (contents !== text) found.push(name);
          return { contents, loader: "ts" };
        });
      }
    },
  };
}
