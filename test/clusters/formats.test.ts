/** What other systems write, read; and what they do not write, refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { isObject, readJavaObject } from "../../src/clusters/java-serialization.ts";
import { protobufNumber, protobufText, readProtobuf } from "../../src/clusters/protobuf.ts";
import { clusterPlace, connectString } from "../../src/clusters/settings.ts";
import { hadoopSettings } from "../../src/clusters/hadoop.ts";
import { kafkaSettings } from "../../src/clusters/kafka.ts";
import { sparkSettings } from "../../src/clusters/spark.ts";
import { activeNodeInfo, sparkZnodes } from "./znodes.ts";

describe("an object that Java has serialized", () => {
  test("of Spark's WorkerInfo has its fields", () => {
    const worker = readJavaObject(sparkZnodes.worker);

    expect(worker?.className).toBe("org.apache.spark.deploy.master.WorkerInfo");
    expect(worker?.fields.get("host")).toBe("127.0.0.1");
    expect(worker?.fields.get("port")).toBe(45_511);
    expect(worker?.fields.get("memory")).toBe(512);
    expect(worker?.fields.get("webUiAddress")).toBe("http://127.0.0.1:28089");
  });

  test("of Spark's ApplicationInfo holds others, which are read as well", () => {
    const description = readJavaObject(sparkZnodes.application)?.fields.get("desc");

    expect(isObject(description) && description.fields.get("name")).toBe("nightly sums");
  });

  test("that is cut is none, wherever that is", () => {
    fc.assert(
      fc.property(fc.nat(sparkZnodes.worker.length - 1), (length) => {
        expect(readJavaObject(sparkZnodes.worker.subarray(0, length))).toBeUndefined();
      }),
    );
  });

  test("that is damaged is read or not, and nothing else happens", () => {
    const { application } = sparkZnodes;
    fc.assert(
      fc.property(fc.nat(application.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Uint8Array.from(application);
        damaged[at] = byte;
        const read = readJavaObject(damaged);
        expect(read === undefined || typeof read.className === "string").toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a message of Protocol Buffers", () => {
  test("of HDFS's ActiveNodeInfo has its fields", () => {
    const fields = readProtobuf(activeNodeInfo("nn1", "host-1")) ?? new Map<number, bigint>();

    expect([1, 2, 3].map((number) => protobufText(fields, number))).toEqual(["mycluster", "nn1", "host-1"]);
    expect([4, 5].map((number) => protobufNumber(fields, number))).toEqual([8020, 8019]);
  });

  test("that is cut within a field is none", () => {
    const bytes = activeNodeInfo("nn1", "host-1");

    expect(readProtobuf(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
    expect(readProtobuf(bytes.subarray(0, 5))).toBeUndefined();
    expect(readProtobuf(new TextEncoder().encode("host-1:8020"))).toBeUndefined();
  });
});

describe("settings", () => {
  const place = clusterPlace("a:2181,b:2182", "/prod");

  test("are a connect string with the chroot for Kafka, and roots below it for Hadoop and Spark", () => {
    expect(connectString(place)).toBe("a:2181,b:2182/prod");
    expect(kafkaSettings(place)[0]?.text).toContain("\nzookeeper.connect=a:2181,b:2182/prod\n");
    const hadoop = hadoopSettings(place)
      .map(({ text }) => text.replaceAll(/\s+/g, ""))
      .join("");
    expect(hadoop).toContain("<name>ha.zookeeper.quorum</name><value>a:2181,b:2182</value>");
    expect(hadoop).toContain("<name>ha.zookeeper.parent-znode</name><value>/prod/hadoop-ha</value>");
    expect(hadoop).toContain("<value>/prod/rmstore</value>");
    expect(sparkSettings(place)[0]?.text).toContain("-Dspark.deploy.zookeeper.url=a:2181,b:2182 ");
    expect(sparkSettings(place)[0]?.text).toContain('-Dspark.deploy.zookeeper.dir=/prod/spark"');
  });

  test.each([
    ["a", "/"],
    ["", "/"],
    ["a:2181 b:2181", "/"],
    ["a:2181", "prod"],
    ["a:2181", "/prod/"],
  ])("of hosts %j and chroot %j are refused", (hosts, chroot) => {
    expect(() => clusterPlace(hosts, chroot)).toThrow(/host:port|path/);
  });
});
