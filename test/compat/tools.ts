/**
 * What installs and builds things: Debian packages with apt-get (as root), PyPI, npm, Go and Rust packages and
 * everything compiled into a cache outside the repository.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { exclusively } from "./exclusive.ts";
import type { Command, ProcessSet } from "./processes.ts";

/**
 * How long one download or build may take, in ms: a hundred Rust crates take two busy cores three minutes, and the half
 * gigabyte of pyspark, which pip packs before it unpacks it, seven.
 */
const INSTALL_TIMEOUT_MS = 900_000;

/** A file that only the package brings, and the package. */
export type DebianPackage = readonly [file: string, name: string];

/** Where a compiler may be besides PATH: where their own installers put them. */
const USUAL_FOLDERS: readonly string[] = ["/usr/local/go/bin", join(homedir(), ".cargo", "bin"), "/usr/bin"];

/** What the preparation of every client uses. */
export class Toolbox {
  /** Where everything built is kept from run to run. */
  readonly cache: string;
  readonly #processes: ProcessSet;

  private constructor(processes: ProcessSet, cache: string) {
    this.#processes = processes;
    this.cache = cache;
  }

  static async open(processes: ProcessSet): Promise<Toolbox> {
    const root = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
    const cache = join(root, "edgekeeper", "compat");
    await mkdir(cache, { recursive: true });
    return new Toolbox(processes, cache);
  }

  /** Runs a command to its end and gives its output; throws if it fails. */
  async run(command: Command): Promise<string> {
    return await this.#processes.run(command, INSTALL_TIMEOUT_MS);
  }

  /** Installs those packages whose files are missing. */
  async needDebian(packages: readonly DebianPackage[]): Promise<void> {
    const missing = (): readonly string[] =>
      packages.filter(([file]) => !existsSync(file)).map(([, name]) => name);
    if (missing().length > 0) await this.#exclusively("apt-get", async () => await this.#install(missing()));
    const absent = missing();
    if (absent.length > 0) throw new Error(`installed without their files: ${absent.join(" ")}`);
  }

  /** The path of a command; one that is nowhere is installed with the Debian package. */
  async needCommand(name: string, debianPackage: string): Promise<string> {
    const found = findCommand(name);
    if (found !== undefined) return found;
    await this.#exclusively("apt-get", async () => await this.#install([debianPackage]));
    const installed = findCommand(name);
    if (installed === undefined) throw new Error(`${debianPackage} did not bring the command ${name}`);
    return installed;
  }

  /** The upstream part of an installed package's version: 3.8.0 of 3.8.0-11+deb12u2. */
  async debianVersion(name: string): Promise<string> {
    const args = ["--show", "--showformat=${Version}\\n", name];
    const version = await this.run({ command: "dpkg-query", args });
    return version.split("-")[0] ?? version;
  }

  /** A folder of the cache that `fill` fills once: one that it did not finish is filled again. */
  async filled(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
    const folder = join(this.cache, name);
    const marker = join(folder, "complete");
    if (existsSync(marker)) return folder;
    await this.#exclusively(name, async () => {
      if (existsSync(marker)) return;
      await mkdir(folder, { recursive: true });
      await fill(folder);
      await writeFile(marker, "");
    });
    return folder;
  }

  async #install(packages: readonly string[]): Promise<void> {
    if (packages.length === 0) return;
    if (process.getuid?.() !== 0) {
      throw new Error(`missing Debian packages; as root: apt-get install ${packages.join(" ")}`);
    }
    const args = ["install", "-y", "--no-install-recommends", ...packages];
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await this.run({ command: "apt-get", args: ["update"], env });
    await this.run({ command: "apt-get", args, env });
  }

  /** One apt-get at a time, as it locks, and one who fills a folder. */
  async #exclusively(what: string, action: () => Promise<void>): Promise<void> {
    await exclusively(`${this.cache}:${what}`, action);
  }
}

function findCommand(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...USUAL_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
