/** A registry of one package, for npm: its executable is the runtime that this clone has. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A registry that answers. */
export interface Registry {
  readonly url: string;
  /** The paths that were asked for. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** Serves a package called workerd of that version, which exports the path of an executable as the real one does. */
export async function startRegistry(version: string, executable: string): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "edgekeeper-registry-"));
  const manifest = { name: "workerd", version, main: "main.js" };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "main.js"), `module.exports.default = ${JSON.stringify(executable)};\n`);
  await promisify(execFile)("npm", ["pack", "--silent"], { cwd: folder });
  const tarball = await readFile(join(folder, `workerd-${version}.tgz`));
  await rm(folder, { recursive: true });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(String(request.url));
    if (request.url === "/workerd.tgz") return response.end(tarball);
    const dist = { tarball: `http://${String(request.headers.host)}/workerd.tgz` };
    response.end(
      JSON.stringify({
        name: "workerd",
        "dist-tags": { latest: version },
        versions: { [version]: { ...manifest, dist } },
      }),
    );
    return response;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}`,
    asked,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
