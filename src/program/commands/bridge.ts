/** `edgekeeper bridge`: TCP ports for ZooKeeper's clients in front of a deployment. */
import { type Command, InvalidArgumentError, Option } from "commander";

import { type Bridge, type BridgeEvent, type BridgePort, openBridge } from "../../bridge/bridge.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { readText } from "../files.ts";
import { interruption } from "../interruption.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";

const ABOUT =
  "Open TCP ports for ZooKeeper's clients in front of a deployment, which takes no TCP itself: each leads to one of " +
  "its replicas, by the WebSocket door. Clients have the rights of the token that the bridge shows, so let nobody " +
  "else reach its ports.";

interface BridgeCommandOptions extends ReachOptions {
  readonly listen: string;
  readonly ports?: readonly number[] | undefined;
  readonly pings: "local" | "replica";
  readonly ca?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** The same of a port is told so seldom, in ms: clients try again and again. */
const TELL_AGAIN_MS = 10_000;

/** Adds the command to the program. */
export function addBridgeCommand(program: Command): void {
  const command = program
    .command("bridge")
    .summary("open TCP ports for ZooKeeper's clients in front of a deployment")
    .description(ABOUT)
    .option("--listen <address>", "where the ports are opened", "127.0.0.1")
    .option("--ports <n,n,n>", "which ones (default: 2181 and the next, one a replica)", portList)
    .addOption(
      new Option("--pings <who>", "who answers pings: the bridge, while the replica lives, or the replica")
        .choices(["local", "replica"])
        .default("local"),
    )
    .option("--ca <file>", "certificates to trust instead of those that Node knows (PEM)")
    .option("--tls-cert <file>", "clients are to speak TLS: the certificate (PEM)")
    .option("--tls-key <file>", "and its key (PEM)");
  withReach(command).action(bridge);
}

async function bridge(options: BridgeCommandOptions): Promise<void> {
  const { url, ensemble, token } = await Reach.later(options);
  const { listen: host, ports, pings, ca, tlsCert, tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw usageError("--tls-cert and --tls-key go together");
  const output = new Output(options);
  const open = await openBridge({
    url,
    ensemble,
    token,
    host,
    ports,
    answersPings: pings === "local",
    ca: ca === undefined ? undefined : await readText(ca),
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? undefined
        : { cert: await readText(tlsCert), key: await readText(tlsKey) },
    onEvent: eventTeller(output),
  }).catch(explainPort);
  // Before it is told: who reads that it is open may stop it at once.
  const stopped = interruption();
  announce(output, host, open);
  await stopped;
  await open.close();
}

function announce(output: Output, host: string, { ports }: Bridge): void {
  const list = ports.map(({ port }) => `${host}:${port}`).join(",");
  output.print(
    {
      event: "open",
      connect: list,
      ports: ports.map(({ port, replica }) => ({
        port,
        sid: replica?.sid ?? null,
        role: replica?.role ?? null,
      })),
    },
    [...ports.map((port) => portLine(host, port)), `connect string ${list}`],
  );
}

function portLine(host: string, { port, replica }: BridgePort): string {
  if (replica === undefined) return `${host}:${port} leads to the nearest replica`;
  const role =
    replica.role === "observer" ? "an observer" : replica.isLeader ? "a voter that leads now" : "a voter";
  return `${host}:${port} leads to replica ${replica.sid}, ${role}`;
}

function eventTeller(output: Output): (event: BridgeEvent) => void {
  const toldMs = new Map<string, number>();
  return (event) => {
    const key = `${event.port} ${event.event} ${event.detail}`;
    const nowMs = performance.now();
    if (nowMs - (toldMs.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) return;
    toldMs.set(key, nowMs);
    output.print(event, `port ${event.port}: a client's link is ${event.event}: ${event.detail}`);
  };
}

function explainPort(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EADDRINUSE" && code !== "EACCES" && code !== "EADDRNOTAVAIL") throw error;
  throw new ProgramError(`${String(error)}: choose others with --ports, or another --listen`, {
    cause: error,
  });
}

function portList(text: string): readonly number[] {
  const ports = text.split(",").map(Number);
  if (/^\d{1,5}(,\d{1,5})*$/.test(text) && ports.every((port) => port <= 65_535)) return ports;
  throw new InvalidArgumentError("it takes numbers from 1 to 65535, such as 2181,2182,2183.");
}
