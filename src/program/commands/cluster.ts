/** `edgekeeper cluster`: systems that keep their coordination in the ensemble, set up for it and seen through it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Argument, type Command } from "commander";

import type { Client } from "../../client/client.ts";
import {
  clusterPlace,
  type ClusterPlace,
  connectString,
  hadoopSettings,
  type HadoopStatus,
  hadoopStatus,
  kafkaSettings,
  type KafkaStatus,
  kafkaStatus,
  type SettingsFile,
  sparkSettings,
  type SparkStatus,
  sparkStatus,
  type StatusWatch,
  watchHadoop,
  watchKafka,
  watchSpark,
} from "../../clusters/index.ts";
import { interruption } from "../interruption.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { hadoopLines, kafkaLines, sparkLines } from "./cluster-lines.ts";

const SYSTEMS = ["kafka", "hadoop", "spark"] as const;

type System = (typeof SYSTEMS)[number];

type Status = KafkaStatus | HadoopStatus | SparkStatus;

/** What is known of a system; `chroot` is where its znodes are. */
interface Known {
  readonly settings: (place: ClusterPlace) => readonly SettingsFile[];
  readonly status: (client: Client, chroot: string) => Promise<Status>;
  readonly watch: (client: Client, chroot: string) => Promise<StatusWatch<Status>>;
}

const KNOWN: Readonly<Record<System, Known>> = {
  kafka: {
    settings: kafkaSettings,
    status: kafkaStatus,
    watch: watchKafka,
  },
  hadoop: {
    settings: hadoopSettings,
    status: (client, chroot) => hadoopStatus(client, hadoopRoots(chroot)),
    watch: (client, chroot) => watchHadoop(client, hadoopRoots(chroot)),
  },
  spark: {
    settings: sparkSettings,
    status: (client, chroot) => sparkStatus(client, below(chroot, "/spark")),
    watch: (client, chroot) => watchSpark(client, below(chroot, "/spark")),
  },
};

interface InitOptions {
  readonly connect: string;
  readonly chroot: string;
  readonly directory?: string | undefined;
  readonly json?: boolean | undefined;
}

interface StatusOptions extends ReachOptions {
  readonly chroot: string;
}

const CONNECT_DEFAULT = "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183";

const ABOUT =
  "Set up Kafka (in ZooKeeper mode), Hadoop (HDFS and YARN) or Spark (standalone) for the ensemble, and see what " +
  "their own znodes say of them.";

/** Adds the command to the program. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command("cluster")
    .summary("set up Kafka, Hadoop and Spark for the ensemble, and see how they are")
    .description(ABOUT);
  const system = (): Argument => new Argument("<system>", "the system to set up or look at").choices(SYSTEMS);
  const chroot = ["--chroot <path>", "all its znodes are below this one", "/"] as const;
  cluster
    .command("init")
    .description("print what the system must be told to find the ensemble, or the bridge before a deployment")
    .addArgument(system())
    .option(
      "--connect <hosts>",
      "host:port of each door: of npm start, or of edgekeeper bridge",
      CONNECT_DEFAULT,
    )
    .option(...chroot)
    .option("--directory <dir>", "write the files there; existing ones are left alone")
    .option("--json", "print JSON, for programs")
    .action(init);
  withReach(
    cluster
      .command("status")
      .description("show how the system is")
      .addArgument(system())
      .option(...chroot),
  ).action(status);
  withReach(
    cluster
      .command("watch")
      .description("show it, and again whenever it has changed, until Ctrl-C")
      .addArgument(system())
      .option(...chroot),
  ).action(watch);
}

async function init(system: System, options: InitOptions): Promise<void> {
  const place = clusterPlace(options.connect, options.chroot);
  const files = KNOWN[system].settings(place);
  const output = new Output(options);
  if (options.directory !== undefined) {
    await mkdir(options.directory, { recursive: true });
    for (const { name, text } of files) await writeFile(join(options.directory, name), text, { flag: "wx" });
  }
  output.print(
    { system, connect: connectString(place), files, directory: options.directory ?? null },
    files.flatMap(({ name, text }) =>
      options.directory === undefined
        ? [`# ${name}`, ...text.trimEnd().split("\n"), ""]
        : [`written: ${join(options.directory, name)}`],
    ),
  );
}

async function status(system: System, options: StatusOptions): Promise<void> {
  const client = await (await Reach.of(options)).session();
  try {
    const found = await KNOWN[system].status(client, options.chroot);
    new Output(options).print(found, linesOf(found));
  } finally {
    await client.close();
  }
}

async function watch(system: System, options: StatusOptions): Promise<void> {
  const client = await (await Reach.of(options)).session();
  const output = new Output(options);
  let isStopped = false;
  const stopped = interruption().then(async () => {
    isStopped = true;
    await client.close();
  });
  try {
    for await (const found of await KNOWN[system].watch(client, options.chroot)) {
      output.print(found, [`--- ${new Date().toISOString()}`, ...linesOf(found)]);
    }
  } catch (error) {
    // The session was closed under it, as was asked for.
    if (!isStopped) throw error;
  } finally {
    if (isStopped) await stopped;
    else await client.close();
  }
}

function linesOf(found: Status): readonly string[] {
  switch (found.system) {
    case "kafka":
      return kafkaLines(found);
    case "hadoop":
      return hadoopLines(found);
    case "spark":
      return sparkLines(found);
  }
}

function hadoopRoots(chroot: string): Parameters<typeof hadoopStatus>[1] {
  return {
    hdfs: below(chroot, "/hadoop-ha"),
    yarn: below(chroot, "/yarn-leader-election"),
    store: below(chroot, "/rmstore"),
  };
}

function below(chroot: string, root: string): string {
  return chroot === "/" ? root : chroot + root;
}
