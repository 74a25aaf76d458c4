/**
 * `edgekeeper/clusters`: systems that keep their coordination in an ensemble, how they are told where it is, and what
 * their own znodes say of them.
 * @module
 */
export { ClusterFormatError } from "./cluster-format-error.ts";
export { hadoopSettings, hadoopStatus, watchHadoop } from "./hadoop.ts";
export type {
  HadoopElection,
  HadoopNameNode,
  HadoopResourceManager,
  HadoopRoots,
  HadoopStatus,
} from "./hadoop.ts";
export { kafkaSettings, kafkaStatus, watchKafka } from "./kafka.ts";
export type { KafkaBroker, KafkaPartition, KafkaStatus, KafkaTopic } from "./kafka.ts";
export { clusterPlace, connectString } from "./settings.ts";
export type { ClusterPlace, SettingsFile } from "./settings.ts";
export { sparkSettings, sparkStatus, watchSpark } from "./spark.ts";
export type { SparkApplication, SparkMaster, SparkStatus, SparkWorker } from "./spark.ts";
export type { StatusWatch, StatusWatchOptions } from "./status-watch.ts";
