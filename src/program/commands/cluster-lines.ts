/** The status of other systems for people. */
import type {
  HadoopElection,
  HadoopStatus,
  KafkaPartition,
  KafkaStatus,
  SparkStatus,
} from "../../clusters/index.ts";
import { columns } from "../output.ts";

const UNKNOWN = "-";

/** Brokers, controller, topics with their partitions' leaders and in-sync replicas. */
export function kafkaLines(status: KafkaStatus): readonly string[] {
  const { clusterId, controller, controllerEpoch, brokers, topics, underReplicated, offline } = status;
  if (clusterId === undefined && brokers.length === 0) return ["no Kafka has been here: is that its chroot?"];
  const leads = controller === undefined ? "no controller" : `controller ${controller}`;
  return [
    `cluster ${clusterId ?? UNKNOWN}, ${leads}, epoch ${controllerEpoch ?? UNKNOWN}`,
    ...columns(
      brokers.map(({ id, endpoints, rack }) => [
        `broker ${id}`,
        endpoints.join(","),
        rack === undefined ? "" : `rack ${rack}`,
      ]),
    ),
    ...topics.flatMap(({ name, partitions, isBeingDeleted }) => [
      `topic ${name}${isBeingDeleted ? ", being deleted" : ""}`,
      ...columns(partitions.map(partitionRow)),
    ]),
    `${underReplicated} partitions under-replicated, ${offline} without a leader`,
  ];
}

function partitionRow({ partition, leader, replicas, isr }: KafkaPartition): readonly string[] {
  const health = leader === undefined ? "OFFLINE" : isr.length < replicas.length ? "UNDER-REPLICATED" : "";
  return [
    `  ${partition}`,
    `leader ${leader ?? "none"}`,
    `replicas ${replicas.join(",")}`,
    `isr ${isr.join(",")}`,
    health,
  ];
}

/** Who is active in each nameservice and each YARN cluster, and who would be fenced. */
export function hadoopLines({
  nameservices,
  resourceManagers,
  applications,
}: HadoopStatus): readonly string[] {
  if (nameservices.length === 0 && resourceManagers.length === 0) {
    return ["no Hadoop has been here: is that its chroot, and was hdfs zkfc -formatZK run?"];
  }
  return [
    ...nameservices.map((election) =>
      electionLine("nameservice", election, ({ namenode, address }) => `${namenode} (${address})`),
    ),
    ...resourceManagers.map((election) => electionLine("YARN cluster", election, ({ rmId }) => rmId)),
    `${applications.length} applications in the state store`,
  ];
}

function electionLine<T>(
  what: string,
  { name, active, breadCrumb }: HadoopElection<T>,
  named: (one: T) => string,
): string {
  if (active !== undefined) return `${what} ${name}: ${named(active)} is active`;
  if (breadCrumb === undefined) return `${what} ${name}: nobody is active`;
  return `${what} ${name}: nobody is active; ${named(breadCrumb)} was, and is fenced before another may be`;
}

/** Masters in their order, workers, applications. */
export function sparkLines({ masters, workers, applications, drivers }: SparkStatus): readonly string[] {
  if (masters.length === 0 && workers.length === 0)
    return ["no Spark master has been here: is that its chroot?"];
  return [
    ...masters.map(({ session, isLeader }) => {
      const id = session.toString(16).padStart(16, "0");
      return `master of session ${id} ${isLeader ? "leads" : "stands by"}`;
    }),
    ...columns(
      workers.map(({ id, address, cores, memoryMb, webUi }) => [
        `worker ${id}`,
        address ?? UNKNOWN,
        `${cores ?? UNKNOWN} cores`,
        `${memoryMb ?? UNKNOWN} MB`,
        webUi ?? UNKNOWN,
      ]),
    ),
    ...applications.map(({ id, name, user }) => `application ${id} ${name ?? UNKNOWN} of ${user ?? UNKNOWN}`),
    ...drivers.map((id) => `driver ${id}`),
  ];
}
