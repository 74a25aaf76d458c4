/** The unmodified clients, and how the programs that drive them are built. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildPackage } from "../../packaging/build.ts";
import {
  CLIENT_CHECKS,
  CURATOR_CHECKS,
  GO_CHECKS,
  JAVA_CHECKS,
  KAZOO_CHECKS,
  RECIPE_CHECKS,
  RUST_CHECKS,
} from "./checks.ts";
import type { Check } from "./checks.ts";
import type { Command } from "./processes.ts";
import type { DebianPackage, Toolbox } from "./tools.ts";

const CLIENTS = join(import.meta.dirname, "clients");
const KAZOO_VERSION = "2.11.0";
const NODE_CLIENT_VERSION = "1.1.3";

const JAVA_PACKAGES: readonly DebianPackage[] = [
  ["/usr/share/java/zookeeper.jar", "libzookeeper-java"],
  ["/usr/share/java/curator-recipes.jar", "libcurator-recipes-java"],
  ["/usr/share/java/curator-x-discovery.jar", "libcurator-discovery-java"],
  ["/usr/share/java/jackson-databind.jar", "libjackson2-databind-java"],
  ["/usr/bin/javac", "default-jdk-headless"],
];

/** What the real ensemble and zkCli are. */
export const ZOOKEEPER_PACKAGES: readonly DebianPackage[] = [
  ["/usr/share/zookeeper/bin/zkCli.sh", "zookeeper"],
  ["/usr/share/java/zookeeper.jar", "libzookeeper-java"],
  ["/usr/bin/java", "default-jre-headless"],
];

const C_PACKAGES: readonly DebianPackage[] = [
  ["/usr/include/zookeeper/zookeeper.h", "libzookeeper-mt-dev"],
  ["/usr/bin/gcc", "gcc"],
];

/** A client that is ready: how its rows are called, and the program that drives it. */
export interface ClientProgram {
  readonly name: string;
  readonly command: Command;
  readonly checks: readonly Check[];
}

/** A client as it can be asked for, before anything of it is installed. */
export interface Client {
  readonly name: string;
  readonly checks: readonly Check[];
  prepare(tools: Toolbox): Promise<Prepared>;
}

interface Prepared {
  readonly command: Command;
  /** Where only what is installed tells it; else it is part of the name. */
  readonly version?: string;
}

/** All clients, in the order of the table. */
export function allClients(): readonly Client[] {
  // Two clients drive one Java program: compiled once a run.
  let java: Promise<Command> | undefined;
  const compiled = (tools: Toolbox): Promise<Command> => (java ??= compileJava(tools));
  return [
    {
      name: `kazoo ${KAZOO_VERSION}`,
      checks: [...CLIENT_CHECKS, ...KAZOO_CHECKS],
      prepare: async (tools) => ({ command: await installKazoo(tools) }),
    },
    { name: "zkCli", checks: CLIENT_CHECKS, prepare: prepareZkCli },
    {
      name: "Java client",
      checks: [...CLIENT_CHECKS, ...JAVA_CHECKS],
      prepare: async (tools) => {
        const command = await compiled(tools);
        return { command, version: await tools.debianVersion("libzookeeper-java") };
      },
    },
    {
      name: "Curator",
      checks: CURATOR_CHECKS,
      prepare: async (tools) => {
        const command = await compiled(tools);
        return { command, version: await tools.debianVersion("libcurator-recipes-java") };
      },
    },
    { name: "C client", checks: CLIENT_CHECKS, prepare: prepareC },
    {
      name: `node-zookeeper-client ${NODE_CLIENT_VERSION}`,
      checks: CLIENT_CHECKS,
      prepare: async (tools) => ({ command: await installNodeClient(tools) }),
    },
    {
      name: "Go go-zookeeper/zk 1.0.4",
      checks: [...CLIENT_CHECKS, ...GO_CHECKS],
      prepare: async (tools) => ({ command: await buildGo(tools) }),
    },
    {
      name: "Rust zookeeper-client 0.11.2",
      checks: [...CLIENT_CHECKS, ...RUST_CHECKS],
      prepare: async (tools) => ({ command: await buildRust(tools) }),
    },
    {
      name: "Edgekeeper's recipes",
      checks: RECIPE_CHECKS,
      prepare: async (tools) => ({ command: await buildRecipes(tools, await compiled(tools)) }),
    },
  ];
}

async function prepareC(tools: Toolbox): Promise<Prepared> {
  await tools.needDebian(C_PACKAGES);
  const program = join(tools.cache, "c-checks");
  const args = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-DTHREADED", "-o", program];
  const sources = ["harness.c", "checks.c", "sessions.c"].map((file) => join(CLIENTS, "c", file));
  await tools.run({ command: "gcc", args: [...args, ...sources, "-lzookeeper_mt", "-lpthread"] });
  return { command: { command: program, args: [] }, version: await tools.debianVersion("libzookeeper-mt2") };
}

