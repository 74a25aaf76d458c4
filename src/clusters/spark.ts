/**
 * Spark's standalone cluster with recovery by ZooKeeper: its settings, and what its znodes show. The masters tell in
 * them who may take over, and what they would have to know then, serialized by Java; a master's own address is nowhere.
 * Source: ZooKeeperLeaderElectionAgent and ZooKeeperPersistenceEngine of Spark 3 and 4.
 */
import { childOf } from "../base/path.ts";
import type { Client } from "../client/client.ts";
import { isObject, type JavaObject, type JavaValue, readJavaObject } from "./java-serialization.ts";
import { forEach, readChildren, readZnode } from "./reading.ts";
import { type ClusterPlace, connectString, type SettingsFile } from "./settings.ts";
import { type StatusWatch, type StatusWatchOptions, watchStatus } from "./status-watch.ts";

/** A master in the queue of those that may lead: an ephemeral of its session. */
export interface SparkMaster {
  /** Its place in the order: the smallest leads. */
  readonly sequence: number;
  readonly session: bigint;
  readonly isLeader: boolean;
}

/** A worker that the leading master remembers. */
export interface SparkWorker {
  readonly id: string;
  /** Undefined, as all below, where the znode cannot be read: written by Kryo, say. */
  readonly address: string | undefined;
  readonly cores: number | undefined;
  readonly memoryMb: number | undefined;
  readonly webUi: string | undefined;
}

/** An application that it remembers. */
export interface SparkApplication {
  readonly id: string;
  readonly name: string | undefined;
  readonly user: string | undefined;
}

/** What Spark's znodes show. */
export interface SparkStatus {
  readonly system: "spark";
  /** Those that may lead, the leader first. */
  readonly masters: readonly SparkMaster[];
  readonly workers: readonly SparkWorker[];
  readonly applications: readonly SparkApplication[];
  /** Ids of drivers that were submitted to the cluster. */
  readonly drivers: readonly string[];
}

/** `spark.deploy.zookeeper.dir` where nothing is set. */
const DEFAULT_ROOT = "/spark";

/** Reads it. */
export async function sparkStatus(client: Client, root: string = DEFAULT_ROOT): Promise<SparkStatus> {
  const [election, kept] = [childOf(root, "leader_election"), childOf(root, "master_status")];
  const [latches, names] = await Promise.all([readChildren(client, election), readChildren(client, kept)]);
  const after = (prefix: string): readonly string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const [masters, workers, applications] = await Promise.all([
    readMasters(client, election, latches),
    forEach(after("worker_"), (id) => readWorker(client, childOf(kept, `worker_${id}`), id)),
    forEach(after("app_"), (id) => readApplication(client, childOf(kept, `app_${id}`), id)),
  ]);
  return { system: "spark", masters, workers, applications, drivers: after("driver_") };
}

/** Goes on telling it, at first and whenever it has changed. */
export function watchSpark(
  client: Client,
  root: string = DEFAULT_ROOT,
  options: StatusWatchOptions = {},
): Promise<StatusWatch<SparkStatus>> {
  return watchStatus(client, { paths: [root], read: () => sparkStatus(client, root), options });
}

/** What its masters must be told: a part of spark-env.sh. Spark takes no chroot, so its root stands below it. */
export function sparkSettings(place: ClusterPlace): readonly SettingsFile[] {
  const root = place.chroot === "/" ? DEFAULT_ROOT : place.chroot + DEFAULT_ROOT;
  const options = [
    "-Dspark.deploy.recoveryMode=ZOOKEEPER",
    `-Dspark.deploy.zookeeper.url=${connectString({ ...place, chroot: "/" })}`,
    `-Dspark.deploy.zookeeper.dir=${root}`,
  ];
  const text = `export SPARK_DAEMON_JAVA_OPTS="$SPARK_DAEMON_JAVA_OPTS ${options.join(" ")}"\n`;
  return [{ name: "spark-env.sh", text }];
}

async function readMasters(
  client: Client,
  parent: string,
  latches: readonly string[],
): Promise<readonly SparkMaster[]> {
  const places = latches.flatMap((name) => {
    const [, sequence] = /-latch-(\d{10})$/.exec(name) ?? [];
    return sequence === undefined ? [] : [{ name, sequence: Number(sequence) }];
  });
  const found = await forEach(
    places.sort((a, b) => a.sequence - b.sequence),
    async ({ name, sequence }) => {
      const znode = await readZnode(client, childOf(parent, name));
      return znode === undefined ? [] : [{ sequence, session: znode.stat.ephemeralOwner }];
    },
  );
  return found.flat().map((master, index) => ({ ...master, isLeader: index === 0 }));
}

async function readWorker(client: Client, path: string, id: string): Promise<SparkWorker> {
  const fields = fieldsIn((await readZnode(client, path))?.data, "WorkerInfo");
  const [host, port] = [textIn(fields?.get("host")), numberIn(fields?.get("port"))];
  return {
    id: textIn(fields?.get("id")) ?? id,
    address: host === undefined || port === undefined ? undefined : `${host}:${port}`,
    cores: numberIn(fields?.get("cores")),
    memoryMb: numberIn(fields?.get("memory")),
    webUi: textIn(fields?.get("webUiAddress")),
  };
}

async function readApplication(client: Client, path: string, id: string): Promise<SparkApplication> {
  const fields = fieldsIn((await readZnode(client, path))?.data, "ApplicationInfo");
  const description = fields?.get("desc");
  const described = isObject(description) ? description.fields : undefined;
  return { id, name: textIn(described?.get("name")), user: textIn(described?.get("user")) };
}

function fieldsIn(data: Uint8Array | null | undefined, className: string): JavaObject["fields"] | undefined {
  const object = readJavaObject(data ?? new Uint8Array(0));
  return object?.className === `org.apache.spark.deploy.master.${className}` ? object.fields : undefined;
}

function textIn(value: JavaValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberIn(value: JavaValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
