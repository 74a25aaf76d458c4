/**
 * One server of the newest ZooKeeper that Edgekeeper claims to be, from Maven Central, on the libraries of the Debian
 * package `zookeeper`.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ZOOKEEPER_VERSION } from "../../src/keeper/status.ts";
import type { ProcessSet } from "./processes.ts";
import { type Ensemble, jaasConf, untilServing } from "./servers.ts";
import { freePorts } from "../harness/ports.ts";
import { Toolbox } from "./tools.ts";

/** How the server is to be. */
export interface SingleZooKeeperSetup {
  /** `user:base64(sha1(user:password))` of the super user. */
  readonly superDigest: string;
  /** Who may log in with SASL, and with which password; the last of them may do everything. */
  readonly saslPasswords: Readonly<Record<string, string>>;
  /** Whether it has an AdminServer, which takes and restores snapshots without waiting between them. */
  readonly isAdministered?: boolean;
  /** How often it looks for containers and TTL znodes to remove, in ms. */
  readonly sweepIntervalMs: number;
  /** After about so many transactions it writes a snapshot, while it serves; ZooKeeper's default is 100,000. */
  readonly snapCount?: number;
  /** Told each line of its audit log; without it there is none. */
  readonly onAudit?: (line: string) => void;
}

/** One server. */
export interface SingleZooKeeper extends Ensemble {
  /** Where its AdminServer listens, if it has one. */
  readonly adminPort: number;
  /** Where its snapshots and its log are. */
  readonly versionDirectory: string;
}

/** What the AdminServer stands on beside the libraries of Debian's `zookeeper`. */
export const ADMIN_JARS: readonly string[] = ["servlet-api", "jetty9-util-ajax"].map(
  (name) => `/usr/share/java/${name}.jar`,
);

/** The longest session that it grants: one that a client leaves alone must not end meanwhile. */
export const SESSION_TIMEOUT_MAX_MS = 600_000;

/** Debian's, which prints. */
const LOGGER_JAR = "/usr/share/java/slf4j-simple.jar";
const AUDIT_LOGGER = "org.apache.zookeeper.audit";

/** Nothing but the audit log, on the standard output. */
const AUDIT_FLAGS: readonly string[] = [
  "-Dzookeeper.audit.enable=true",
  "-Dorg.slf4j.simpleLogger.logFile=System.out",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
  `-Dorg.slf4j.simpleLogger.log.${AUDIT_LOGGER}=info`,
];

/** Starts it on a free port of loopback, with its data in a directory under `temporary`. */
export async function startSingleZooKeeper(
  processes: ProcessSet,
  temporary: string,
  setup: SingleZooKeeperSetup,
): Promise<SingleZooKeeper> {
  const classpath = await prepareClasspath(processes);
  const directory = await mkdtemp(join(temporary, "zookeeper-"));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const configuration = join(directory, "zoo.cfg");
  const admin = setup.isAdministered === true ? adminCfg(adminPort) : ["admin.enableServer=false"];
  await writeFile(configuration, [...zooCfg(directory, port), ...admin, ""].join("\n"));
  const jaas = join(directory, "jaas.conf");
  await writeFile(jaas, jaasConf(setup.saslPasswords));
  const { onAudit } = setup;
  const command = {
    command: "java",
    args: [
      ...(onAudit === undefined ? [] : AUDIT_FLAGS),
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      // What is compared is what is answered: the disk would only make it slow.
      "-Dzookeeper.forceSync=no",
      "-Dzookeeper.extendedTypesEnabled=true",
      "-Dzookeeper.enforceQuota=true",
      ...(setup.snapCount === undefined ? [] : [`-Dzookeeper.snapCount=${setup.snapCount}`]),
      `-Dznode.container.checkIntervalMs=${setup.sweepIntervalMs}`,
      `-Dzookeeper.DigestAuthenticationProvider.superDigest=${setup.superDigest}`,
      `-Djava.security.auth.login.config=${jaas}`,
      `-Dzookeeper.superUser=${Object.keys(setup.saslPasswords).at(-1)}`,
      "-Dzookeeper.authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
      "-Dzookeeper.authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider",
      "-Dzookeeper.admin.rateLimiterIntervalInMS=0",
      "-cp",
      [classpath, ...ADMIN_JARS, ...(onAudit === undefined ? [] : [LOGGER_JAR])].join(":"),
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      configuration,
    ],
    cwd: directory,
  };
  const child = processes.start(command, (line) => {
    const at = line.indexOf(" - ");
    if (line.includes(AUDIT_LOGGER) && at >= 0) onAudit?.(line.slice(at + " - ".length));
  });
  const addresses = [{ host: "127.0.0.1", port }];
  await untilServing(addresses, [child]);
  const stop = async (): Promise<void> => await processes.stop(child);
  const versionDirectory = join(directory, "data", "version-2");
  return { name: `zookeeper ${ZOOKEEPER_VERSION}`, addresses, adminPort, versionDirectory, stop };
}

/** The server's own two jars, fetched once into the cache, and Debian's, which they stand on. */
export async function prepareClasspath(processes: ProcessSet): Promise<string> {
  const jars = await prepareJars(processes);
  return [...jars, "/etc/zookeeper/conf", "/usr/share/java/zookeeper.jar"].join(":");
}

async function prepareJars(processes: ProcessSet): Promise<readonly string[]> {
  const tools = await Toolbox.open(processes);
  await tools.needDebian([
    ["/usr/share/java/zookeeper.jar", "libzookeeper-java"],
    ["/etc/zookeeper/conf", "zookeeper"],
  ]);
  const folder = await tools.filled(`zookeeper-${ZOOKEEPER_VERSION}`, async (building) => {
    await tools.needDebian([["/usr/bin/mvn", "maven"]]);
    await writeFile(join(building, "pom.xml"), POM);
    const args = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"];
    await tools.run({ command: "mvn", args, cwd: building });
  });
  return ["zookeeper", "zookeeper-jute"].map((name) =>
    join(folder, "jars", `${name}-${ZOOKEEPER_VERSION}.jar`),
  );
}

function adminCfg(port: number): readonly string[] {
  const address = ["admin.serverAddress=127.0.0.1", `admin.serverPort=${port}`];
  return [...address, "serializeLastProcessedZxid.enabled=true"];
}

function zooCfg(directory: string, port: number): readonly string[] {
  return [
    "tickTime=2000",
    `dataDir=${join(directory, "data")}`,
    `clientPort=${port}`,
    "clientPortAddress=127.0.0.1",
    "maxClientCnxns=0",
    `maxSessionTimeout=${SESSION_TIMEOUT_MAX_MS}`,
    "4lw.commands.whitelist=*",
  ];
}

const EVERYTHING =
  "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>";

function dependency(name: string): string {
  const place = `<groupId>org.apache.zookeeper</groupId><artifactId>${name}</artifactId>`;
  return `<dependency>${place}<version>${ZOOKEEPER_VERSION}</version>${EVERYTHING}</dependency>`;
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>edgekeeper</groupId><artifactId>reference</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${dependency("zookeeper")}${dependency("zookeeper-jute")}</dependencies>
</project>
`;
