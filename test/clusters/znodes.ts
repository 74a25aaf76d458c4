/** Znodes as Kafka 3.9.1, Hadoop 3 and Spark 4.0.1 write them: Spark's and Kafka's were read from running ones. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Client } from "../../src/client/client.ts";

const SPARK = JSON.parse(
  readFileSync(fileURLToPath(new URL("spark-znodes.json", import.meta.url)), "utf8"),
) as {
  readonly application: readonly string[];
  readonly worker: readonly string[];
};

/** Spark's serialized znodes. */
export const sparkZnodes: { readonly application: Uint8Array; readonly worker: Uint8Array } = {
  application: Uint8Array.from(Buffer.from(SPARK.application.join(""), "base64")),
  worker: Uint8Array.from(Buffer.from(SPARK.worker.join(""), "base64")),
};

/** A broker's registration. */
function kafkaBroker(port: number): string {
  return JSON.stringify({
    features: {},
    listener_security_protocol_map: { PLAINTEXT: "PLAINTEXT" },
    endpoints: [`PLAINTEXT://127.0.0.1:${port}`],
    rack: "rack-a",
    jmx_port: -1,
    port,
    host: "127.0.0.1",
    version: 5,
    timestamp: "1795927093922",
  });
}

/** The registration of the controller. */
export function kafkaController(brokerid: number): string {
  return JSON.stringify({ version: 2, brokerid, timestamp: "1795927094431", kraftControllerEpoch: -1 });
}

/** The state of a partition. */
export function kafkaState(leader: number, isr: readonly number[], leaderEpoch = 0): string {
  return JSON.stringify({ controller_epoch: 1, leader, version: 1, leader_epoch: leaderEpoch, isr });
}

/** A Kafka of two brokers, with one topic of two partitions, below a chroot. */
export async function writeKafka(client: Client, chroot: string): Promise<void> {
  const assigned = { partitions: { 0: [1, 2], 1: [2, 1] }, topic_id: "DLHA1ZH2SheWdDm8uyxzTw" };
  const znodes: readonly (readonly [string, string])[] = [
    ["/cluster/id", '{"version":"1","id":"laAO6nXCTeO-ZAOvOXQF-w"}'],
    ["/controller_epoch", "1"],
    [
      "/brokers/topics/orders",
      JSON.stringify({ ...assigned, adding_replicas: {}, removing_replicas: {}, version: 3 }),
    ],
    ["/brokers/topics/orders/partitions/0/state", kafkaState(1, [1, 2])],
    ["/brokers/topics/orders/partitions/1/state", kafkaState(2, [2])],
    ["/admin/delete_topics", ""],
  ];
  for (const [path, data] of znodes) await client.create(chroot + path, data, { parents: "persistent" });
  const ephemeral = { mode: "ephemeral", parents: "persistent" } as const;
  await client.create(`${chroot}/brokers/ids/1`, kafkaBroker(9092), ephemeral);
  await client.create(`${chroot}/brokers/ids/2`, kafkaBroker(9093), ephemeral);
  await client.create(`${chroot}/controller`, kafkaController(1), ephemeral);
}

/** A field of Protocol Buffers: a text, or a number. */
function field(number: number, value: string | number): readonly number[] {
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return [(number << 3) | 2, bytes.length, ...bytes];
  }
  const rest = [number << 3];
  for (let left = value; ; left = Math.floor(left / 128)) {
    rest.push(left >= 128 ? (left % 128) | 0x80 : left);
    if (left < 128) return rest;
  }
}

/** HDFS's ActiveNodeInfo. */
export function activeNodeInfo(namenode: string, host: string): Uint8Array {
  const values = ["mycluster", namenode, host, 8020, 8019];
  return Uint8Array.from(values.flatMap((value, index) => field(index + 1, value)));
}

/** YARN's ActiveRMInfoProto. */
export function activeRmInfo(rmId: string): Uint8Array {
  return Uint8Array.from([...field(1, "yarn-main"), ...field(2, rmId)]);
}
