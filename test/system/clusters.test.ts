/** Kafka, Hadoop and Spark seen through their znodes: by the SDK and by the program, in a running ensemble, live. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import {
  hadoopStatus,
  kafkaStatus,
  sparkStatus,
  type StatusWatch,
  watchHadoop,
  watchKafka,
  watchSpark,
} from "../../src/clusters/index.ts";
import {
  activeNodeInfo,
  activeRmInfo,
  kafkaController,
  kafkaState,
  sparkZnodes,
  writeKafka,
} from "../clusters/znodes.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { RunningProgram, runProgram } from "../program/run-program.ts";

let ensemble: TestEnsemble;
let client: Client;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  ensemble = await startEnsemble({ vars: { VOTERS: "1" } });
  client = await connect(ensemble.httpUrl);
  env = { EDGEKEEPER_URL: ensemble.httpUrl };
});

afterAll(async () => {
  await client.close();
  await ensemble.stop();
});

/** The next status that is as it should be. */
async function until<T>(watch: StatusWatch<T>, matches: (status: T) => boolean): Promise<T> {
  for (;;) {
    const { value, done } = await watch.next();
    if (done === true) throw new Error("the watch is over");
    if (matches(value)) return value;
  }
}

const ephemeral = { mode: "ephemeral", parents: "persistent" } as const;

