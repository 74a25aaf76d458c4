/**
 * The servers under test: an ensemble of three of the Debian package `zookeeper`, and Edgekeeper as `npm
 * start` runs it.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { SASL_PASSWORDS } from "../differential/values.ts";
import { freePorts } from "../harness/ports.ts";
import { saslUsers } from "../keeper/sasl-client.ts";
import type { Child, ProcessSet } from "./processes.ts";

/** A TCP door. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Three doors that serve, and how to end what is behind them. */
export interface Ensemble {
  readonly name: string;
  readonly addresses: readonly Address[];
  stop(): Promise<void>;
}

/** How long an ensemble may take to serve after its start, in ms. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const REPOSITORY = join(import.meta.dirname, "../..");

/** `host:port`, as connect strings have it. */
export function formatAddress(address: Address): string {
  return `${address.host}:${address.port}`;
}

/** Sends a four-letter word, in one packet or several, and gives all that came until the server closed. */
export async function askWord(
  address: Address,
  packets: readonly string[],
  timeoutMs = 5000,
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(address);
    let answer = "";
    const rest = [...packets];
    const sendNext = (): void => {
      const packet = rest.shift();
      if (packet === undefined) return;
      socket.write(packet);
      if (rest.length > 0) setTimeout(sendNext, 50);
    };
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(
        new Error(`${formatAddress(address)} did not close within ${timeoutMs} ms; it sent "${answer}"`),
      );
    });
    socket.on("connect", sendNext);
    socket.on("data", (chunk: string) => {
      answer += chunk;
    });
    socket.on("end", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

/**
 * Starts three JVMs of Debian's ZooKeeper on free ports of loopback. Data and logs live in a temporary
 * directory that goes with them.
 */
export async function startZooKeeper(processes: ProcessSet, temporary: string): Promise<Ensemble> {
  const directory = await mkdtemp(join(temporary, "zookeeper-"));
  const ports = await freePorts(9);
  const members = [0, 1, 2].map(
    (index) => `server.${index + 1}=127.0.0.1:${ports[3 + index]}:${ports[6 + index]}`,
  );
  const children: Child[] = [];
  const jaas = join(directory, "jaas.conf");
  await writeFile(jaas, jaasConf(SASL_PASSWORDS));
  for (const index of [0, 1, 2]) {
    const dataDirectory = join(directory, `data-${index + 1}`);
    const configuration = join(directory, `zoo-${index + 1}.cfg`);
    await mkdir(dataDirectory);
    await writeFile(join(dataDirectory, "myid"), `${index + 1}\n`);
    await writeFile(configuration, zooCfg({ dataDirectory, clientPort: ports[index] ?? 0, members }));
    const args = serverArguments(configuration, jaas);
    children.push(processes.start({ command: "java", args, cwd: directory }));
  }
  const addresses = ports.slice(0, 3).map((port) => ({ host: "127.0.0.1", port }));
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => processes.stop(child)));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilServing(addresses, children);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: "zookeeper", addresses, stop };
}

/**
 * Starts `npm start` with free ports and a temporary data directory; serving when it prints a line with
 * "ready".
 */
export async function startEdgekeeper(processes: ProcessSet, temporary: string): Promise<Ensemble> {
  const dataDirectory = await mkdtemp(join(temporary, "edgekeeper-"));
  const [http = 0, ...tcp] = await freePorts(4);
  const sasl = ["--var", `SASL_USERS=${saslUsers(SASL_PASSWORDS)}`];
  let isReady = false;
  const child = processes.start(
    {
      command: "npm",
      args: [
        "start",
        "--",
        "--data",
        dataDirectory,
        "--port",
        String(http),
        "--ports",
        tcp.join(","),
        ...sasl,
      ],
      cwd: REPOSITORY,
    },
    (line) => {
      isReady ||= /\bready\b/.test(line);
    },
  );
  const addresses = tcp.map((port) => ({ host: "127.0.0.1", port }));
  const stop = async (): Promise<void> => {
    await processes.stop(child);
    await rm(dataDirectory, { recursive: true, force: true });
  };
  try {
    await until(START_TIMEOUT_MS, "Edgekeeper prints ready", async () => {
      if (child.hasEnded) throw new Error(`npm start ended:\n${child.tail}`);
      return isReady;
    });
    await untilServing(addresses, [child]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: "edgekeeper", addresses, stop };
}

/** Uses an Edgekeeper that somebody else runs. */
export async function useEdgekeeper(addresses: readonly Address[]): Promise<Ensemble> {
  await untilServing(addresses, []);
  return { name: "edgekeeper", addresses, stop: async () => {} };
}

/** Waits until `condition` holds, asking again every 100 ms; throws after `timeoutMs`. */
export async function until(
  timeoutMs: number,
  what: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Every door says `isro` = rw, which a replica without a leader does not. */
export async function untilServing(addresses: readonly Address[], children: readonly Child[]): Promise<void> {
  await until(
    START_TIMEOUT_MS,
    `${addresses.map(formatAddress).join(", ")} serve reads and writes`,
    async () => {
      const ended = children.find((child) => child.hasEnded);
      if (ended !== undefined) throw new Error(`a server ended:\n${ended.tail}`);
      const answers = await Promise.allSettled(addresses.map((address) => askWord(address, ["isro"], 1000)));
      return answers.every((answer) => answer.status === "fulfilled" && answer.value === "rw");
    },
  );
}

interface ZooCfg {
  readonly dataDirectory: string;
  readonly clientPort: number;
  readonly members: readonly string[];
}

function zooCfg(options: ZooCfg): string {
  return [
    "tickTime=2000",
    "initLimit=10",
    "syncLimit=5",
    `dataDir=${options.dataDirectory}`,
    `clientPort=${options.clientPort}`,
    "clientPortAddress=127.0.0.1",
    "maxClientCnxns=0",
    "admin.enableServer=false",
    "4lw.commands.whitelist=*",
    ...options.members,
    "",
  ].join("\n");
}

/** The users of SASL in the words of a JAAS file. */
export function jaasConf(passwords: Readonly<Record<string, string>>): string {
  const users = Object.entries(passwords).map(([user, password]) => `  user_${user}="${password}"`);
  const lines = ["org.apache.zookeeper.server.auth.DigestLoginModule required", ...users].join("\n");
  return `Server {\n${lines};\n};\n`;
}

function serverArguments(configuration: string, jaas: string): readonly string[] {
  return [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    // Three JVMs and the clients share few cores for a minute: start-up counts, peak speed does not.
    "-XX:TieredStopAtLevel=1",
    `-Djava.security.auth.login.config=${jaas}`,
    "-Dzookeeper.authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    "-cp",
    "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar",
    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    configuration,
  ];
}
