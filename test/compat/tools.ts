/**
 * The unmodified clients and what builds the programs that drive them. What is missing is installed: Debian
 * packages with apt-get (as root), PyPI and npm packages and everything compiled into a cache outside the
 * repository.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CLIENT_CHECKS, CURATOR_CHECKS } from "./checks.ts";
import type { Check } from "./checks.ts";
import type { Command, ProcessSet } from "./processes.ts";

const INSTALL_TIMEOUT_MS = 300_000;
const CLIENTS = join(import.meta.dirname, "clients");
const KAZOO_VERSION = "2.11.0";
const NODE_CLIENT_VERSION = "1.1.3";

/** A file that only the package brings, and the package. */
const DEBIAN_PACKAGES: readonly (readonly [string, string])[] = [
  ["/usr/share/java/zookeeper.jar", "libzookeeper-java"],
  ["/usr/share/zookeeper/bin/zkCli.sh", "zookeeper"],
  ["/usr/include/zookeeper/zookeeper.h", "libzookeeper-mt-dev"],
  ["/usr/share/java/curator-recipes.jar", "libcurator-recipes-java"],
  ["/usr/bin/javac", "default-jdk-headless"],
  ["/usr/bin/gcc", "gcc"],
  ["/usr/bin/python3", "python3"],
];

/** A client under test: how its rows are called, and the program that drives it. */
export interface ClientProgram {
  readonly name: string;
  readonly command: Command;
  readonly checks: readonly Check[];
}

/** Installs what is missing, compiles the programs, and says how each is started. */
export async function prepareClients(processes: ProcessSet): Promise<readonly ClientProgram[]> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "edgekeeper", "compat");
  await mkdir(cache, { recursive: true });
  await installDebianPackages(processes);
  // Compilers one after the other: with few cores side by side is not faster, and the messages stay apart.
  const c = await compileC(processes, cache);
  const java = await compileJava(processes, cache);
  const kazoo = await installKazoo(processes, cache);
  const nodeClient = await installNodeClient(processes, cache);
  const debian = await debianVersion(processes, "libzookeeper-java");
  const debianC = await debianVersion(processes, "libzookeeper-mt2");
  const curator = await debianVersion(processes, "libcurator-recipes-java");
  return [
    { name: `kazoo ${KAZOO_VERSION}`, command: kazoo, checks: CLIENT_CHECKS },
    { name: `zkCli ${debian}`, command: zkCli(), checks: CLIENT_CHECKS },
    { name: `Java client ${debian}`, command: java, checks: CLIENT_CHECKS },
    { name: `Curator ${curator}`, command: java, checks: CURATOR_CHECKS },
    { name: `C client ${debianC}`, command: c, checks: CLIENT_CHECKS },
    { name: `node-zookeeper-client ${NODE_CLIENT_VERSION}`, command: nodeClient, checks: CLIENT_CHECKS },
  ];
}

async function installDebianPackages(processes: ProcessSet): Promise<void> {
  const missing = DEBIAN_PACKAGES.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(`missing Debian packages; as root: apt-get install ${missing.join(" ")}`);
  }
  const args = ["install", "-y", "--no-install-recommends", ...missing];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await processes.run({ command: "apt-get", args: ["update"], env }, INSTALL_TIMEOUT_MS);
  await processes.run({ command: "apt-get", args, env }, INSTALL_TIMEOUT_MS);
}

/** The upstream part of an installed package's version: 3.8.0 of 3.8.0-11+deb12u2. */
async function debianVersion(processes: ProcessSet, name: string): Promise<string> {
  const args = ["--show", "--showformat=${Version}\\n", name];
  const version = await processes.run({ command: "dpkg-query", args }, 10_000);
  return version.split("-")[0] ?? version;
}

async function compileC(processes: ProcessSet, cache: string): Promise<Command> {
  const program = join(cache, "c-checks");
  const args = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-DTHREADED", "-o", program];
  const sources = ["harness.c", "checks.c", "sessions.c"].map((file) => join(CLIENTS, "c", file));
  await processes.run({ command: "gcc", args: [...args, ...sources, "-lzookeeper_mt", "-lpthread"] }, 60_000);
  return { command: program, args: [] };
}

async function compileJava(processes: ProcessSet, cache: string): Promise<Command> {
  const classes = join(cache, "java-classes");
  const jars = ["zookeeper", "curator-recipes", "curator-framework", "curator-client", "guava"];
  const classpath = jars.map((jar) => `/usr/share/java/${jar}.jar`).join(":");
  const sources = ["Harness.java", "Checks.java", "Sessions.java", "CuratorChecks.java"].map((file) =>
    join(CLIENTS, "java", file),
  );
  const args = [
    "-Xlint:all,-path,-processing,-classfile",
    "-Werror",
    "-d",
    classes,
    "-cp",
    classpath,
    ...sources,
  ];
  await processes.run({ command: "javac", args }, 60_000);
  const flags = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  return {
    command: "java",
    args: [...flags, "-cp", `${classes}:/etc/zookeeper/conf:${classpath}`, "Harness"],
  };
}

async function installKazoo(processes: ProcessSet, cache: string): Promise<Command> {
  const environment = join(cache, `kazoo-${KAZOO_VERSION}`);
  const python = join(environment, "bin", "python");
  const marker = join(environment, "complete");
  if (!existsSync(marker)) {
    await processes.run(
      { command: "/usr/bin/python3", args: ["-m", "venv", environment] },
      INSTALL_TIMEOUT_MS,
    );
    const args = ["-m", "pip", "install", "--quiet", `kazoo==${KAZOO_VERSION}`];
    await processes.run({ command: python, args }, INSTALL_TIMEOUT_MS);
    await writeFile(marker, "");
  }
  return { command: python, args: ["-B", "-u", join(CLIENTS, "python", "main.py")] };
}

async function installNodeClient(processes: ProcessSet, cache: string): Promise<Command> {
  const directory = join(cache, `node-zookeeper-client-${NODE_CLIENT_VERSION}`);
  const marker = join(directory, "complete");
  if (!existsSync(marker)) {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "package.json"), '{ "private": true }\n');
    const args = ["install", "--no-audit", "--no-fund", `node-zookeeper-client@${NODE_CLIENT_VERSION}`];
    await processes.run({ command: "npm", args, cwd: directory }, INSTALL_TIMEOUT_MS);
    await writeFile(marker, "");
  }
  const program = join(CLIENTS, "node", "node-checks.ts");
  return { command: process.execPath, args: [program], env: { COMPAT_NODE_CLIENT: directory } };
}

function zkCli(): Command {
  return { command: process.execPath, args: [join(CLIENTS, "node", "zk-cli-checks.ts")] };
}