describe("Kafka", () => {
  test("is shown with controller, brokers, topics and what is wrong with them, live", async () => {
    await writeKafka(client, "/kafka");

    expect(await kafkaStatus(client, "/kafka")).toMatchObject({
      clusterId: "laAO6nXCTeO-ZAOvOXQF-w",
      controller: 1,
      controllerEpoch: 1,
      brokers: [
        { id: 1, endpoints: ["PLAINTEXT://127.0.0.1:9092"], rack: "rack-a" },
        { id: 2, endpoints: ["PLAINTEXT://127.0.0.1:9093"] },
      ],
      topics: [
        {
          name: "orders",
          isBeingDeleted: false,
          partitions: [
            { partition: 0, leader: 1, replicas: [1, 2], isr: [1, 2] },
            { partition: 1, leader: 2, replicas: [2, 1], isr: [2] },
          ],
        },
      ],
      underReplicated: 1,
      offline: 0,
    });

    const watch = await watchKafka(client, "/kafka");
    expect((await watch.next()).value).toMatchObject({ controller: 1 });
    await client.delete("/kafka/controller");
    await client.delete("/kafka/brokers/ids/1");
    await client.set("/kafka/brokers/topics/orders/partitions/0/state", kafkaState(-1, [1], 1));
    await client.create("/kafka/controller", kafkaController(2), ephemeral);
    await client.create("/kafka/admin/delete_topics/orders");
    const after = await until(watch, ({ topics }) => topics[0]?.isBeingDeleted === true);
    expect(after).toMatchObject({ controller: 2, brokers: [{ id: 2 }], offline: 1, underReplicated: 2 });
    await watch.return?.();
  });

  test("that is not there is told so, and one whose znodes are another's is an error with the path", async () => {
    expect(await kafkaStatus(client, "/nowhere")).toMatchObject({
      controller: undefined,
      brokers: [],
      topics: [],
    });
    const ran = await runProgram(["cluster", "status", "kafka", "--chroot", "/nowhere"], { env });
    expect(ran).toMatchObject({ code: 0, stdout: "no Kafka has been here: is that its chroot?\n" });

    await client.create("/odd/controller", "me", { parents: "persistent" });
    await expect(kafkaStatus(client, "/odd")).rejects.toMatchObject({
      code: "cluster-format",
      path: "/odd/controller",
    });
    const refused = await runProgram(["cluster", "status", "kafka", "--chroot", "/odd", "--json"], { env });
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "cluster-format" } });
  });

  test("is printed by the program, for people and as JSON, and watched until Ctrl-C", async () => {
    await writeKafka(client, "/kafka-2");
    const words = ["kafka", "--chroot", "/kafka-2"];

    const { stdout } = await runProgram(["cluster", "status", ...words], { env });
    expect(stdout).toContain("cluster laAO6nXCTeO-ZAOvOXQF-w, controller 1, epoch 1\n");
    expect(stdout).toMatch(/^ {2}1 {2}leader 2 {2}replicas 2,1 {2}isr 2 +UNDER-REPLICATED$/m);
    const json = await runProgram(["cluster", "status", ...words, "--json"], { env });
    expect(JSON.parse(json.stdout)).toEqual(
      JSON.parse(JSON.stringify(await kafkaStatus(client, "/kafka-2"))),
    );

    const watching = new RunningProgram(["cluster", "watch", ...words, "--json"], { env });
    await watching.until(/"controller":1.*\n/);
    await client.delete("/kafka-2/controller");
    await watching.until(/\n\{"system":"kafka","clusterId":"[^"]*","controllerEpoch".*\n/);
    expect(await watching.interrupt()).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("Hadoop", () => {
  test("is shown with the active NameNode, the one to be fenced, and YARN's, live", async () => {
    const hdfs = "/hadoop-ha/mycluster";
    await client.create(`${hdfs}/ActiveBreadCrumb`, activeNodeInfo("nn1", "host-1"), {
      parents: "persistent",
    });
    await client.create(`${hdfs}/ActiveStandbyElectorLock`, activeNodeInfo("nn1", "host-1"), ephemeral);
    const yarn = "/yarn-leader-election/yarn-main";
    await client.create(`${yarn}/ActiveStandbyElectorLock`, activeRmInfo("rm2"), ephemeral);
    await client.create(`${yarn}/ActiveBreadCrumb`, activeRmInfo("rm2"));
    const applications = "/rmstore/ZKRMStateRoot/RMAppRoot";
    for (const name of ["application_1795927093922_0001", "HIERARCHIES"]) {
      await client.create(`${applications}/${name}`, "", { parents: "persistent" });
    }
    const nn1 = { nameservice: "mycluster", namenode: "nn1", address: "host-1:8020", zkfcPort: 8019 };

    expect(await hadoopStatus(client)).toEqual({
      system: "hadoop",
      nameservices: [{ name: "mycluster", active: nn1, breadCrumb: nn1, session: client.sessionId }],
      resourceManagers: [
        {
          name: "yarn-main",
          active: { clusterId: "yarn-main", rmId: "rm2" },
          breadCrumb: { clusterId: "yarn-main", rmId: "rm2" },
          session: client.sessionId,
        },
      ],
      applications: ["application_1795927093922_0001"],
    });

    const watch = await watchHadoop(client);
    await watch.next();
    await client.delete(`${hdfs}/ActiveStandbyElectorLock`);
    const between = await until(watch, ({ nameservices }) => nameservices[0]?.active === undefined);
    expect(between.nameservices[0]).toMatchObject({ breadCrumb: nn1, session: 0n });
    const { stdout } = await runProgram(["cluster", "status", "hadoop"], { env });
    expect(stdout).toContain("nameservice mycluster: nobody is active; nn1 (host-1:8020) was, and is fenced");
    await client.set(`${hdfs}/ActiveBreadCrumb`, activeNodeInfo("nn2", "host-2"));
    await client.create(`${hdfs}/ActiveStandbyElectorLock`, activeNodeInfo("nn2", "host-2"), ephemeral);
    const after = await until(watch, ({ nameservices }) => nameservices[0]?.active !== undefined);
    expect(after.nameservices[0]?.active).toMatchObject({ namenode: "nn2", address: "host-2:8020" });
    await watch.return?.();
  });
});

describe("Spark", () => {
  test("is shown with its masters in their order, workers and applications, live", async () => {
    await using second = await connect(ensemble.httpUrl);
    const latch = { ...ephemeral, sequential: true } as const;
    await client.create("/spark/leader_election/_c_e757ca54-3ea9-4106-a54c-08c32d84ada2-latch-", "", latch);
    await second.create("/spark/leader_election/_c_0ff8588e-3ccc-4ddb-96b3-de333441b1da-latch-", "", latch);
    const kept = "/spark/master_status";
    const worker = "worker-20261129043815-127.0.0.1-45511";
    await client.create(`${kept}/worker_${worker}`, sparkZnodes.worker, { parents: "persistent" });
    await client.create(`${kept}/app_app-20261129045027-0000`, sparkZnodes.application);
    await client.create(`${kept}/worker_by-kryo`, Uint8Array.of(1, 0, 2));

    expect(await sparkStatus(client)).toEqual({
      system: "spark",
      masters: [
        { sequence: 0, session: client.sessionId, isLeader: true },
        { sequence: 1, session: second.sessionId, isLeader: false },
      ],
      workers: [
        { id: "by-kryo" },
        { id: worker, address: "127.0.0.1:45511", cores: 1, memoryMb: 512, webUi: "http://127.0.0.1:28089" },
      ],
      applications: [{ id: "app-20261129045027-0000", name: "nightly sums", user: "root" }],
      drivers: [],
    });

    const watch = await watchSpark(client);
    await watch.next();
    const [first = ""] = (await client.children("/spark/leader_election")).filter((name) =>
      name.endsWith("0"),
    );
    await client.delete(`/spark/leader_election/${first}`);
    const after = await until(watch, ({ masters }) => masters.length === 1);
    expect(after.masters[0]).toMatchObject({ session: second.sessionId, isLeader: true });
    await watch.return?.();
  });
});

describe("a watch of a status", () => {
  test("ends with its signal's reason, and with its session", async () => {
    await using own = await connect(ensemble.httpUrl);
    const ending = new AbortController();
    const watch = await watchKafka(own, "/kafka", { signal: ending.signal });
    await watch.next();
    const next = watch.next();
    ending.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");

    const other = await watchKafka(own, "/kafka");
    await other.next();
    const last = other.next();
    await own.close();
    await expect(last).rejects.toMatchObject({ code: "CLOSED" });
  });
});

test("what a system is told is printed, or written where no file of that name is", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edgekeeper-cluster-"));
  try {
    const words = ["cluster", "init", "kafka", "--connect", "127.0.0.1:2181", "--chroot", "/k"];
    const printed = await runProgram(words);
    expect(printed.stdout).toContain("zookeeper.connect=127.0.0.1:2181/k\n");

    const written = await runProgram([...words, "--directory", directory, "--json"]);
    expect(JSON.parse(written.stdout)).toMatchObject({ connect: "127.0.0.1:2181/k", directory });
    expect(await readFile(join(directory, "server.properties"), "utf8")).toContain("127.0.0.1:2181/k");
    const again = await runProgram([...words, "--directory", directory]);
    expect(again).toMatchObject({ code: 1 });
    expect(again.stderr).toContain("server.properties");
    expect((await runProgram(["cluster", "init", "solr"])).code).toBe(2);
    expect((await runProgram(["cluster", "init", "kafka", "--connect", "x"])).stderr).toContain("host:port");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
