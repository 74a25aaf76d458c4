/** The package as its user has it: packed, and installed into an empty project without a registry. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { buildPackage, ROOT } from "../../packaging/build.ts";

const run = promisify(execFile);

/** Where it is. */
export interface InstalledPackage {
  /** A project that holds nothing but the package. */
  readonly project: string;
  /** The packed package. */
  readonly tarball: string;
  remove(): Promise<void>;
}

/** Builds, packs and installs it. */
export async function installPackage(): Promise<InstalledPackage> {
  const project = await mkdtemp(join(tmpdir(), "edgekeeper-package-"));
  const dist = join(project, "dist");
  await buildPackage(dist);
  await run("npm", ["pack", dist, "--pack-destination", project, "--silent"], { cwd: project });
  await rm(dist, { recursive: true });
  const tarball = join(project, "edgekeeper-0.1.0.tgz");
  await writeFile(join(project, "package.json"), `{ "name": "empty", "private": true, "type": "module" }\n`);
  await npmInstall(project, tarball);
  return { project, tarball, remove: async () => await rm(project, { recursive: true, force: true }) };
}

/** `npm install`, with nothing from a registry. */
export async function npmInstall(directory: string, ...packages: readonly string[]): Promise<void> {
  const words = ["install", "--offline", "--no-audit", "--no-fund", ...packages];
  await run("npm", words, { cwd: directory });
}

/** Puts a package of this clone into the node_modules of a project, as if it were installed there. */
export async function lend(name: string, project: string): Promise<void> {
  await mkdir(join(project, "node_modules"), { recursive: true });
  await symlink(join(ROOT, "node_modules", name), join(project, "node_modules", name));
}