/** Our programs in Java, with the clients that they drive. */
export async function compileJava(tools: Toolbox): Promise<Command> {
  await tools.needDebian(JAVA_PACKAGES);
  const classes = join(tools.cache, "java-classes");
  const jars = ["zookeeper", "guava", "jackson-databind", "jackson-core", "jackson-annotations"].concat(
    ["recipes", "framework", "client", "x-discovery"].map((part) => `curator-${part}`),
  );
  const classpath = jars.map((jar) => `/usr/share/java/${jar}.jar`).join(":");
  const files = ["Harness", "Checks", "Sessions", "Curators", "CuratorChecks", "CuratorRecipes", "Beside"];
  const sources = [...files, "CuratorDiscovery", "Sasl", "Contender"].map((file) =>
    join(CLIENTS, "java", `${file}.java`),
  );
  const args = ["-Xlint:all,-path,-processing,-classfile", "-Werror", "-d", classes, "-cp", classpath];
  await tools.run({ command: "javac", args: [...args, ...sources] });
  const flags = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  return {
    command: "java",
    args: [...flags, "-cp", `${classes}:/etc/zookeeper/conf:${classpath}`, "Harness"],
  };
}

/** A program of kazoo, in an environment of its own. */
export async function installKazoo(tools: Toolbox): Promise<Command> {
  await tools.needDebian([["/usr/bin/python3", "python3"]]);
  const environment = await tools.filled(`kazoo-${KAZOO_VERSION}`, async (folder) => {
    await tools.run({ command: "/usr/bin/python3", args: ["-m", "venv", folder] });
    const args = ["-m", "pip", "install", "--quiet", `kazoo==${KAZOO_VERSION}`];
    await tools.run({ command: join(folder, "bin", "python"), args });
  });
  const main = join(CLIENTS, "python", "main.py");
  return { command: join(environment, "bin", "python"), args: ["-B", "-u", main] };
}

async function installNodeClient(tools: Toolbox): Promise<Command> {
  const directory = await tools.filled(`node-zookeeper-client-${NODE_CLIENT_VERSION}`, async (folder) => {
    await writeFile(join(folder, "package.json"), '{ "private": true }\n');
    const args = ["install", "--no-audit", "--no-fund", `node-zookeeper-client@${NODE_CLIENT_VERSION}`];
    await tools.run({ command: "npm", args, cwd: folder });
  });
  const program = join(CLIENTS, "node", "node-checks.ts");
  return { command: process.execPath, args: [program], env: { COMPAT_NODE_CLIENT: directory } };
}

/** The package as it is published, and the programs beside whose recipes its own are run. */
async function buildRecipes(tools: Toolbox, curator: Command): Promise<Command> {
  const directory = join(tools.cache, "package");
  await buildPackage(directory);
  const beside = JSON.stringify({ curator, kazoo: await installKazoo(tools) });
  const env = { COMPAT_PACKAGE: directory, COMPAT_BESIDE: beside };
  return { command: process.execPath, args: [join(CLIENTS, "node", "recipe-checks.ts")], env };
}

async function prepareZkCli(tools: Toolbox): Promise<Prepared> {
  await tools.needDebian(ZOOKEEPER_PACKAGES);
  const command = { command: process.execPath, args: [join(CLIENTS, "node", "zk-cli-checks.ts")] };
  return { command, version: await tools.debianVersion("zookeeper") };
}

/** The versions are those of go.mod and go.sum: a module that is not there, or is another, fails the build. */
async function buildGo(tools: Toolbox): Promise<Command> {
  const go = await tools.needCommand("go", "golang-go");
  const program = join(tools.cache, "go-checks");
  const env = {
    // No other compiler than the one that is here, no C compiler, and a cache that can be removed.
    GOTOOLCHAIN: "local",
    CGO_ENABLED: "0",
    GOFLAGS: "-mod=readonly -modcacherw",
    GOCACHE: join(tools.cache, "go-cache"),
    GOMODCACHE: join(tools.cache, "go-modules"),
  };
  const args = ["build", "-trimpath", "-o", program, "."];
  await tools.run({ command: go, args, cwd: join(CLIENTS, "go"), env });
  return { command: program, args: [] };
}

/** The versions are those of Cargo.lock. Its own fetched sources stay where cargo keeps them. */
async function buildRust(tools: Toolbox): Promise<Command> {
  // Debian 12 has a compiler that is new enough only under this name.
  const cargo = await tools.needCommand("cargo", "cargo-web");
  const target = join(tools.cache, "rust-target");
  const args = ["build", "--locked", "--quiet", "--manifest-path", join(CLIENTS, "rust", "Cargo.toml")];
  await tools.run({ command: cargo, args, env: { CARGO_TARGET_DIR: target } });
  return { command: join(target, "debug", "compat-checks"), args: [] };
}
