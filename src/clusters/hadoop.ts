/**
 * Hadoop: HDFS with automatic failover and YARN's resource managers, their settings, and what their znodes say.
 * Source: org.apache.hadoop.ha.ActiveStandbyElector, HAZKInfo.proto (HDFS) and, for YARN,
 * yarn_server_resourcemanager_service_protos.proto of Hadoop 3.
 */
import { childOf } from "../base/path.ts";
import type { Client } from "../client/client.ts";
import { ClusterFormatError } from "./cluster-format-error.ts";
import { protobufNumber, type ProtobufFields, protobufText, readProtobuf } from "./protobuf.ts";
import { forEach, readChildren, readZnode } from "./reading.ts";
import { type ClusterPlace, quorum, type SettingsFile } from "./settings.ts";
import { type StatusWatch, type StatusWatchOptions, watchStatus } from "./status-watch.ts";

/** A NameNode, as it says of itself where it is active. */
export interface HadoopNameNode {
  readonly nameservice: string;
  readonly namenode: string;
  /** Its RPC address, `host:port`. */
  readonly address: string;
  /** The port of its ZKFC. */
  readonly zkfcPort: number | undefined;
}

/** A ResourceManager, as it says of itself where it is active. */
export interface HadoopResourceManager {
  readonly clusterId: string;
  readonly rmId: string;
}

/** An election: who is active, and who was the last to be. */
export interface HadoopElection<T> {
  /** Of the nameservice, or of the YARN cluster. */
  readonly name: string;
  /** Who holds ActiveStandbyElectorLock; undefined where nobody is active at this moment. */
  readonly active: T | undefined;
  /** Who left ActiveBreadCrumb: it is fenced before another becomes active. Undefined where it said goodbye. */
  readonly breadCrumb: T | undefined;
  /** The session that the lock is of, 0n where nobody holds it. */
  readonly session: bigint;
}

/** What Hadoop's znodes show. */
export interface HadoopStatus {
  readonly system: "hadoop";
  readonly nameservices: readonly HadoopElection<HadoopNameNode>[];
  readonly resourceManagers: readonly HadoopElection<HadoopResourceManager>[];
  /** Applications that ZKRMStateStore keeps. */
  readonly applications: readonly string[];
}

/** Where Hadoop's znodes are. */
export interface HadoopRoots {
  /** `ha.zookeeper.parent-znode`. Default /hadoop-ha. */
  readonly hdfs?: string | undefined;
  /** `yarn.resourcemanager.ha.automatic-failover.zk-base-path`. Default /yarn-leader-election. */
  readonly yarn?: string | undefined;
  /** `yarn.resourcemanager.zk-state-store.parent-path`. Default /rmstore. */
  readonly store?: string | undefined;
}

const ROOTS = { hdfs: "/hadoop-ha", yarn: "/yarn-leader-election", store: "/rmstore" } as const;

const LOCK = "ActiveStandbyElectorLock";
const BREAD_CRUMB = "ActiveBreadCrumb";

/** Below the store's root. Source: ZKRMStateStore. */
const APPLICATIONS = "ZKRMStateRoot/RMAppRoot";

/** Reads it. Throws ClusterFormatError. */
export async function hadoopStatus(client: Client, roots: HadoopRoots = {}): Promise<HadoopStatus> {
  const { hdfs = ROOTS.hdfs, yarn = ROOTS.yarn, store = ROOTS.store } = roots;
  const [nameservices, resourceManagers, applications] = await Promise.all([
    readElections(client, hdfs, nameNodeIn),
    readElections(client, yarn, resourceManagerIn),
    readChildren(client, childOf(store, APPLICATIONS)),
  ]);
  return {
    system: "hadoop",
    nameservices,
    resourceManagers,
    // Beside them stands how they are arranged, which is no application.
    applications: applications.filter((name) => name.startsWith("application_")),
  };
}

