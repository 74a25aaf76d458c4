/**
 * Apache Kafka in ZooKeeper mode: its settings, and what its znodes say of it.
 * Source: kafka.zk.ZkData of Kafka 3.9, whose JSON older versions share but for members that are not read here.
 */
import { childOf } from "../base/path.ts";
import type { Client } from "../client/client.ts";
import { type ClusterPlace, connectString, type SettingsFile } from "./settings.ts";
import { forEach, JsonZnode, readChildren, readZnode } from "./reading.ts";
import { ClusterFormatError } from "./cluster-format-error.ts";
import { type StatusWatch, type StatusWatchOptions, watchStatus } from "./status-watch.ts";

/** A broker that is there: its znode is an ephemeral. */
export interface KafkaBroker {
  readonly id: number;
  /** `LISTENER://host:port`, one each. */
  readonly endpoints: readonly string[];
  readonly rack: string | undefined;
}

/** A partition; `leader` is undefined where it has none, and then it is offline. */
export interface KafkaPartition {
  readonly partition: number;
  readonly leader: number | undefined;
  readonly leaderEpoch: number | undefined;
  readonly replicas: readonly number[];
  /** The replicas that have all that is committed, the leader among them. */
  readonly isr: readonly number[];
}

/** A topic. */
export interface KafkaTopic {
  readonly name: string;
  readonly partitions: readonly KafkaPartition[];
  /** It is to be deleted, and some of it is still there. */
  readonly isBeingDeleted: boolean;
}

/** A Kafka cluster, as its znodes show it: not of one moment, where it changes meanwhile. */
export interface KafkaStatus {
  readonly system: "kafka";
  /** Undefined before the first broker has been there. */
  readonly clusterId: string | undefined;
  /** The broker that leads the others; undefined where none does at this moment. */
  readonly controller: number | undefined;
  readonly controllerEpoch: number | undefined;
  readonly brokers: readonly KafkaBroker[];
  readonly topics: readonly KafkaTopic[];
  /** Partitions with fewer in-sync replicas than replicas, and those without a leader. */
  readonly underReplicated: number;
  readonly offline: number;
}

const DEFAULT_ROOT = "/";

/** The parts of the tree that the status is made of. */
const PARTS = ["brokers", "controller", "controller_epoch", "cluster", "admin"] as const;

/** No broker. Source: kafka.api.LeaderAndIsr. */
const NO_LEADER = -1;

/** Reads it. `root` is the chroot that its brokers have in their connect string. Throws ClusterFormatError. */
export async function kafkaStatus(client: Client, root: string = DEFAULT_ROOT): Promise<KafkaStatus> {
  const at = (path: string): string => (root === "/" ? path : root + path);
  const [cluster, controller, epoch, brokerIds, topicNames, doomed] = await Promise.all([
    readZnode(client, at("/cluster/id")),
    readZnode(client, at("/controller")),
    readZnode(client, at("/controller_epoch")),
    readChildren(client, at("/brokers/ids")),
    readChildren(client, at("/brokers/topics")),
    readChildren(client, at("/admin/delete_topics")),
  ]);
  const brokers = await forEach(brokerIds, (id) => readBroker(client, at(`/brokers/ids/${id}`), Number(id)));
  const topics = await forEach(topicNames, (name) =>
    readTopic(client, at("/brokers/topics"), { name, doomed }),
  );
  const present = topics.filter((topic) => topic !== undefined);
  const partitions = present.flatMap((topic) => topic.partitions);
  return {
    system: "kafka",
    clusterId: cluster === undefined ? undefined : new JsonZnode(cluster).text("id"),
    controller: controller === undefined ? undefined : new JsonZnode(controller).number("brokerid"),
    controllerEpoch: epoch === undefined ? undefined : wholeNumber(epoch.path, epoch.text()),
    brokers: brokers.filter((broker) => broker !== undefined).sort((a, b) => a.id - b.id),
    topics: present,
    underReplicated: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    offline: partitions.filter(({ leader }) => leader === undefined).length,
  };
}

/** Goes on telling it, at first and whenever it has changed. */
export function watchKafka(
  client: Client,
  root: string = DEFAULT_ROOT,
  options: StatusWatchOptions = {},
): Promise<StatusWatch<KafkaStatus>> {
  const paths = PARTS.map((part) => childOf(root, part));
  return watchStatus(client, { paths, read: () => kafkaStatus(client, root), options });
}

/** What brokers must be told: a part of server.properties. */
export function kafkaSettings(place: ClusterPlace): readonly SettingsFile[] {
  const text = [
    "# Each broker needs a broker.id, listeners and log.dirs of its own as well.",
    `zookeeper.connect=${connectString(place)}`,
    "zookeeper.connection.timeout.ms=18000",
    // Kafka's default, which an ensemble grants unless SESSION_TIMEOUT_MAX_MS is set below it.
    "zookeeper.session.timeout.ms=18000",
    "",
  ].join("\n");
  return [{ name: "server.properties", text }];
}

async function readBroker(client: Client, path: string, id: number): Promise<KafkaBroker | undefined> {
  const znode = await readZnode(client, path);
  if (znode === undefined) return undefined;
  const broker = new JsonZnode(znode);
  return { id, endpoints: broker.texts("endpoints"), rack: broker.text("rack") };
}

async function readTopic(
  client: Client,
  parent: string,
  { name, doomed }: { readonly name: string; readonly doomed: readonly string[] },
): Promise<KafkaTopic | undefined> {
  const path = childOf(parent, name);
  const znode = await readZnode(client, path);
  if (znode === undefined) return undefined;
  const assigned = [...new JsonZnode(znode).numbersByName("partitions")];
  const partitions = await forEach(assigned, ([partition, replicas]) =>
    readPartition(client, `${path}/partitions/${partition}/state`, {
      partition: Number(partition),
      replicas,
    }),
  );
  const sorted = [...partitions].sort((a, b) => a.partition - b.partition);
  return { name, partitions: sorted, isBeingDeleted: doomed.includes(name) };
}

/** Without a state nobody has led it yet. */
async function readPartition(
  client: Client,
  path: string,
  known: Pick<KafkaPartition, "partition" | "replicas">,
): Promise<KafkaPartition> {
  const znode = await readZnode(client, path);
  if (znode === undefined) return { ...known, leader: undefined, leaderEpoch: undefined, isr: [] };
  const state = new JsonZnode(znode);
  const leader = state.number("leader");
  return {
    ...known,
    leader: leader === NO_LEADER ? undefined : leader,
    leaderEpoch: state.number("leader_epoch"),
    isr: state.numbers("isr"),
  };
}

function wholeNumber(path: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new ClusterFormatError(path, "a whole number is expected");
}
