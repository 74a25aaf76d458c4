/** The product's wrangler.toml with TCP ports that nobody else has: `wrangler dev` opens those that stand there. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "./ports.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Writes it into the folder; gives its path. */
export async function movedConfig(folder: string): Promise<string> {
  let text = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const ports = await freePorts(3);
  for (const [index, port] of ports.entries()) text = text.replaceAll(String(2181 + index), String(port));
  const path = join(folder, "edgekeeper.toml");
  await writeFile(path, text.replace('main = "', `main = "${ROOT}`));
  return path;
}