/** Goes on telling it, at first and whenever it has changed. */
export function watchHadoop(
  client: Client,
  roots: HadoopRoots = {},
  options: StatusWatchOptions = {},
): Promise<StatusWatch<HadoopStatus>> {
  const { hdfs = ROOTS.hdfs, yarn = ROOTS.yarn, store = ROOTS.store } = roots;
  const paths = [hdfs, yarn, store];
  return watchStatus(client, { paths, read: () => hadoopStatus(client, roots), options });
}

/** What its daemons must be told: parts of three files. Hadoop takes no chroot, so its roots stand below it. */
export function hadoopSettings(place: ClusterPlace): readonly SettingsFile[] {
  const at = (root: string): string => (place.chroot === "/" ? root : place.chroot + root);
  return [
    propertiesFile("core-site.xml", {
      "ha.zookeeper.quorum": quorum(place),
      "ha.zookeeper.parent-znode": at(ROOTS.hdfs),
      "ha.zookeeper.session-timeout.ms": "10000",
    }),
    propertiesFile("hdfs-site.xml", { "dfs.ha.automatic-failover.enabled": "true" }),
    propertiesFile("yarn-site.xml", {
      "hadoop.zk.address": quorum(place),
      "hadoop.zk.timeout-ms": "10000",
      "yarn.resourcemanager.ha.enabled": "true",
      "yarn.resourcemanager.ha.automatic-failover.zk-base-path": at(ROOTS.yarn),
      "yarn.resourcemanager.recovery.enabled": "true",
      "yarn.resourcemanager.store.class":
        "org.apache.hadoop.yarn.server.resourcemanager.recovery.ZKRMStateStore",
      "yarn.resourcemanager.zk-state-store.parent-path": at(ROOTS.store),
    }),
  ];
}

function propertiesFile(name: string, values: Readonly<Record<string, string>>): SettingsFile {
  const lines = Object.entries(values).map(
    ([key, value]) => `  <property>\n    <name>${key}</name>\n    <value>${value}</value>\n  </property>\n`,
  );
  return { name, text: `<configuration>\n${lines.join("")}</configuration>\n` };
}

async function readElections<T>(
  client: Client,
  root: string,
  parse: (fields: ProtobufFields) => T | undefined,
): Promise<readonly HadoopElection<T>[]> {
  return await forEach(await readChildren(client, root), async (name) => {
    const parent = childOf(root, name);
    const [lock, breadCrumb] = await Promise.all(
      [LOCK, BREAD_CRUMB].map((child) => readZnode(client, childOf(parent, child))),
    );
    return {
      name,
      active: lock === undefined ? undefined : infoIn(lock.path, lock.data, parse),
      breadCrumb: breadCrumb === undefined ? undefined : infoIn(breadCrumb.path, breadCrumb.data, parse),
      session: lock?.stat.ephemeralOwner ?? 0n,
    };
  });
}

function infoIn<T>(
  path: string,
  data: Uint8Array | null,
  parse: (fields: ProtobufFields) => T | undefined,
): T {
  const fields = readProtobuf(data ?? new Uint8Array(0));
  const info = fields === undefined ? undefined : parse(fields);
  if (info !== undefined) return info;
  throw new ClusterFormatError(path, "the address of an active daemon is expected, as Protocol Buffers");
}

/** Source: HAZKInfo.proto, message ActiveNodeInfo. */
function nameNodeIn(fields: ProtobufFields): HadoopNameNode | undefined {
  const [nameservice, namenode, host] = [1, 2, 3].map((number) => protobufText(fields, number));
  const port = protobufNumber(fields, 4);
  if (nameservice === undefined || namenode === undefined || host === undefined || port === undefined) {
    return undefined;
  }
  return { nameservice, namenode, address: `${host}:${port}`, zkfcPort: protobufNumber(fields, 5) };
}

/** Source: yarn_server_resourcemanager_service_protos.proto, message ActiveRMInfoProto. */
function resourceManagerIn(fields: ProtobufFields): HadoopResourceManager | undefined {
  const [clusterId, rmId] = [1, 2].map((number) => protobufText(fields, number));
  return clusterId === undefined || rmId === undefined ? undefined : { clusterId, rmId };
}
